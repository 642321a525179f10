//! With a stand-in for Google's token endpoint and for FCM, which answers as their documentation
//! says: the real ones take no messages of tests.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;

use super::*;
use crate::kind;
use crate::testing::{self, Answer, Received, Receiver, reasons};

const KEY: &str = include_str!("../../../tests/keys/rsa.pem");
const SENT: &str = r#"{"name": "projects/shop/messages/1"}"#;

fn answer(status: u16, body: impl Into<String>) -> Answer {
    (status, &[], body.into())
}

fn token(n: u32) -> Answer {
    let body =
        json!({"access_token": format!("t-{n}"), "expires_in": 3_599, "token_type": "Bearer"});
    answer(200, body.to_string())
}

/// A sender, and the stand-in that it sends to.
async fn start(answers: Vec<Answer>) -> (Receiver, Arc<dyn Sender>) {
    let stand_in = Receiver::start(answers).await;
    let account = json!({"type": "service_account", "project_id": "shop", "private_key_id": "k-1",
        "private_key": KEY, "client_email": "push@shop.example.com"});
    let settings = json!({"service_account": account.to_string(), "api_url": stand_in.url,
        "token_url": format!("{}/token", stand_in.url)});
    let sender = testing::connect("fcm", settings);
    (stand_in, sender)
}

fn prepare(sender: &dyn Sender, fields: &Value) -> Result<Arc<Prepared>, String> {
    let mappings = json!([{"name": "Push", "trigger": "type = \"track\"", "action": "send_fcm", "fields": fields}]);
    let actions = kind("fcm").unwrap().actions;
    let mappings = mapping::Mappings::from_json_for(actions, &mappings.to_string()).unwrap();
    let message = json!({"type": "track", "userId": "u", "event": "Push"});
    testing::prepare(sender, &mappings, &[message]).remove(0)
}

fn hello(sender: &dyn Sender) -> Arc<Prepared> {
    prepare(sender, &json!({"token": "device", "title": "Hello"})).unwrap()
}

fn of_path<'r>(received: &'r [Received], path: &str) -> Vec<&'r Received> {
    received.iter().filter(|request| request.path == path).collect()
}

