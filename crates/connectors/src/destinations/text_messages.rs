//! SMS and WhatsApp messages to people, one a request, by a provider: [`Provider`] is what differs.
//!
//! Most providers know no repeated requests. So a message of which nobody knows whether it was
//! taken is given up, unless the settings or the provider say otherwise.

mod custom;
mod number;
mod reasons;
mod receipts;
mod segments;
mod twilio;
mod whatsapp_cloud;

use std::sync::Arc;

use activation::Failure;
use domain::{CAMPAIGN_SOURCE, Message};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::receipts::{ReceiptCall, ReceiptError, read_receipt};
use crate::kind::{
    Actions, Batching, DescribedRequest, KindFiles, Made, Once, Prepared, Presets, RequestError,
    SendFuture, Sender, object_field, text_field,
};
use crate::outgoing::{HttpRequest, HttpResponse, SharedOutgoing, check_url};
use crate::{Outgoing, Settings, SettingsError};

pub(super) const FILES: KindFiles = KindFiles {
    name: "text_messages",
    settings: include_str!("text_messages/settings.json"),
    actions: Actions::Files(&[
        include_str!("text_messages/actions/send_sms.json"),
        include_str!("text_messages/actions/send_whatsapp.json"),
    ]),
    presets: Presets::File(include_str!("text_messages/presets.json")),
    connect,
};

/// The most characters of a text; Twilio takes no more.
const TEXT_CHARS_MAX: usize = 1_600;
/// The most files of a message.
const MEDIA_MAX: usize = 10;
/// The most variables of a template.
const VARIABLES_MAX: usize = 100;
/// The longest value of a variable, in characters.
const VARIABLE_CHARS_MAX: usize = 1_024;
/// The longest sender, template and language, in bytes.
const NAME_BYTES_MAX: usize = 512;
/// The language of templates where none is given.
const LANGUAGE_DEFAULT: &str = "en_US";
/// Settings without a default that one provider has alone.
const OF_CUSTOM: [&str; 10] = [
    "headers",
    "secret_header",
    "repeat_header",
    "body",
    "success_path",
    "success_values",
    "code_path",
    "give_up_codes",
    "repeat_codes",
    "check_url",
];
const OF_TWILIO: [&str; 1] = ["receipts_url"];
/// Answers after which nobody knows whether the message was taken. With 503 it was not.
const UNKNOWN: [&str; 4] = ["http_408", "http_500", "http_502", "http_504"];

/// The way to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Channel {
    Sms,
    Whatsapp,
}

/// The size of a text as SMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SmsSize {
    n_segments: usize,
    /// Whether all of it is in the GSM alphabet.
    is_gsm: bool,
}

/// A message to a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TextMessage {
    channel: Channel,
    /// `+4915112345678`.
    to: String,
    /// A number, a name or a messaging service; empty where the account says it.
    from: String,
    text: String,
    media: Vec<String>,
    /// Empty where there is a text.
    template: String,
    language: String,
    variables: Map<String, Value>,
    delivery_id: String,
    /// The member of our messages that names the person, `userId` or `anonymousId`, and the id.
    person: Option<(String, String)>,
    /// The key of the campaign whose message it is, and the id of that message.
    campaign: Option<(String, String)>,
}

/// What differs from one provider to the next. All of it is pure.
trait Provider: Send + Sync {
    /// The request of a message, with credentials.
    ///
    /// # Errors
    /// If the provider takes no such message.
    fn request(&self, message: &TextMessage) -> Result<HttpRequest, RequestError>;

    /// What an answer of any status says.
    ///
    /// # Errors
    /// If the message was not taken.
    fn read_answer(&self, response: &HttpResponse) -> Result<(), Failure>;

    /// A request that sends no message and fails without valid credentials; none where it is not
    /// known.
    fn check_request(&self) -> Option<HttpRequest>;

    /// Whether it sends a message once however often the request is repeated.
    fn knows_repeats(&self) -> bool {
        false
    }

    /// Whether the account says who WhatsApp messages are from.
    fn knows_whatsapp_sender(&self) -> bool {
        false
    }
}

