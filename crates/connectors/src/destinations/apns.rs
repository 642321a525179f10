//! Apple's push notification service: messages to apps on Apple's devices, over HTTP/2.

mod provider;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use activation::Failure;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::provider::Provider;
use super::push::{
    APP_UNINSTALLED, INVALID_KEY, INVALID_MESSAGE, INVALID_TOKEN, PAYLOAD_TOO_LARGE,
    of_one_receiver, put, refused, whole_field, word_field,
};
use crate::kind::{
    Actions, Batching, DescribedRequest, KindFiles, Made, Once, Prepared, Presets, RequestError,
    SendFuture, Sender, object_field, text_field,
};
use crate::outgoing::{
    HttpRequest, HttpResponse, SharedOutgoing, check_status, check_url, failure_of_status,
};
use crate::{Outgoing, Settings, SettingsError};

pub(super) const FILES: KindFiles = KindFiles {
    name: "apns",
    settings: include_str!("apns/settings.json"),
    actions: Actions::Files(&[include_str!("apns/actions/send_apns.json")]),
    presets: Presets::File(include_str!("apns/presets.json")),
    connect,
};

/// The most bytes of a message; of a call over the internet, 1 KB more, which we do not send.
const MESSAGE_BYTES_MAX: usize = 4_096;
/// The longest name by which one message takes the place of another, in bytes.
const COLLAPSE_ID_BYTES_MAX: usize = 64;
/// The most characters of a token; those of today have 64.
const TOKEN_CHARS_MAX: usize = 200;
/// What a message can be.
const PUSH_TYPES: [&str; 10] = [
    "alert",
    "background",
    "location",
    "voip",
    "complication",
    "fileprovider",
    "mdm",
    "liveactivity",
    "pushtotalk",
    "widgets",
];
/// How urgent a message can be.
const PRIORITIES: [u64; 3] = [1, 5, 10];
/// The highest priority that a message in the background may have.
const BACKGROUND_PRIORITY: u64 = 5;
/// A token that no device has, by which keys are checked without a message.
const CHECKED_TOKEN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

struct Apns {
    outgoing: SharedOutgoing,
    provider: Provider,
    /// The bundle ID of the app.
    topic: String,
    /// Without a slash at its end.
    url: String,
}

fn connect(
    settings: &Settings,
    outgoing: &Arc<Outgoing>,
) -> Result<Arc<dyn Sender>, SettingsError> {
    let url = settings.text("api_url").trim_end_matches('/');
    check_url(url).map_err(|what| SettingsError::new("api_url", what))?;
    let text = |key: &str| settings.text(key).to_owned();
    let provider = Provider::new(settings.text("key"), text("key_id"), text("team_id"))
        .map_err(|what| SettingsError::new("key", what))?;
    let outgoing = Arc::clone(outgoing);
    Ok(Arc::new(Apns { outgoing, provider, topic: text("topic"), url: url.to_owned() }))
}

/// What is sent of a delivery.
#[derive(Serialize, Deserialize)]
struct Push {
    token: String,
    /// By name; none of them is a secret.
    headers: Vec<(String, String)>,
    message: Value,
}