#[tokio::test]
async fn a_token_is_fetched_once_for_all_and_messages_go_with_it() {
    let (stand_in, sender) = start(vec![token(1), answer(200, SENT)]).await;
    let push = hello(&*sender);
    let sending = (0..8).map(|_| tokio::spawn(Arc::clone(&sender).send(vec![Arc::clone(&push)])));
    for sent in sending.collect::<Vec<_>>() {
        assert_eq!(sent.await.unwrap(), [Ok(())]);
    }
    let received = stand_in.received();
    let messages = of_path(&received, "/v1/projects/shop/messages:send");
    assert_eq!((messages.len(), received.len()), (8, 9));
    assert!(messages.iter().all(|request| request.headers["authorization"] == "Bearer t-1"));
    let expected = json!({"message": {"token": "device", "notification": {"title": "Hello"}}});
    assert_eq!(messages[0].body, expected);

    let asked = of_path(&received, "/token")[0];
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
    let form = String::from_utf8(asked.bytes.to_vec()).unwrap();
    let (grant, assertion) = form.split_once("&assertion=").unwrap();
    assert_eq!(grant, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer");
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let der = PrivatePkcs8KeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref())
        .verify(signed.as_bytes(), &BASE64.decode(signature).unwrap())
        .unwrap();
    let parts: Vec<Value> = signed
        .split('.')
        .map(|part| serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap())
        .collect();
    assert_eq!(parts[0], json!({"typ": "JWT", "alg": "RS256", "kid": "k-1"}));
    assert_eq!(parts[1]["iss"], "push@shop.example.com");
    assert_eq!(parts[1]["aud"], format!("{}/token", stand_in.url));
    assert_eq!(parts[1]["scope"], "https://www.googleapis.com/auth/firebase.messaging");
    assert_eq!(parts[1]["exp"].as_u64().unwrap() - parts[1]["iat"].as_u64().unwrap(), 3_600);
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_renewed_once() {
    let refused = || answer(401, r#"{"error": {"status": "UNAUTHENTICATED"}}"#);
    let answers = vec![token(1), refused(), token(2), answer(200, SENT)];
    let (stand_in, sender) = start(answers).await;
    let push = hello(&*sender);
    assert_eq!(Arc::clone(&sender).send(vec![Arc::clone(&push), push]).await, [Ok(()), Ok(())]);
    let received = stand_in.received();
    let used: Vec<_> = of_path(&received, "/v1/projects/shop/messages:send")
        .iter()
        .map(|request| request.headers["authorization"].clone())
        .collect();
    assert_eq!(used, ["Bearer t-1", "Bearer t-2", "Bearer t-2"]);

    let (_, sender) = start(vec![token(1), refused(), token(2), refused()]).await;
    let push = hello(&*sender);
    assert_eq!(reasons(&sender.send(vec![push]).await), ["invalid_key"]);
}

#[tokio::test]
async fn a_short_token_is_not_kept() {
    let short = || answer(200, r#"{"access_token": "t", "expires_in": 60}"#);
    let (stand_in, sender) =
        start(vec![short(), answer(200, SENT), short(), answer(200, SENT)]).await;
    let push = hello(&*sender);
    assert_eq!(sender.send(vec![Arc::clone(&push), push]).await, [Ok(()), Ok(())]);
    assert_eq!(of_path(&stand_in.received(), "/token").len(), 2);
}

#[tokio::test]
async fn the_token_endpoint_can_refuse_or_fail() {
    for (answer, outcome) in [
        (answer(400, r#"{"error": "invalid_grant"}"#), "invalid_key"),
        (answer(401, ""), "invalid_key"),
        (answer(503, ""), "retry http_503"),
        (answer(200, "garbage"), "retry unreadable_answer"),
    ] {
        let (_, sender) = start(vec![answer]).await;
        let push = hello(&*sender);
        assert_eq!(reasons(&sender.send(vec![push]).await), [outcome]);
    }
}

#[tokio::test]
async fn answers_are_told_apart_by_their_codes() {
    let error = |status: u16, word: &str, code: Option<&str>, text: &str| {
        let details = code.map(|code| vec![json!({"@type": ERROR_TYPE, "errorCode": code})]);
        let error = json!({"code": status, "status": word, "message": text, "details": details});
        answer(status, json!({"error": error}).to_string())
    };
    let violation = json!({"error": {"status": "INVALID_ARGUMENT", "message": "Request contains an \
        invalid argument.", "details": [{"@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": "message.token", "description": "Invalid"}]}]}});
    let invalid = |text: &str| error(400, "INVALID_ARGUMENT", Some("INVALID_ARGUMENT"), text);
    for (answer, outcome) in [
        (error(404, "NOT_FOUND", Some("UNREGISTERED"), "Gone"), "app_uninstalled"),
        (invalid("The registration token is not a valid FCM registration token"), "invalid_token"),
        (answer(400, violation.to_string()), "invalid_token"),
        (invalid("Message too big"), "payload_too_large"),
        (invalid("Invalid value at 'message.android'"), "invalid_message"),
        (error(403, "PERMISSION_DENIED", Some("SENDER_ID_MISMATCH"), ""), "invalid_key"),
        (error(403, "PERMISSION_DENIED", None, ""), "invalid_key"),
        (error(401, "UNAUTHENTICATED", Some("THIRD_PARTY_AUTH_ERROR"), ""), "invalid_key"),
        (error(429, "RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED"), ""), "retry quota_exceeded"),
        (error(503, "UNAVAILABLE", Some("UNAVAILABLE"), ""), "retry unavailable"),
        (error(500, "INTERNAL", Some("INTERNAL"), ""), "retry internal"),
        (answer(502, "<html>"), "retry http_502"),
        (answer(404, "<html>"), "http_404"),
    ] {
        let (_, sender) = start(vec![token(1), answer.clone(), token(2), answer]).await;
        let push = hello(&*sender);
        assert_eq!(reasons(&sender.send(vec![push]).await), [outcome]);
    }
    let limited = (429, [("retry-after", "20")].as_slice(), String::new());
    let (_, sender) = start(vec![token(1), limited]).await;
    let push = hello(&*sender);
    let outcomes = sender.send(vec![push]).await;
    let Err(Failure::Retry { after_ms: Some(20_000), is_outage: true, .. }) = &outcomes[0] else {
        panic!("{outcomes:?}");
    };
}

#[tokio::test]
async fn a_check_sends_nothing_to_anybody() {
    let (stand_in, sender) = start(vec![token(1), answer(200, SENT)]).await;
    assert_eq!(sender.check().await, Ok(()));
    assert_eq!(stand_in.received()[1].body["validate_only"], true);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_its_field() {
    let (_stand_in, sender) = start(vec![token(1)]).await;
    for (fields, expected) in [
        (json!({"title": "T"}), "Push: token or topic is missing"),
        (
            json!({"title": "T", "token": "a", "topic": "b"}),
            "Push: token and topic are both there, expected one",
        ),
        (json!({"token": "a"}), "Push: title is missing, and so are body and data"),
        (
            json!({"token": "a", "title": "T", "ttl_s": -5}),
            "Push: ttl_s should be 0 or more but it was -5",
        ),
        (
            json!({"topic": "a", "body": "b".repeat(2_048)}),
            "Push: the message has 2063 bytes as JSON; FCM takes 2048",
        ),
    ] {
        assert_eq!(prepare(&*sender, &fields).unwrap_err(), expected);
    }
    let fits = json!({"token": "a", "body": "b".repeat(2_048)});
    assert!(prepare(&*sender, &fits).is_ok());
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let account = |key: &str| {
        json!({"project_id": "shop", "private_key_id": "k", "private_key": key, "client_email": "e"})
            .to_string()
    };
    let p256 = include_str!("../../../tests/keys/p256.pem");
    for (settings, expected) in [
        (
            json!({"service_account": "{}"}),
            "service_account should be the JSON file of a service account's key, whole",
        ),
        (
            json!({"service_account": account("abc")}),
            "service_account should be the JSON file of a service account's key, whole",
        ),
        (
            json!({"service_account": account(p256)}),
            "service_account has a private_key that is no RSA key of 2,048 bits or more",
        ),
        (
            json!({"service_account": account(KEY), "project_id": "a/b"}),
            "project_id should be the ID of a project, such as my-shop-1a2b3",
        ),
        (
            json!({"service_account": account(KEY), "api_url": "fcm"}),
            "api_url should be an address: relative URL without a base",
        ),
    ] {
        let settings = serde_json::from_value(settings).unwrap();
        let error = kind("fcm").unwrap().connect(&settings, &testing::outgoing()).err().unwrap();
        assert_eq!(error.to_string(), expected);
    }
}
