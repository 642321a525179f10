//! Web push: messages to browsers, by the push service that each subscription names. RFC 8030 (the
//! request), 8291 (the encryption) and 8292 (who sends it).

mod encryption;
mod keys;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use activation::Failure;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::encryption::{BrowserKeys, MESSAGE_BYTES_MAX, encrypt};
use self::keys::Signer;
pub use self::keys::VapidKeyPair;
use super::push::{
    INVALID_KEY, PAYLOAD_TOO_LARGE, SUBSCRIPTION_GONE, no_random_bytes, of_one_receiver, put,
    refused, whole_field, word_field,
};
use crate::kind::{
    Actions, Batching, DescribedRequest, KindFiles, Made, Once, Prepared, Presets, RequestError,
    SendFuture, Sender, object_field, text_field,
};
use crate::outgoing::{HttpRequest, HttpResponse, SharedOutgoing, check_status, check_url};
use crate::{Outgoing, Settings, SettingsError};

pub(super) const FILES: KindFiles = KindFiles {
    name: "web_push",
    settings: include_str!("web_push/settings.json"),
    actions: Actions::Files(&[include_str!("web_push/actions/send_web_push.json")]),
    presets: Presets::File(include_str!("web_push/presets.json")),
    connect,
};

/// How long a service keeps a message for a browser that is away, without a field: a day.
const TTL_S_DEFAULT: u64 = 86_400;
/// How urgent a message can be (RFC 8030, section 5.3).
const URGENCIES: [&str; 4] = ["very-low", "low", "normal", "high"];
/// The longest topic (RFC 8030, section 5.4).
const TOPIC_CHARS_MAX: usize = 32;

struct WebPush {
    outgoing: SharedOutgoing,
    signer: Signer,
}

fn connect(
    settings: &Settings,
    outgoing: &Arc<Outgoing>,
) -> Result<Arc<dyn Sender>, SettingsError> {
    let subject = settings.text("subject");
    if !subject.starts_with("mailto:") && !subject.starts_with("https://") {
        let what = "should begin with mailto: or https://, so that a push service can ask you";
        return Err(SettingsError::new("subject", what));
    }
    let signer = Signer::new(settings.text("vapid_private_key"), subject)
        .map_err(|what| SettingsError::new("vapid_private_key", what))?;
    if settings.text("vapid_public_key").trim_end_matches('=') != signer.public_key {
        let what = format!("is not that of the private key, which is {}", signer.public_key);
        return Err(SettingsError::new("vapid_public_key", what));
    }
    Ok(Arc::new(WebPush { outgoing: Arc::clone(outgoing), signer }))
}

/// What is sent of a delivery.
#[derive(Serialize, Deserialize)]
struct Push {
    endpoint: String,
    /// The origin of the endpoint.
    service: String,
    p256dh: String,
    auth: String,
    ttl_s: u64,
    urgency: Option<String>,
    topic: Option<String>,
    /// What the service worker of the page gets.
    message: Value,
}

impl Push {
    fn of(made: &Made<'_>) -> Result<Self, RequestError> {
        let wrong = |field: &str, what: String| RequestError { field: field.to_owned(), what };
        let subscription = object_field(made, "subscription");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let endpoint = subscription.get("endpoint").map(text).unwrap_or_default();
        let url = check_url(&endpoint).map_err(|what| wrong("subscription.endpoint", what))?;
        let key = |name: &str| subscription.get("keys").map(|keys| text(&keys[name]));
        let (p256dh, auth) = (key("p256dh").unwrap_or_default(), key("auth").unwrap_or_default());
        BrowserKeys::read(&p256dh, &auth)
            .map_err(|(name, what)| wrong(&format!("subscription.keys.{name}"), what))?;
        let topic = text_field(made, "topic");
        if let Some(topic) = &topic
            && !is_topic(topic)
        {
            let what = format!("should be 1 to {TOPIC_CHARS_MAX} of A-Z, a-z, 0-9, - and _");
            return Err(wrong("topic", what));
        }
        let message = message(made);
        let n_bytes = message.to_string().len();
        if n_bytes > MESSAGE_BYTES_MAX {
            let what = format!(
                "has {n_bytes} bytes as JSON, with all its fields; push services take \
                 {MESSAGE_BYTES_MAX}"
            );
            return Err(wrong("the message", what));
        }
        Ok(Self {
            endpoint,
            service: url.origin().ascii_serialization(),
            p256dh,
            auth,
            ttl_s: whole_field(made, "ttl_s")?.unwrap_or(TTL_S_DEFAULT),
            urgency: word_field(made, "urgency", &URGENCIES)?,
            topic,
            message,
        })
    }