impl Push {
    fn of(made: &Made<'_>, topic: &str) -> Result<Self, RequestError> {
        let wrong = |field: &str, what: String| RequestError { field: field.to_owned(), what };
        let token = text_field(made, "token").unwrap_or_default();
        let is_hex = token.bytes().all(|byte| byte.is_ascii_hexdigit());
        if token.is_empty() || token.len() > TOKEN_CHARS_MAX || !is_hex {
            let what = format!("should be 1 to {TOKEN_CHARS_MAX} hexadecimal digits");
            return Err(wrong("token", what));
        }
        let push_type = word_field(made, "push_type", &PUSH_TYPES)?;
        let push_type = push_type.unwrap_or_else(|| "alert".to_owned());
        let mut headers = vec![
            ("apns-id".to_owned(), uuid_of(&made.delivery_id)),
            ("apns-topic".to_owned(), text_field(made, "topic").unwrap_or(topic.to_owned())),
        ];
        let priority = match whole_field(made, "priority")? {
            None if push_type == "background" => Some(BACKGROUND_PRIORITY),
            Some(priority) if !PRIORITIES.contains(&priority) => {
                return Err(wrong(
                    "priority",
                    format!("should be 1, 5 or 10 but it was {priority}"),
                ));
            }
            Some(priority) if push_type == "background" && priority > BACKGROUND_PRIORITY => {
                let what = format!("of a background message is at most {BACKGROUND_PRIORITY}");
                return Err(wrong("priority", what));
            }
            priority => priority,
        };
        headers.extend(priority.map(|n| ("apns-priority".to_owned(), n.to_string())));
        if let Some(ttl_s) = whole_field(made, "ttl_s")? {
            // 0: now or never.
            let ends_s = made.message.received_at.0 / 1_000 + ttl_s as i64;
            let ends_s = if ttl_s == 0 { 0 } else { ends_s };
            headers.push(("apns-expiration".to_owned(), ends_s.to_string()));
        }
        if let Some(id) = text_field(made, "collapse_id") {
            if id.len() > COLLAPSE_ID_BYTES_MAX || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
                let what = format!(
                    "should be at most {COLLAPSE_ID_BYTES_MAX} visible characters of ASCII"
                );
                return Err(wrong("collapse_id", what));
            }
            headers.push(("apns-collapse-id".to_owned(), id));
        }
        let message = message(made, &push_type)?;
        let n_bytes = message.to_string().len();
        if n_bytes > MESSAGE_BYTES_MAX {
            let what = format!(
                "has {n_bytes} bytes as JSON, with all its fields; APNs takes {MESSAGE_BYTES_MAX}"
            );
            return Err(wrong("the message", what));
        }
        headers.push(("apns-push-type".to_owned(), push_type));
        Ok(Self { token, headers, message })
    }
}

/// The message: `aps`, and the data of the app beside it.
fn message(made: &Made<'_>, push_type: &str) -> Result<Value, RequestError> {
    let mut message = Value::Object(object_field(made, "data"));
    if message.get("aps").is_some() {
        let what = "has aps, which is made of the other fields".to_owned();
        return Err(RequestError { field: "data".to_owned(), what });
    }
    let mut alert = json!({});
    for field in ["title", "subtitle", "body"] {
        put(&mut alert, field, text_field(made, field));
    }
    let mut aps = Value::Object(object_field(made, "aps"));
    if alert != json!({}) {
        aps["alert"] = alert;
    }
    for (field, key) in [("sound", "sound"), ("category", "category"), ("thread_id", "thread-id")] {
        put(&mut aps, key, text_field(made, field));
    }
    put(&mut aps, "badge", whole_field(made, "badge")?);
    if push_type == "background" && aps["content-available"].is_null() {
        aps["content-available"] = 1.into();
    }
    if text_field(made, "image").is_some() {
        // The app's own extension fetches the picture before the message is shown.
        aps["mutable-content"] = 1.into();
    }
    for field in ["image", "url"] {
        put(&mut message, field, text_field(made, field));
    }
    if aps == json!({}) {
        let what = "is missing, and so is all else that aps could have".to_owned();
        return Err(RequestError { field: "title".to_owned(), what });
    }
    message["aps"] = aps;
    Ok(message)
}

