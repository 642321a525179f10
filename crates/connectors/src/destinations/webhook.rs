//! Webhooks: JSON to an address, signed in the form of Standard Webhooks
//! (<https://www.standardwebhooks.com>): `webhook-id`, `webhook-timestamp` and `webhook-signature`.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use activation::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use sha2::{Digest, Sha256};

use crate::kind::{
    Actions, Batching, DescribedRequest, KindFiles, Made, Prepared, Presets, RequestError,
    SendFuture, Sender, for_all, json_field,
};
use crate::outgoing::{HttpRequest, SharedOutgoing, check_url, send_ok};
use crate::{Outgoing, Settings, SettingsError};

pub(super) const FILES: KindFiles = KindFiles {
    name: "webhook",
    settings: include_str!("webhook/settings.json"),
    actions: Actions::Files(&[include_str!("webhook/actions/send.json")]),
    presets: Presets::File(include_str!("webhook/presets.json")),
    connect,
};

/// The most bytes of a request with several messages.
const BATCH_BYTES_MAX: usize = 1_024 * 1_024;
/// How long a request with room waits for more messages, in milliseconds.
const BATCH_AGE_MS: u64 = 200;
/// Secrets in base64 begin with this.
const SECRET_PREFIX: &str = "whsec_";

struct Webhook {
    outgoing: SharedOutgoing,
    url: String,
    method: Method,
    secret: Option<Vec<u8>>,
    headers: Vec<(String, String)>,
    /// Empty where there is none.
    authorization: String,
    batch_size: usize,
}

fn connect(
    settings: &Settings,
    outgoing: &Arc<Outgoing>,
) -> Result<Arc<dyn Sender>, SettingsError> {
    let url = check_url(settings.text("url")).map_err(|what| SettingsError::new("url", what))?;
    let secret = match settings.text("secret") {
        "" => None,
        secret => Some(read_secret(secret)?),
    };
    let authorization = settings.text("authorization");
    let given = settings.texts("headers").map(|(name, value)| ("headers", name, value));
    let mut given = given.chain([("authorization", "authorization", authorization)]);
    if let Some((key, name, _)) = given.find(|(_, name, value)| !is_header(name, value)) {
        let what = format!("has {name:?}, which cannot be sent as a header");
        return Err(SettingsError::new(key, what));
    }
    Ok(Arc::new(Webhook {
        outgoing: Arc::clone(outgoing),
        url: url.into(),
        method: match settings.text("method") {
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            _ => Method::POST,
        },
        secret,
        headers: settings
            .texts("headers")
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        authorization: authorization.to_owned(),
        batch_size: settings.integer("batch_size"),
    }))
}

fn is_header(name: &str, value: &str) -> bool {
    let probe = HttpRequest::json(Method::POST, String::new(), Vec::new());
    probe.with_header(name, value).headers.contains_key(name)
}

fn read_secret(secret: &str) -> Result<Vec<u8>, SettingsError> {
    match secret.strip_prefix(SECRET_PREFIX) {
        None => Ok(secret.as_bytes().to_vec()),
        Some(text) => BASE64.decode(text).map_err(|_| {
            SettingsError::new("secret", format!("should be base64 after {SECRET_PREFIX}"))
        }),
    }
}

impl Webhook {
    fn body(&self, batch: &[Arc<Prepared>]) -> Vec<u8> {
        if self.batch_size == 1
            && let [one] = batch
        {
            return one.data.to_string().into_bytes();
        }
        let mut body = vec![b'['];
        for (n, prepared) in batch.iter().enumerate() {
            if n > 0 {
                body.push(b',');
            }
            body.extend_from_slice(prepared.data.to_string().as_bytes());
        }
        body.push(b']');
        body
    }

