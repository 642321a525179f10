use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hkdf::Hkdf;
use p256::{PublicKey, SecretKey};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha2::Sha256;

use super::*;
use crate::testing::{self, Answer, Receiver, reasons};
use crate::{SettingsError, kind};

const PRIVATE_KEY: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
const PUBLIC_KEY: &str =
    "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";

fn settings() -> Value {
    json!({"vapid_public_key": PUBLIC_KEY, "vapid_private_key": PRIVATE_KEY,
        "subject": "mailto:push@example.com"})
}

/// A browser, which reads what it is sent.
struct Browser {
    key: SecretKey,
    auth: [u8; 16],
}

impl Browser {
    fn new() -> Self {
        Self { key: encryption::new_secret_key().unwrap(), auth: [7; 16] }
    }

    fn subscription(&self, endpoint: &str) -> Value {
        let p256dh = BASE64.encode(self.key.public_key().to_sec1_bytes());
        json!({"endpoint": endpoint, "expirationTime": null,
            "keys": {"p256dh": p256dh, "auth": BASE64.encode(self.auth)}})
    }

    fn read(&self, body: &[u8]) -> Value {
        let (salt, rest) = body.split_at(16);
        let (sender, record) = rest[5..].split_at(usize::from(rest[4]));
        let shared = self.key.diffie_hellman(&PublicKey::from_sec1_bytes(sender).unwrap());
        let ours = self.key.public_key().to_sec1_bytes();
        let info = [b"WebPush: info\0".as_slice(), &ours, sender].concat();
        let derive = |salt: &[u8], input: &[u8], info: &[u8], output: &mut [u8]| {
            Hkdf::<Sha256>::new(Some(salt), input).expand(info, output).unwrap();
        };
        let (mut input, mut key, mut nonce) = ([0; 32], [0; 16], [0; 12]);
        derive(&self.auth, shared.raw_secret_bytes(), &info, &mut input);
        derive(salt, &input, b"Content-Encoding: aes128gcm\0", &mut key);
        derive(salt, &input, b"Content-Encoding: nonce\0", &mut nonce);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
        let mut record = record.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = key.open_in_place(nonce, Aad::empty(), &mut record).unwrap();
        serde_json::from_slice(opened.strip_suffix(&[2]).unwrap()).unwrap()
    }
}

fn prepare(sender: &dyn Sender, properties: &Value) -> Result<Arc<Prepared>, String> {
    let mappings = json!([{"name": "Push", "trigger": "type = \"track\"",
        "action": "send_web_push", "use_defaults": true, "fields": {}}]);
    let actions = kind("web_push").unwrap().actions;
    let mappings = mapping::Mappings::from_json_for(actions, &mappings.to_string()).unwrap();
    let message =
        json!({"type": "track", "userId": "u", "event": "Push", "properties": properties});
    testing::prepare(sender, &mappings, &[message]).remove(0)
}

async fn send(answer: Answer) -> Vec<Result<(), Failure>> {
    let receiver = Receiver::start([answer]).await;
    let sender = testing::connect("web_push", settings());
    let subscription = Browser::new().subscription(&receiver.url);
    let push = prepare(&*sender, &json!({"title": "T", "subscription": subscription})).unwrap();
    sender.send(vec![push]).await
}

#[tokio::test]
async fn a_browser_reads_what_was_sent_and_nobody_else() {
    let receiver = Receiver::start([(201, [].as_slice(), String::new())]).await;
    let sender = testing::connect("web_push", settings());
    let browser = Browser::new();
    let properties = json!({"subscription": browser.subscription(&format!("{}/push/1", receiver.url)),
        "title": "New episode", "body": "“Zoë” is here", "ttl_s": 60, "urgency": "high",
        "topic": "episode", "url": "https://example.com/zoe",
        "actions": [{"action": "later", "title": "Later"}], "data": {"n": 5}});
    let push = prepare(&*sender, &properties).unwrap();
    let message = json!({"id": "delivery-1", "title": "New episode", "body": "“Zoë” is here",
        "url": "https://example.com/zoe", "actions": [{"action": "later", "title": "Later"}],
        "data": {"n": 5}});
    let described = &sender.describe(&[Arc::clone(&push)])[0];
    assert_eq!(described.body, message);
    assert!(!described.headers.contains_key("authorization"));

    let outcomes = Arc::clone(&sender).send(vec![Arc::clone(&push), push]).await;
    assert_eq!(outcomes, [Ok(()), Ok(())]);
    let received = receiver.received();
    for request in &received {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/push/1"));
        let header = |name: &str| request.headers[name].as_str();
        assert_eq!([header("ttl"), header("urgency"), header("topic")], ["60", "high", "episode"]);
        assert_eq!(header("content-encoding"), "aes128gcm");
        assert!(header("authorization").ends_with(&format!(", k={PUBLIC_KEY}")));
        assert_eq!(browser.read(&request.bytes), message);
    }
    assert_ne!(received[0].bytes, received[1].bytes, "each has a key of its own");
}