/// A UUID (version 8) that follows from the id of a delivery.
fn uuid_of(delivery_id: &str) -> String {
    let digest = Sha256::digest(delivery_id.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

impl Apns {
    /// The request without a token of ours.
    fn open_request(&self, push: &Push) -> HttpRequest {
        let url = format!("{}/3/device/{}", self.url, push.token);
        let body = push.message.to_string().into_bytes();
        let mut request = HttpRequest::json(Method::POST, url, body);
        for (name, value) in &push.headers {
            request = request.with_header(name, value);
        }
        request
    }

    async fn post(&self, push: &Push) -> Result<HttpResponse, Failure> {
        let token = self.provider.token();
        let request = self.open_request(push);
        let request = request.with_secret("authorization", &format!("bearer {token}"));
        let response = self.outgoing.request_http2(request).await?;
        if response.status.as_u16() == 403 && reason_of(&response) == "ExpiredProviderToken" {
            self.provider.forget(&token);
        }
        Ok(response)
    }
}

/// The reason in an answer; empty where there is none.
fn reason_of(response: &HttpResponse) -> String {
    let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    answer["reason"].as_str().unwrap_or_default().to_owned()
}

/// What an answer says of a message.
fn read_answer(response: &HttpResponse) -> Result<(), Failure> {
    let outcome = check_status(response);
    if outcome.is_ok() {
        return outcome;
    }
    match reason_of(response).as_str() {
        "Unregistered" | "ExpiredToken" => Err(refused(APP_UNINSTALLED, response)),
        "BadDeviceToken" | "MissingDeviceToken" | "DeviceTokenNotForTopic" => {
            Err(refused(INVALID_TOKEN, response))
        }
        "PayloadTooLarge" => Err(refused(PAYLOAD_TOO_LARGE, response)),
        "BadTopic" | "MissingTopic" | "TopicDisallowed" => Err(refused("invalid_topic", response)),
        "BadCertificate"
        | "BadCertificateEnvironment"
        | "BadEnvironmentKeyIdInToken"
        | "Forbidden"
        | "InvalidProviderToken"
        | "MissingProviderToken"
        | "UnrelatedKeyIdInToken" => Err(refused(INVALID_KEY, response)),
        // The next attempt has a new token of ours.
        "ExpiredProviderToken" => Err(Failure::Retry {
            reason: "expired_key".to_owned(),
            text: "the token that our key signed is too old".to_owned(),
            after_ms: None,
            is_outage: false,
        }),
        "IdleTimeout" => Err(failure_of_status(408, "IdleTimeout", None)),
        // Too many to one device, which says nothing of the others.
        "TooManyRequests" => outcome.map_err(of_one_receiver),
        _ if matches!(response.status.as_u16(), 400 | 404 | 405) => {
            Err(refused(INVALID_MESSAGE, response))
        }
        _ => outcome,
    }
}

fn read_prepared(prepared: &Prepared) -> Push {
    Push::deserialize(&prepared.data).expect("prepared by the same sender")
}

impl Sender for Apns {
    fn batching(&self) -> Batching {
        Batching::SINGLE
    }

    fn once(&self) -> Once {
        Once::ForCampaigns
    }

    fn prepare(&self, made: Made<'_>) -> Result<Prepared, RequestError> {
        let push = serde_json::to_value(Push::of(&made, &self.topic)?).expect("values are JSON");
        Ok(Prepared::new(made.delivery_id, "", push))
    }

    fn describe(&self, batch: &[Arc<Prepared>]) -> Vec<DescribedRequest> {
        let describe = |one: &Arc<Prepared>| self.open_request(&read_prepared(one)).describe();
        batch.iter().map(describe).collect()
    }

    fn send(self: Arc<Self>, batch: Vec<Arc<Prepared>>) -> SendFuture<Vec<Result<(), Failure>>> {
        Box::pin(async move {
            let mut outcomes = Vec::with_capacity(batch.len());
            for prepared in &batch {
                let answer = self.post(&read_prepared(prepared)).await;
                outcomes.push(answer.and_then(|response| read_answer(&response)));
            }
            outcomes
        })
    }

    /// With a token that no device has: where the key is taken, the token is not.
    fn check(self: Arc<Self>) -> SendFuture<Result<(), Failure>> {
        Box::pin(async move {
            let push = Push {
                token: CHECKED_TOKEN.to_owned(),
                headers: vec![
                    ("apns-topic".to_owned(), self.topic.clone()),
                    ("apns-push-type".to_owned(), "background".to_owned()),
                    ("apns-priority".to_owned(), BACKGROUND_PRIORITY.to_string()),
                ],
                message: json!({"aps": {"content-available": 1}}),
            };
            let response = self.post(&push).await?;
            match reason_of(&response).as_str() {
                "BadDeviceToken" | "Unregistered" => Ok(()),
                _ => read_answer(&response),
            }
        })
    }
}