    /// The request as people see it: not encrypted, and without a signature.
    fn open_request(&self) -> HttpRequest {
        let body = self.message.to_string().into_bytes();
        let mut request = HttpRequest::json(Method::POST, self.endpoint.clone(), body)
            .with_header("content-type", "application/octet-stream")
            .with_header("content-encoding", "aes128gcm")
            .with_header("ttl", &self.ttl_s.to_string());
        if let Some(urgency) = &self.urgency {
            request = request.with_header("urgency", urgency);
        }
        if let Some(topic) = &self.topic {
            request = request.with_header("topic", topic);
        }
        request
    }
}

fn is_topic(text: &str) -> bool {
    let is_of_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=TOPIC_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_of_base64url)
}

/// What the service worker gets, as docs/destinations.md says.
fn message(made: &Made<'_>) -> Value {
    let mut message = json!({"id": made.delivery_id});
    for field in ["title", "body", "icon", "image", "url"] {
        put(&mut message, field, text_field(made, field));
    }
    let actions = made.fields.get("actions").and_then(|list| serde_json::to_value(list).ok());
    put(&mut message, "actions", actions);
    put(&mut message, "data", Some(object_field(made, "data")).filter(|data| !data.is_empty()));
    message
}

impl WebPush {
    async fn push(&self, push: &Push) -> Result<(), Failure> {
        let mut request = push.open_request();
        let browser = BrowserKeys::read(&push.p256dh, &push.auth).expect("it was prepared");
        request.body = encrypt(&request.body, &browser).map_err(no_random_bytes)?;
        let authorization = self.signer.authorization(&push.service);
        let request = request.with_secret("authorization", &authorization);
        // One of many services: its trouble is not that of the others.
        let response = self.outgoing.request(request).await.map_err(of_one_receiver)?;
        read_answer(&response)
    }
}

fn read_answer(response: &HttpResponse) -> Result<(), Failure> {
    match response.status.as_u16() {
        404 | 410 => Err(refused(SUBSCRIPTION_GONE, response)),
        413 => Err(refused(PAYLOAD_TOO_LARGE, response)),
        401 | 403 => Err(refused(INVALID_KEY, response)),
        _ => check_status(response).map_err(of_one_receiver),
    }
}

fn read_prepared(prepared: &Prepared) -> Push {
    Push::deserialize(&prepared.data).expect("prepared by the same sender")
}

impl Sender for WebPush {
    fn batching(&self) -> Batching {
        Batching::SINGLE
    }

    fn once(&self) -> Once {
        Once::ForCampaigns
    }

    fn prepare(&self, made: Made<'_>) -> Result<Prepared, RequestError> {
        let push = serde_json::to_value(Push::of(&made)?).expect("values are JSON");
        Ok(Prepared::new(made.delivery_id, "", push))
    }

    fn describe(&self, batch: &[Arc<Prepared>]) -> Vec<DescribedRequest> {
        batch.iter().map(|prepared| read_prepared(prepared).open_request().describe()).collect()
    }

    fn send(self: Arc<Self>, batch: Vec<Arc<Prepared>>) -> SendFuture<Vec<Result<(), Failure>>> {
        Box::pin(async move {
            let mut outcomes = Vec::with_capacity(batch.len());
            for prepared in &batch {
                outcomes.push(self.push(&read_prepared(prepared)).await);
            }
            outcomes
        })
    }

    /// Which services there are is known by subscriptions alone: the settings were checked.
    fn check(self: Arc<Self>) -> SendFuture<Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }
}