#[tokio::test]
async fn answers_are_told_apart() {
    for (status, outcome) in [
        (200, ""),
        (201, ""),
        (202, ""),
        (400, "http_400"),
        (401, "invalid_key"),
        (403, "invalid_key"),
        (404, "subscription_gone"),
        (410, "subscription_gone"),
        (413, "payload_too_large"),
        (500, "retry http_500"),
        (503, "retry http_503"),
    ] {
        assert_eq!(reasons(&send((status, &[], "why".to_owned())).await), [outcome], "{status}");
    }
    let limited = send((429, &[("retry-after", "30")], String::new())).await;
    // A service that is in trouble, or no service at all, does not stop those of other browsers.
    let Err(Failure::Retry { after_ms: Some(30_000), is_outage: false, .. }) = &limited[0] else {
        panic!("{limited:?}");
    };
}

#[tokio::test]
async fn a_service_that_is_no_address_of_the_internet_is_refused() {
    let settings = serde_json::from_value(settings()).unwrap();
    let outgoing = Arc::new(Outgoing::new(&crate::OutgoingOptions::default()).unwrap());
    let sender = kind("web_push").unwrap().connect(&settings, &outgoing).unwrap();
    let subscription = Browser::new().subscription("https://127.0.0.1/");
    let push = prepare(&*sender, &json!({"title": "T", "subscription": subscription})).unwrap();
    assert_eq!(reasons(&sender.send(vec![push]).await), ["refused_address"]);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_its_field() {
    let sender = testing::connect("web_push", settings());
    let subscription = Browser::new().subscription("https://push.example.com/1");
    let with = |place: &str, value: Value| {
        let mut properties = json!({"title": "T", "subscription": subscription});
        *properties.pointer_mut(place).unwrap() = value;
        prepare(&*sender, &properties).unwrap_err()
    };
    let field = |name: &str, value: Value| {
        let mut properties = json!({"title": "T", "subscription": subscription});
        properties[name] = value;
        prepare(&*sender, &properties).map(|_| ()).unwrap_err()
    };
    let errors = [
        with("/subscription/endpoint", "ftp://push.example.com".into()),
        with("/subscription/keys/p256dh", PRIVATE_KEY.into()),
        with("/subscription/keys/auth", "AAAA".into()),
        field("topic", "a b".into()),
        field("topic", "a".repeat(33).into()),
        field("urgency", "urgent".into()),
        field("ttl_s", json!(-1)),
        field("ttl_s", json!(2_419_201)),
        field("body", "é".repeat(2_000).into()),
    ];
    let expected = [
        "Push: subscription.endpoint should begin with https:// but begins with ftp:",
        "Push: subscription.keys.p256dh should be a public key of P-256: 65 bytes in base64url",
        "Push: subscription.keys.auth should be 16 bytes in base64url",
        "Push: topic should be 1 to 32 of A-Z, a-z, 0-9, - and _",
        "Push: topic should be 1 to 32 of A-Z, a-z, 0-9, - and _",
        "Push: urgency should be one of very-low, low, normal, high but it was \"urgent\"",
        "Push: ttl_s should be 0 or more but it was -1",
        "Push: ttl_s should be at most 2419200 but it was 2419201",
        "Push: the message has 4041 bytes as JSON, with all its fields; push services take 3993",
    ];
    assert_eq!(errors, expected);
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let connect = |key: &str, value: &str| -> SettingsError {
        let mut settings: std::collections::BTreeMap<String, Value> =
            serde_json::from_value(settings()).unwrap();
        settings.insert(key.to_owned(), value.into());
        kind("web_push").unwrap().connect(&settings, &testing::outgoing()).err().unwrap()
    };
    let other = VapidKeyPair::generate().unwrap();
    let error = connect("vapid_public_key", &other.public_key).to_string();
    assert!(error.contains(PUBLIC_KEY), "{error}");
    let error = connect("vapid_private_key", "abc").to_string();
    assert!(error.contains("tastemaker vapid-keys") && !error.contains("abc"), "{error}");
    assert_eq!(connect("subject", "push@example.com").setting, "subject");
}