    /// The request without what depends on the time.
    fn unsigned(&self, batch: &[Arc<Prepared>]) -> HttpRequest {
        let body = self.body(batch);
        let mut request = HttpRequest::json(self.method.clone(), self.url.clone(), body);
        for (name, value) in &self.headers {
            request = request.with_header(name, value);
        }
        if !self.authorization.is_empty() {
            request = request.with_secret("authorization", &self.authorization);
        }
        request.with_header("webhook-id", &request_id(batch))
    }

    fn request(&self, batch: &[Arc<Prepared>]) -> HttpRequest {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let request = self.unsigned(batch).with_header("webhook-timestamp", &now_s.to_string());
        match &self.secret {
            None => request,
            Some(secret) => {
                let signature = sign(secret, &request_id(batch), now_s, &request.body);
                request.with_secret("webhook-signature", &signature)
            }
        }
    }
}

/// The id of a request: that of its only message, or a digest of the ids of all.
fn request_id(batch: &[Arc<Prepared>]) -> String {
    if let [one] = batch {
        return one.delivery_id.clone();
    }
    let mut digest = Sha256::new();
    batch.iter().for_each(|prepared| digest.update(prepared.delivery_id.as_bytes()));
    let hex = |byte: &u8| format!("{byte:02x}");
    digest.finalize()[..16].iter().map(hex).collect()
}

fn sign(secret: &[u8], id: &str, now_s: u64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("keys of any length are taken");
    mac.update(format!("{id}.{now_s}.").as_bytes());
    mac.update(body);
    format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
}

impl Sender for Webhook {
    fn batching(&self) -> Batching {
        match self.batch_size {
            0 | 1 => Batching::SINGLE,
            n_max => Batching {
                n_max,
                bytes_max: BATCH_BYTES_MAX,
                age_ms: BATCH_AGE_MS,
                is_atomic: true,
            },
        }
    }

    fn prepare(&self, made: Made<'_>) -> Result<Prepared, RequestError> {
        let body = json_field(&made, "body")?;
        Ok(Prepared::new(made.delivery_id, "", body))
    }

    fn describe(&self, batch: &[Arc<Prepared>]) -> Vec<DescribedRequest> {
        vec![self.unsigned(batch).describe()]
    }

    fn send(self: Arc<Self>, batch: Vec<Arc<Prepared>>) -> SendFuture<Vec<Result<(), Failure>>> {
        Box::pin(async move {
            let request = self.request(&batch);
            for_all(batch.len(), send_ok(Arc::clone(&self.outgoing), request).await)
        })
    }

    fn check(self: Arc<Self>) -> SendFuture<Result<(), Failure>> {
        Box::pin(async move {
            // A list without messages: the receiver knows the sender by the signature.
            let request = self.request(&[]);
            send_ok(Arc::clone(&self.outgoing), request).await
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::testing::reasons;
    use crate::{NetworkPolicy, OutgoingOptions, kind};

    #[tokio::test]
    async fn what_was_sent_and_has_no_answer_is_unknown_and_what_was_not_sent_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let policy = NetworkPolicy { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
        let request_time_max = Duration::from_millis(500);
        let options = OutgoingOptions { policy, request_time_max, ..OutgoingOptions::default() };
        let outgoing = Arc::new(Outgoing::new(&options).unwrap());
        let settings = BTreeMap::from([("url".to_owned(), url.into())]);
        let sender = kind("webhook").unwrap().connect(&settings, &outgoing).unwrap();
        let receiver = tokio::spawn(async move {
            // It takes one request and closes, takes another and says nothing, and goes.
            let (mut first, _) = listener.accept().await.unwrap();
            assert!(first.read(&mut [0; 4_096]).await.unwrap() > 0);
            drop(first);
            let second = listener.accept().await.unwrap();
            drop(listener);
            second
        });
        for reason in ["unknown broken_connection", "unknown timeout", "retry no_connection"] {
            assert_eq!(reasons(&[Arc::clone(&sender).check().await]), [reason]);
        }
        drop(receiver.await.unwrap());
    }

    #[test]
    fn a_signature_is_that_of_the_standards_example() {
        let secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