struct TextMessages {
    outgoing: SharedOutgoing,
    provider: Box<dyn Provider>,
    sms_sender: String,
    whatsapp_sender: String,
    country_code: String,
    segments_max: usize,
    repeats_unknown: bool,
}

fn connect(
    settings: &Settings,
    outgoing: &Arc<Outgoing>,
) -> Result<Arc<dyn Sender>, SettingsError> {
    let country_code = settings.text("country_code").trim_start_matches('+').to_owned();
    if !country_code.is_empty() && !number::is_country_code(&country_code) {
        return Err(SettingsError::new("country_code", "should be 1 to 3 digits, such as 49"));
    }
    for key in ["url", "receipts_url", "check_url"] {
        if !settings.text(key).is_empty() {
            check_url(settings.text(key)).map_err(|what| SettingsError::new(key, what))?;
        }
    }
    let provider = settings.text("provider");
    let is_set =
        |key: &&&str| !settings.text(key).is_empty() || settings.texts(key).next().is_some();
    let of_others = [("custom", &OF_CUSTOM[..]), ("twilio", &OF_TWILIO[..])];
    for (owner, keys) in of_others.into_iter().filter(|(owner, _)| *owner != provider) {
        if let Some(key) = keys.iter().find(is_set) {
            let what = format!("is a setting of the provider {owner}, not of {provider}");
            return Err(SettingsError::new(key, what));
        }
    }
    let provider: Box<dyn Provider> = match provider {
        "whatsapp_cloud" => Box::new(whatsapp_cloud::WhatsappCloud::new(settings)?),
        "custom" => Box::new(custom::Custom::new(settings)?),
        _ => Box::new(twilio::Twilio::new(settings)?),
    };
    let repeats_unknown = settings.text("when_unknown") == "repeat" || provider.knows_repeats();
    Ok(Arc::new(TextMessages {
        outgoing: Arc::clone(outgoing),
        provider,
        sms_sender: settings.text("sender").to_owned(),
        whatsapp_sender: settings.text("whatsapp_sender").to_owned(),
        country_code,
        segments_max: settings.integer("sms_segments_max"),
        repeats_unknown,
    }))
}

/// A setting that a provider needs.
fn needed(settings: &Settings, key: &str) -> Result<String, SettingsError> {
    match settings.text(key) {
        "" => {
            let provider = settings.text("provider");
            Err(SettingsError::new(key, format!("is missing; provider {provider} needs it")))
        }
        text => Ok(text.to_owned()),
    }
}

/// An account as it stands in paths.
fn account_in_path(settings: &Settings) -> Result<String, SettingsError> {
    let account = needed(settings, "account")?;
    match account.bytes().all(|b| b.is_ascii_alphanumeric()) {
        true => Ok(account),
        false => Err(SettingsError::new("account", "should have letters and digits only")),
    }
}

/// The host of a provider, without a slash at its end.
fn host(settings: &Settings, default: &str) -> String {
    let url = Some(settings.text("url")).filter(|url| !url.is_empty()).unwrap_or(default);
    url.trim_end_matches('/').to_owned()
}

fn wrong(field: &str, what: impl Into<String>) -> RequestError {
    RequestError { field: field.to_owned(), what: what.into() }
}

impl TextMessages {
    fn read(&self, made: &Made<'_>) -> Result<TextMessage, RequestError> {
        let channel = match made.action.name.as_str() {
            "send_sms" => Channel::Sms,
            _ => Channel::Whatsapp,
        };
        let text = |field: &str| text_field(made, field).unwrap_or_default();
        let to =
            number::to_e164(&text("to"), &self.country_code).map_err(|what| wrong("to", what))?;
        let id = |member: &str, id: &Option<String>| Some((member.to_owned(), id.clone()?));
        let person = id("userId", &made.message.user_id)
            .or_else(|| id("anonymousId", &made.message.anonymous_id));
        let language = Some(text("language")).filter(|language| !language.is_empty());
        let message = TextMessage {
            channel,
            to,
            from: self.sender(channel, text("from"))?,
            text: text("text"),
            media: read_media(made)?,
            template: text("template"),
            language: language.unwrap_or_else(|| LANGUAGE_DEFAULT.to_owned()),
            variables: read_variables(object_field(made, "variables"))?,
            delivery_id: made.delivery_id.clone(),
            person,
            campaign: campaign_of(made.message),
        };
        self.check(&message)?;
        Ok(message)
    }

