//! Meta's WhatsApp Cloud API: `POST /PHONE_NUMBER_ID/messages` with a bearer token.

use activation::Failure;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::reasons::Reason;
use super::{Channel, Provider, TextMessage, account_in_path, host, wrong};
use crate::kind::RequestError;
use crate::outgoing::{HttpRequest, HttpResponse, check_status, retry_later};
use crate::{Settings, SettingsError};

const HOST: &str = "https://graph.facebook.com";
const VERSION: &str = "v23.0";

pub(super) struct WhatsappCloud {
    /// `https://graph.facebook.com/v23.0/PHONE_NUMBER_ID`.
    phone_url: String,
    token: String,
}

impl WhatsappCloud {
    pub(super) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let account = account_in_path(settings)?;
        Ok(Self {
            phone_url: format!("{}/{VERSION}/{account}", host(settings, HOST)),
            token: settings.text("secret").to_owned(),
        })
    }
}

/// What kind of file an address leads to, by its ending.
fn media_kind(url: &str) -> &'static str {
    let path = url.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("jpg" | "jpeg" | "png") => "image",
        Some("mp4" | "3gp") => "video",
        Some("aac" | "amr" | "mp3" | "m4a" | "ogg") => "audio",
        _ => "document",
    }
}

/// The parameters of a template's body: in the order of their numbers, or by name.
fn parameters(variables: &Map<String, Value>) -> Vec<Value> {
    let numbered: Option<Vec<(u32, &Value)>> =
        variables.iter().map(|(name, value)| Some((name.parse().ok()?, value))).collect();
    match numbered {
        Some(mut numbered) => {
            numbered.sort_by_key(|(number, _)| *number);
            numbered.iter().map(|(_, value)| json!({ "type": "text", "text": value })).collect()
        }
        None => variables
            .iter()
            .map(|(name, value)| json!({ "type": "text", "parameter_name": name, "text": value }))
            .collect(),
    }
}

fn template(message: &TextMessage) -> Value {
    let mut components = Vec::new();
    if let Some(url) = message.media.first() {
        let kind = media_kind(url);
        let parameter = json!({ "type": kind, kind: { "link": url } });
        components.push(json!({ "type": "header", "parameters": [parameter] }));
    }
    if !message.variables.is_empty() {
        let parameters = parameters(&message.variables);
        components.push(json!({ "type": "body", "parameters": parameters }));
    }
    let mut template =
        json!({ "name": message.template, "language": { "code": message.language } });
    if !components.is_empty() {
        template["components"] = components.into();
    }
    template
}

impl Provider for WhatsappCloud {
    fn request(&self, message: &TextMessage) -> Result<HttpRequest, RequestError> {
        if message.channel == Channel::Sms {
            return Err(wrong("", "the WhatsApp Cloud API sends no SMS"));
        }
        if message.media.len() > 1 {
            return Err(wrong("media", "has several addresses, the WhatsApp Cloud API takes one"));
        }
        let mut body = json!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": message.to,
            "biz_opaque_callback_data": message.delivery_id,
        });
        let (kind, content) = match (message.template.is_empty(), message.media.first()) {
            (false, _) => ("template", template(message)),
            (true, None) => ("text", json!({ "body": message.text })),
            (true, Some(url)) => {
                let kind = media_kind(url);
                let mut media = json!({ "link": url });
                if !message.text.is_empty() {
                    if kind == "audio" {
                        return Err(wrong("text", "cannot be beside a sound"));
                    }
                    media["caption"] = message.text.as_str().into();
                }
                (kind, media)
            }
        };
        body["type"] = kind.into();
        body[kind] = content;
        let url = format!("{}/messages", self.phone_url);
        let request = HttpRequest::json(Method::POST, url, body.to_string().into_bytes());
        Ok(request.with_bearer(&self.token))
    }

    fn read_answer(&self, response: &HttpResponse) -> Result<(), Failure> {
        let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let Some(code) = answer["error"]["code"].as_u64() else { return check_status(response) };
        let said = answer["error"]["message"].as_str().unwrap_or_default();
        let text = format!("the WhatsApp Cloud API says {code}: {said}");
        match Reason::of_whatsapp(code) {
            Some(Reason::TooMany) => Err(retry_later(Reason::TooMany.word(), text, response)),
            Some(reason) => Err(Failure::Permanent { reason: reason.word().to_owned(), text }),
            None => check_status(response),
        }
    }

    fn check_request(&self) -> Option<HttpRequest> {
        let url = format!("{}?fields=id", self.phone_url);
        let request = HttpRequest::json(Method::GET, url, Vec::new());
        Some(request.with_bearer(&self.token))
    }

    fn knows_whatsapp_sender(&self) -> bool {
        true
    }
}
