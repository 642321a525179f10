//! Firebase Cloud Messaging: messages to Android, iOS and browsers by its HTTP v1 API.

mod account;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use activation::Failure;
use reqwest::Method;
use serde_json::{Map, Value, json};

use self::account::Account;
use super::push::{
    APP_UNINSTALLED, INVALID_KEY, INVALID_MESSAGE, INVALID_TOKEN, PAYLOAD_TOO_LARGE, put, refused,
    whole_field,
};
use crate::kind::{
    Actions, Batching, DescribedRequest, KindFiles, Made, Once, Prepared, Presets, RequestError,
    SendFuture, Sender, object_field, text_field,
};
use crate::outgoing::{HttpRequest, HttpResponse, SharedOutgoing, check_status, check_url};
use crate::{Outgoing, Settings, SettingsError};

pub(super) const FILES: KindFiles = KindFiles {
    name: "fcm",
    settings: include_str!("fcm/settings.json"),
    actions: Actions::Files(&[include_str!("fcm/actions/send_fcm.json")]),
    presets: Presets::File(include_str!("fcm/presets.json")),
    connect,
};

/// The most bytes of notification and data, to a device.
const DEVICE_BYTES_MAX: usize = 4_096;
/// The most bytes of notification and data, to a topic.
const TOPIC_BYTES_MAX: usize = 2_048;
/// The topic that a check names; nothing is sent to it.
const CHECKED_TOPIC: &str = "check";
/// The type of the details that say what became of a message.
const ERROR_TYPE: &str = "type.googleapis.com/google.firebase.fcm.v1.FcmError";

struct Fcm {
    outgoing: SharedOutgoing,
    account: Account,
    /// Where messages are sent.
    url: String,
}

fn connect(
    settings: &Settings,
    outgoing: &Arc<Outgoing>,
) -> Result<Arc<dyn Sender>, SettingsError> {
    let address = |key: &str| match check_url(settings.text(key)) {
        Ok(_) => Ok(settings.text(key).trim_end_matches('/').to_owned()),
        Err(what) => Err(SettingsError::new(key, what)),
    };
    let account = Account::read(settings.text("service_account"), address("token_url")?)
        .map_err(|what| SettingsError::new("service_account", what))?;
    let project = match settings.text("project_id") {
        "" => account.project_id.clone(),
        project => project.to_owned(),
    };
    if project.is_empty()
        || !project.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:".contains(&b))
    {
        let what = "should be the ID of a project, such as my-shop-1a2b3";
        return Err(SettingsError::new("project_id", what));
    }
    let url = format!("{}/v1/projects/{project}/messages:send", address("api_url")?);
    Ok(Arc::new(Fcm { outgoing: Arc::clone(outgoing), account, url }))
}

/// The `message` of a request.
fn message(made: &Made<'_>) -> Result<Value, RequestError> {
    let wrong = |field: &str, what: String| RequestError { field: field.to_owned(), what };
    let mut message = json!({});
    let bytes_max = match (text_field(made, "token"), text_field(made, "topic")) {
        (Some(token), None) => {
            message["token"] = token.into();
            DEVICE_BYTES_MAX
        }
        (None, Some(topic)) => {
            message["topic"] = topic.trim_start_matches("/topics/").into();
            TOPIC_BYTES_MAX
        }
        (None, None) => return Err(wrong("token", "or topic is missing".to_owned())),
        (Some(_), Some(_)) => {
            return Err(wrong("token", "and topic are both there, expected one".to_owned()));
        }
    };
    let mut notification = json!({});
    for field in ["title", "body", "image"] {
        put(&mut notification, field, text_field(made, field));
    }
    if notification != json!({}) {
        message["notification"] = notification;
    }
    let data = texts(object_field(made, "data"));
    put(&mut message, "data", Some(data).filter(|data| !data.is_empty()));
    let (notification, data) = (&message["notification"], &message["data"]);
    if notification.is_null() && data.is_null() {
        return Err(wrong("title", "is missing, and so are body and data".to_owned()));
    }
    let n_bytes = notification.to_string().len() + data.to_string().len();
    if n_bytes > bytes_max {
        let what = format!("has {n_bytes} bytes as JSON; FCM takes {bytes_max}");
        return Err(wrong("the message", what));
    }
    for field in ["android", "apns", "webpush"] {
        let options = object_field(made, field);
        put(&mut message, field, Some(options).filter(|options| !options.is_empty()));
    }
    if let Some(ttl_s) = whole_field(made, "ttl_s")? {
        add_ttl(&mut message, ttl_s, made);
    }
    Ok(message)
}

/// The members of an object as texts: FCM takes no others.
fn texts(object: Map<String, Value>) -> Map<String, Value> {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    object.into_iter().map(|(key, value)| (key, text(value).into())).collect()
}