    /// Who a message is from: as a mapping says, or the settings.
    fn sender(&self, channel: Channel, given: String) -> Result<String, RequestError> {
        let (setting, default) = match channel {
            Channel::Sms => ("sender", &self.sms_sender),
            Channel::Whatsapp => ("whatsapp_sender", &self.whatsapp_sender),
        };
        let from = if given.is_empty() { default.clone() } else { given };
        let from = from.trim().trim_start_matches("whatsapp:").to_owned();
        let is_known = channel == Channel::Whatsapp && self.provider.knows_whatsapp_sender();
        match from.is_empty() && !is_known {
            true => Err(wrong("from", format!("is missing, and the destination has no {setting}"))),
            false => Ok(from),
        }
    }

    fn check(&self, message: &TextMessage) -> Result<(), RequestError> {
        let n_chars = message.text.chars().count();
        if n_chars > TEXT_CHARS_MAX {
            let what = format!("has {n_chars} characters, the limit is {TEXT_CHARS_MAX}");
            return Err(wrong("text", what));
        }
        for (field, value) in [
            ("from", &message.from),
            ("template", &message.template),
            ("language", &message.language),
        ] {
            if value.len() > NAME_BYTES_MAX {
                let what = format!("has {} bytes, the limit is {NAME_BYTES_MAX}", value.len());
                return Err(wrong(field, what));
            }
        }
        match message.channel {
            Channel::Sms if message.text.trim().is_empty() && message.media.is_empty() => {
                Err(wrong("text", "is empty, and there is no media"))
            }
            Channel::Sms if message.media.is_empty() => {
                let size = segments::sms_size(&message.text);
                let max = self.segments_max;
                match size.n_segments > max {
                    true => Err(wrong("text", format!("is {size}, the limit is {max}"))),
                    false => Ok(()),
                }
            }
            Channel::Sms => Ok(()),
            Channel::Whatsapp => {
                match (message.template.is_empty(), message.text.trim().is_empty()) {
                    (false, false) => {
                        Err(wrong("text", "cannot be beside a template: give one of them"))
                    }
                    (true, true) if message.media.is_empty() => {
                        Err(wrong("text", "is empty, and there is no template and no media"))
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}

/// The failure of an answer after which nobody knows whether the message was taken says so.
fn judge(failure: Failure) -> Failure {
    match failure {
        Failure::Retry { reason, text, is_outage, .. } if UNKNOWN.contains(&reason.as_str()) => {
            Failure::Unknown { reason, text, is_outage }
        }
        other => other,
    }
}

impl std::fmt::Display for SmsSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let segments = if self.n_segments == 1 { "segment" } else { "segments" };
        let alphabet = if self.is_gsm { "GSM alphabet" } else { "UCS-2" };
        write!(f, "{} {segments} of SMS in the {alphabet}", self.n_segments)
    }
}

/// The key of the campaign whose message it is, and its id.
fn campaign_of(message: &Message) -> Option<(String, String)> {
    if message.source != CAMPAIGN_SOURCE {
        return None;
    }
    let properties: Value = serde_json::from_str(message.body.as_deref()?).ok()?;
    Some((properties["campaign"].as_str()?.to_owned(), message.message_id.clone()))
}

/// The addresses of the files of a message.
fn read_media(made: &Made<'_>) -> Result<Vec<String>, RequestError> {
    let value = made.fields.get("media").map(serde_json::to_value);
    let listed = match value {
        Some(Ok(Value::Array(listed))) => listed,
        Some(Ok(Value::Null)) | None => Vec::new(),
        Some(Ok(alone)) => vec![alone],
        Some(Err(_)) => return Err(wrong("media", "is no list of addresses")),
    };
    let mut media: Vec<String> =
        listed.iter().map(|one| one.as_str().unwrap_or_default().trim().to_owned()).collect();
    media.retain(|url| !url.is_empty());
    if media.len() > MEDIA_MAX {
        let what = format!("has {} addresses, the limit is {MEDIA_MAX}", media.len());
        return Err(wrong("media", what));
    }
    for url in &media {
        check_url(url).map_err(|what| wrong("media", format!("{url:?} {what}")))?;
    }
    Ok(media)
}

/// The variables of a template as texts: WhatsApp takes nothing else.
fn read_variables(given: Map<String, Value>) -> Result<Map<String, Value>, RequestError> {
    if given.len() > VARIABLES_MAX {
        let what = format!("has {} members, the limit is {VARIABLES_MAX}", given.len());
        return Err(wrong("variables", what));
    }
    let read = |(name, value): (String, Value)| {
        let text = match value {
            Value::String(text) if !text.trim().is_empty() => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null | Value::String(_) => {
                return Err(wrong("variables", format!("has nothing for {name:?}")));
            }
            Value::Array(_) | Value::Object(_) => {
                return Err(wrong("variables", format!("has no single value for {name:?}")));
            }
        };
        let n_chars = text.chars().count();
        if n_chars > VARIABLE_CHARS_MAX {
            let what =
                format!("has {n_chars} characters for {name:?}, the limit is {VARIABLE_CHARS_MAX}");
            return Err(wrong("variables", what));
        }
        Ok((name, Value::String(text)))
    };
    given.into_iter().map(read).collect()
}

/// The message that was prepared.
fn message_of(prepared: &Prepared) -> TextMessage {
    TextMessage::deserialize(&prepared.data).expect("prepared by the same sender")
}

impl Sender for TextMessages {
    fn batching(&self) -> Batching {
        Batching::SINGLE
    }

    fn prepare(&self, made: Made<'_>) -> Result<Prepared, RequestError> {
        let message = self.read(&made)?;
        self.provider.request(&message)?;
        let data = serde_json::to_value(&message).expect("a message is JSON");
        Ok(Prepared::new(made.delivery_id, "", data))
    }

    fn describe(&self, batch: &[Arc<Prepared>]) -> Vec<DescribedRequest> {
        let request = |prepared: &Arc<Prepared>| self.provider.request(&message_of(prepared)).ok();
        batch.iter().filter_map(request).map(|request| request.describe()).collect()
    }

    fn once(&self) -> Once {
        if self.repeats_unknown { Once::AtLeast } else { Once::AtMost }
    }

    fn notes(&self, prepared: &Prepared) -> Vec<String> {
        let message = message_of(prepared);
        match message.channel {
            Channel::Sms if message.media.is_empty() => {
                vec![segments::sms_size(&message.text).to_string()]
            }
            _ => Vec::new(),
        }
    }

    fn send(self: Arc<Self>, batch: Vec<Arc<Prepared>>) -> SendFuture<Vec<Result<(), Failure>>> {
        Box::pin(async move {
            let mut outcomes = Vec::with_capacity(batch.len());
            for prepared in &batch {
                let request = self.provider.request(&message_of(prepared));
                let outcome = match request {
                    Ok(request) => match self.outgoing.request(request).await {
                        Ok(response) => self.provider.read_answer(&response),
                        Err(failure) => Err(failure),
                    },
                    Err(error) => Err(Failure::Permanent {
                        reason: "wrong_field".to_owned(),
                        text: error.to_string(),
                    }),
                };
                outcomes.push(outcome.map_err(judge));
            }
            outcomes
        })
    }

    fn check(self: Arc<Self>) -> SendFuture<Result<(), Failure>> {
        Box::pin(async move {
            match self.provider.check_request() {
                Some(request) => self.outgoing.request_ok(request).await.map(drop),
                None => Err(Failure::Permanent {
                    reason: "nothing_to_ask".to_owned(),
                    text: "set check_url, an address that takes the secret and sends no message"
                        .to_owned(),
                }),
            }
        })
    }
}

#[cfg(test)]
mod tests;
