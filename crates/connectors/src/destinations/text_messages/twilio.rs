//! Twilio's Messages resource: a form, with content templates by `ContentSid` and
//! `ContentVariables`, and the account's SID and auth token by HTTP Basic.

use activation::Failure;
use reqwest::{Method, Url};
use serde_json::Value;

use super::reasons::Reason;
use super::{Channel, Provider, TextMessage, account_in_path, host};
use crate::kind::RequestError;
use crate::outgoing::{HttpRequest, HttpResponse, check_status, retry_later};
use crate::{Settings, SettingsError};

const HOST: &str = "https://api.twilio.com";
const VERSION: &str = "2010-04-01";
/// What the SIDs of messaging services begin with.
const SERVICE_PREFIX: &str = "MG";
/// What the SIDs of content templates begin with.
const CONTENT_PREFIX: &str = "HX";
/// The letters and digits of a SID after its prefix.
const SID_DIGITS: usize = 32;

pub(super) struct Twilio {
    /// `https://api.twilio.com/2010-04-01/Accounts/AC…`.
    account_url: String,
    account: String,
    token: String,
    receipts_url: Option<Url>,
}

fn is_sid(text: &str, prefix: &str) -> bool {
    let digits = text.strip_prefix(prefix);
    digits.is_some_and(|digits| {
        digits.len() == SID_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

impl Twilio {
    pub(super) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let account = account_in_path(settings)?;
        if !is_sid(&account, "AC") {
            let what = format!("should be an account SID: AC and {SID_DIGITS} hexadecimal digits");
            return Err(SettingsError::new("account", what));
        }
        let receipts_url = Url::parse(settings.text("receipts_url")).ok();
        if receipts_url.as_ref().is_some_and(|url| url.query().is_some()) {
            return Err(SettingsError::new("receipts_url", "should have no query"));
        }
        Ok(Self {
            account_url: format!("{}/{VERSION}/Accounts/{account}", host(settings, HOST)),
            account,
            token: settings.text("secret").to_owned(),
            receipts_url,
        })
    }

    /// Where this message's deliveries are reported: the address names the person and the delivery,
    /// and Twilio signs it as a whole.
    fn callback(&self, message: &TextMessage) -> Option<String> {
        let mut url = self.receipts_url.clone()?;
        url.query_pairs_mut().append_pair("deliveryId", &message.delivery_id);
        if let Some((member, id)) = &message.person {
            url.query_pairs_mut().append_pair(member, id);
        }
        if let Some((campaign, message_id)) = &message.campaign {
            url.query_pairs_mut()
                .append_pair("campaign", campaign)
                .append_pair("messageId", message_id);
        }
        Some(url.into())
    }
}

impl Provider for Twilio {
    fn request(&self, message: &TextMessage) -> Result<HttpRequest, RequestError> {
        let address = |number: &str| match message.channel {
            Channel::Sms => number.to_owned(),
            Channel::Whatsapp => format!("whatsapp:{number}"),
        };
        let mut form = vec![("To", address(&message.to))];
        form.push(match is_sid(&message.from, SERVICE_PREFIX) {
            true => ("MessagingServiceSid", message.from.clone()),
            false => ("From", address(&message.from)),
        });
        if message.template.is_empty() {
            if !message.text.is_empty() {
                form.push(("Body", message.text.clone()));
            }
            form.extend(message.media.iter().map(|url| ("MediaUrl", url.clone())));
        } else {
            if !is_sid(&message.template, CONTENT_PREFIX) {
                let what = format!("should be a content SID: HX and {SID_DIGITS} digits");
                return Err(super::wrong("template", what));
            }
            if !message.media.is_empty() {
                let what = "cannot be beside a template: Twilio takes its address as a variable";
                return Err(super::wrong("media", what));
            }
            form.push(("ContentSid", message.template.clone()));
            if !message.variables.is_empty() {
                let variables = Value::Object(message.variables.clone()).to_string();
                form.push(("ContentVariables", variables));
            }
        }
        if let Some(callback) = self.callback(message) {
            form.push(("StatusCallback", callback));
        }
        let url = format!("{}/Messages.json", self.account_url);
        Ok(HttpRequest::form(Method::POST, url, &form).with_basic(&self.account, &self.token))
    }

    fn read_answer(&self, response: &HttpResponse) -> Result<(), Failure> {
        let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        // A message that was taken and failed at once has its code in another member.
        let code = match response.status.is_success() {
            true => answer["error_code"].as_u64(),
            false => answer["code"].as_u64(),
        };
        let Some(code) = code else { return check_status(response) };
        let said = answer["message"].as_str().or(answer["error_message"].as_str());
        let text = format!("Twilio says {code}: {}", said.unwrap_or_default());
        match Reason::of_twilio(code) {
            Some(Reason::TooMany) => Err(retry_later(Reason::TooMany.word(), text, response)),
            Some(reason) => Err(Failure::Permanent { reason: reason.word().to_owned(), text }),
            None if response.status.is_success() => {
                Err(Failure::Permanent { reason: Reason::ProviderError.word().to_owned(), text })
            }
            None => check_status(response),
        }
    }

    fn check_request(&self) -> Option<HttpRequest> {
        let url = format!("{}.json", self.account_url);
        let request = HttpRequest::json(Method::GET, url, Vec::new());
        Some(request.with_basic(&self.account, &self.token))
    }
}