/// Says for each platform how long a message is kept for a device that is away. What the options
/// of a platform say themselves stays.
fn add_ttl(message: &mut Value, ttl_s: u64, made: &Made<'_>) {
    let ends_s = made.message.received_at.0 / 1_000 + ttl_s as i64;
    let places = [
        ("android", None, "ttl", format!("{ttl_s}s")),
        ("apns", Some("headers"), "apns-expiration", ends_s.to_string()),
        ("webpush", Some("headers"), "TTL", ttl_s.to_string()),
    ];
    for (platform, part, key, value) in places {
        let mut place = &mut message[platform];
        if let Some(part) = part {
            place = &mut place[part];
        }
        if place[key].is_null() {
            place[key] = value.into();
        }
    }
}

impl Fcm {
    /// The request without a token.
    fn open_request(&self, body: &Value) -> HttpRequest {
        HttpRequest::json(Method::POST, self.url.clone(), body.to_string().into_bytes())
    }

    async fn token(&self) -> Result<String, Failure> {
        self.account.token(&self.outgoing).await.map_err(Failure::before_handing_over)
    }

    /// The answer to a request. A token that is not taken is renewed once.
    async fn post(&self, body: &Value) -> Result<HttpResponse, Failure> {
        let token = self.token().await?;
        let response = self.outgoing.request(self.open_request(body).with_bearer(&token)).await?;
        if response.status.as_u16() != 401 {
            return Ok(response);
        }
        self.account.forget(&token).await;
        let token = self.token().await?;
        self.outgoing.request(self.open_request(body).with_bearer(&token)).await
    }
}

/// What an answer says of a message.
fn read_answer(response: &HttpResponse) -> Result<(), Failure> {
    let outcome = check_status(response);
    if outcome.is_ok() {
        return outcome;
    }
    let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let error = &answer["error"];
    let details = error["details"].as_array().map(Vec::as_slice).unwrap_or_default();
    let code = details.iter().find(|detail| detail["@type"] == ERROR_TYPE);
    let code = code.and_then(|detail| detail["errorCode"].as_str());
    let code = code.or(error["status"].as_str()).unwrap_or_default();
    let text = error["message"].as_str().unwrap_or_default();
    match code {
        "UNREGISTERED" => Err(refused(APP_UNINSTALLED, response)),
        "SENDER_ID_MISMATCH"
        | "THIRD_PARTY_AUTH_ERROR"
        | "PERMISSION_DENIED"
        | "UNAUTHENTICATED" => Err(refused(INVALID_KEY, response)),
        "INVALID_ARGUMENT" if names_token(details, text) => Err(refused(INVALID_TOKEN, response)),
        "INVALID_ARGUMENT" if text.to_ascii_lowercase().contains("too big") => {
            Err(refused(PAYLOAD_TOO_LARGE, response))
        }
        "INVALID_ARGUMENT" => Err(refused(INVALID_MESSAGE, response)),
        // Reasons that pass have their codes as labels.
        "QUOTA_EXCEEDED" | "UNAVAILABLE" | "INTERNAL" => {
            outcome.map_err(|failure| with_reason(failure, &code.to_ascii_lowercase()))
        }
        _ => outcome,
    }
}

/// Whether an answer says that the token is none: by a field, or in words.
fn names_token(details: &[Value], text: &str) -> bool {
    let violations = details.iter().filter_map(|detail| detail["fieldViolations"].as_array());
    let mut fields = violations.flatten().map(|violation| &violation["field"]);
    fields.any(|field| field == "message.token") || text.contains("registration token")
}

fn with_reason(mut failure: Failure, label: &str) -> Failure {
    let (Failure::Retry { reason, .. }
    | Failure::Unknown { reason, .. }
    | Failure::Permanent { reason, .. }) = &mut failure;
    label.clone_into(reason);
    failure
}

impl Sender for Fcm {
    fn batching(&self) -> Batching {
        Batching::SINGLE
    }

    fn once(&self) -> Once {
        Once::ForCampaigns
    }

    fn prepare(&self, made: Made<'_>) -> Result<Prepared, RequestError> {
        let body = json!({"message": message(&made)?});
        Ok(Prepared::new(made.delivery_id, "", body))
    }

    fn describe(&self, batch: &[Arc<Prepared>]) -> Vec<DescribedRequest> {
        batch.iter().map(|prepared| self.open_request(&prepared.data).describe()).collect()
    }

    fn send(self: Arc<Self>, batch: Vec<Arc<Prepared>>) -> SendFuture<Vec<Result<(), Failure>>> {
        Box::pin(async move {
            let mut outcomes = Vec::with_capacity(batch.len());
            for prepared in &batch {
                let answer = self.post(&prepared.data).await;
                outcomes.push(answer.and_then(|response| read_answer(&response)));
            }
            outcomes
        })
    }

    fn check(self: Arc<Self>) -> SendFuture<Result<(), Failure>> {
        Box::pin(async move {
            let message = json!({"topic": CHECKED_TOPIC, "data": {"check": "1"}});
            let body = json!({"validate_only": true, "message": message});
            read_answer(&self.post(&body).await?)
        })
    }
}
