//! What Twilio reports: receipts of messages that we sent, and messages that people write to us.
//! Each becomes a message of ours. A call is taken only with Twilio's signature: HMAC-SHA1 with the
//! account's auth token of the address and the members of the form, in Base64.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha1::Sha1;

use super::FILES;
use super::reasons::Reason;
use crate::kind;

/// The most characters of what somebody wrote that are kept.
const REPLY_CHARS_MAX: usize = 1_600;
/// What people write to get no more messages, by the rules of carriers.
const STOP_WORDS: [&str; 8] =
    ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"];
/// What they write to get them again.
const START_WORDS: [&str; 3] = ["START", "UNSTOP", "YES"];
/// What comes before a number that a message to or from WhatsApp has.
const WHATSAPP_PREFIX: &str = "whatsapp:";
const PORTS: [(&str, &str); 2] = [("https://", "443"), ("http://", "80")];

/// A call of a provider.
pub struct ReceiptCall<'a> {
    /// The query of the address, as it came.
    query: Option<&'a str>,
    /// What the query says.
    parameters: Vec<(String, String)>,
    signature: Option<&'a str>,
    form: Vec<(String, String)>,
}

impl<'a> ReceiptCall<'a> {
    /// A call with the query of its address, the header `X-Twilio-Signature` and its body.
    ///
    /// # Errors
    /// If the body is no form.
    pub fn read(
        query: Option<&'a str>,
        signature: Option<&'a str>,
        body: &[u8],
    ) -> Result<Self, ReceiptError> {
        let pairs = |bytes: &[u8]| {
            let read = serde_urlencoded::from_bytes(bytes);
            read.map_err(|error| ReceiptError::WrongForm(format!("cannot be read: {error}")))
        };
        let parameters = pairs(query.unwrap_or_default().as_bytes())?;
        Ok(Self { query, parameters, signature, form: pairs(body)? })
    }

    /// What the call says, whoever makes it: a message of ours, or nothing that is kept.
    ///
    /// # Errors
    /// If the form is not one of the provider's.
    pub fn message(&self) -> Result<Option<Value>, ReceiptError> {
        read_form(self)
    }
}

/// A call that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// There is nothing at this address that takes calls.
    #[error("{0}")]
    NotTaken(String),
    /// It is not the provider who calls, or another address was called than the settings have.
    #[error(
        "X-Twilio-Signature is not that of this call: receipts_url must be the address as Twilio \
         calls it, and secret the auth token of the account"
    )]
    WrongSignature,
    /// The form is not one of the provider's.
    #[error("the form {0}")]
    WrongForm(String),
}

/// The message of ours that a call becomes, before its form is checked; none where it says nothing
/// that is kept. The settings are those of a destination, with open secrets.
///
/// # Errors
/// If the settings take no receipts, or the call is not the provider's.
pub fn read_receipt(
    settings: &BTreeMap<String, Value>,
    call: &ReceiptCall<'_>,
) -> Result<Option<Value>, ReceiptError> {
    let not_taken = |what: String| ReceiptError::NotTaken(what);
    let kind = kind(FILES.name).expect("it is one of the kinds");
    let settings = kind.settings.read(settings).map_err(|error| not_taken(error.to_string()))?;
    let url = settings.text("receipts_url");
    if settings.text("provider") != "twilio" || url.is_empty() {
        let what = "the destination takes no receipts: its provider is not twilio, or it has no \
                    receipts_url";
        return Err(not_taken(what.to_owned()));
    }
    let is_signed = addresses(url).iter().any(|address| {
        let address = match call.query {
            Some(query) => format!("{address}?{query}"),
            None => address.clone(),
        };
        is_signature(settings.text("secret"), &address, &call.form, call.signature)
    });
    match is_signed {
        true => call.message(),
        false => Err(ReceiptError::WrongSignature),
    }
}

/// The address as it is set, and the same with the usual port or without its port: Twilio signs
/// one or the other.
fn addresses(url: &str) -> Vec<String> {
    let mut addresses = vec![url.to_owned()];
    if let Some((scheme, usual)) = PORTS.iter().find(|(scheme, _)| url.starts_with(scheme)) {
        let rest = &url[scheme.len()..];
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        addresses.push(match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => {
                format!("{scheme}{host}{path}")
            }
            _ => format!("{scheme}{authority}:{usual}{path}"),
        });
    }
    addresses
}

/// Whether this is the signature of a call to an address.
fn is_signature(
    token: &str,
    address: &str,
    form: &[(String, String)],
    signature: Option<&str>,
) -> bool {
    let Some(signature) = signature.and_then(|text| BASE64.decode(text).ok()) else {
        return false;
    };
    let members: BTreeSet<(&str, &str)> =
        form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("keys of any length");
    mac.update(address.as_bytes());
    for (name, value) in members {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    mac.verify_slice(&signature).is_ok()
}

fn read_form(call: &ReceiptCall<'_>) -> Result<Option<Value>, ReceiptError> {
    let wrong = |what: &str| ReceiptError::WrongForm(what.to_owned());
    let member = |name: &str| {
        let found = call.form.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    };
    let sid = member("MessageSid").or(member("SmsSid"));
    let sid = sid.ok_or_else(|| wrong("has no MessageSid"))?;
    let status = member("MessageStatus").or(member("SmsStatus")).unwrap_or("received");
    let is_written_to_us = status == "received";
    let (person, us) = if is_written_to_us { ("From", "To") } else { ("To", "From") };
    let address = member(person).ok_or_else(|| wrong(&format!("has no {person}")))?;
    let (channel, phone) = match address.strip_prefix(WHATSAPP_PREFIX) {
        Some(phone) => ("whatsapp", phone),
        None => ("sms", address),
    };
    let mut properties = Map::new();
    let mut set = |key: &str, value: &str| properties.insert(key.to_owned(), value.into());
    set("channel", channel);
    set("provider", "twilio");
    set("message_id", sid);
    set("phone", phone);
    if let Some(us) = member(us) {
        set("sender", us.trim_start_matches(WHATSAPP_PREFIX));
    }
    let mut said = None;
    let event = if is_written_to_us {
        let text = member("Body").unwrap_or_default();
        let word = text.trim().to_uppercase();
        match member("OptOutType").unwrap_or(&word) {
            word if STOP_WORDS.contains(&word) => {
                set("reason", "stop");
                said = Some("UNSUBSCRIBED");
                "Unsubscribed"
            }
            word if START_WORDS.contains(&word) => {
                set("reason", "start");
                said = Some("SUBSCRIBED");
                "Subscribed"
            }
            _ => {
                set("text", &text.chars().take(REPLY_CHARS_MAX).collect::<String>());
                "Notification Replied"
            }
        }
    } else {
        match status {
            "delivered" => "Notification Delivered",
            "read" => "Notification Viewed",
            "failed" | "undelivered" => {
                let code = member("ErrorCode").unwrap_or_default();
                let reason = code.parse().ok().and_then(Reason::of_twilio);
                set("reason", reason.unwrap_or(Reason::ProviderError).word());
                if !code.is_empty() {
                    set("code", code);
                }
                "Notification Failed"
            }
            // On its way: what comes of it is reported later.
            _ => return Ok(None),
        }
    };
    let parameter = |name: &str| {
        let found = call.parameters.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
    };
    if let Some(id) = parameter("deliveryId") {
        set("delivery_id", &id);
    }
    // As in what else is told of messages of campaigns.
    if let Some((campaign, id)) = parameter("campaign").zip(parameter("messageId")) {
        set("campaign", &campaign);
        set("message_id", &id);
        set("provider_message_id", sid);
    }
    // Beside a user id the number's id becomes one of the user's, also without rules of identity.
    let anonymous_id = match parameter("userId") {
        Some(_) => None,
        None => parameter("anonymousId"),
    };
    let anonymous_id = anonymous_id.unwrap_or_else(|| format!("phone:{phone}"));
    let phone_id =
        json!({ "id": phone, "type": "phone", "collection": "users", "encoding": "none" });
    let mut message = json!({
        "type": "track",
        "event": event,
        "messageId": format!("twilio-{sid}-{status}"),
        "anonymousId": anonymous_id,
        "properties": properties,
        "context": { "externalIds": [phone_id] },
    });
    if let Some(status) = said {
        let said = json!({ "key": phone, "type": channel.to_uppercase(), "status": status });
        message["context"]["messaging_subscriptions"] = json!([said]);
    }
    if let Some(id) = parameter("userId") {
        message["userId"] = id.into();
    }
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// The one that the tests of Twilio's libraries have.
    #[test]
    fn the_signature_is_that_of_twilios_libraries() {
        let form = pairs(&[
            ("Digits", "1234"),
            ("To", "+18005551212"),
            ("From", "+14158675309"),
            ("Caller", "+14158675309"),
            ("CallSid", "CA1234567890ABCDE"),
        ]);
        let address = "https://mycompany.com/myapp.php?foo=1&bar=2";
        let is_good = |token: &str, address: &str, form: &[(String, String)]| {
            is_signature(token, address, form, Some("RSOYDt4T1cUTdK1PDd93/VVr8B8="))
        };
        assert!(is_good("12345", address, &form));
        assert!(!is_good("12346", address, &form));
        assert!(!is_good("12345", "https://mycompany.com/myapp.php?foo=1&bar=3", &form));
        assert!(!is_good("12345", address, &form[1..]));
        assert!(!is_signature("12345", address, &form, None));
        assert!(!is_signature("12345", address, &form, Some("")));
    }

    #[test]
    fn an_address_is_known_with_and_without_its_port() {
        let of = |url: &str| addresses(url)[1].clone();
        assert_eq!(of("https://a.example/v1"), "https://a.example:443/v1");
        assert_eq!(of("https://a.example:8443/v1"), "https://a.example/v1");
        assert_eq!(of("http://a.example"), "http://a.example:80");
    }

    fn read(form: &[(&str, &str)], parameters: &[(&str, &str)]) -> Option<Value> {
        let (form, parameters) = (pairs(form), pairs(parameters));
        read_form(&ReceiptCall { query: None, parameters, signature: None, form }).unwrap()
    }

    #[test]
    fn a_failure_is_told_with_its_reason_and_the_person() {
        let form = [
            ("MessageSid", "SM1"),
            ("MessageStatus", "undelivered"),
            ("ErrorCode", "30003"),
            ("To", "whatsapp:+4915112345678"),
            ("From", "whatsapp:+14155238886"),
        ];
        let message = read(&form, &[("deliveryId", "d-1"), ("userId", "u-1")]).unwrap();
        let expected = json!({
            "type": "track",
            "event": "Notification Failed",
            "messageId": "twilio-SM1-undelivered",
            "userId": "u-1",
            "anonymousId": "phone:+4915112345678",
            "properties": {
                "channel": "whatsapp", "provider": "twilio", "message_id": "SM1",
                "phone": "+4915112345678", "sender": "+14155238886", "reason": "not_reachable",
                "code": "30003", "delivery_id": "d-1",
            },
            "context": { "externalIds": [{
                "id": "+4915112345678", "type": "phone", "collection": "users", "encoding": "none",
            }] },
        });
        assert_eq!(message, expected);
    }

    #[test]
    fn a_receipt_of_a_campaigns_message_names_both() {
        let form = [("MessageSid", "SM1"), ("MessageStatus", "delivered"), ("To", "+49151")];
        let of = [("campaign", "news"), ("messageId", "m-1"), ("userId", "u-1")];
        let message = read(&form, &of).unwrap();
        let expected = json!({ "channel": "sms", "provider": "twilio", "phone": "+49151",
            "campaign": "news", "message_id": "m-1", "provider_message_id": "SM1" });
        assert_eq!(
            (&message["event"], &message["properties"]),
            (&json!("Notification Delivered"), &expected)
        );
    }

    #[test]
    fn what_people_write_is_told_by_its_word() {
        for (text, type_, event) in [
            ("stop ", "", "Unsubscribed"),
            ("Unsubscribe", "", "Unsubscribed"),
            ("arrêt", "STOP", "Unsubscribed"),
            ("start", "", "Subscribed"),
            ("please stop", "", "Notification Replied"),
            ("", "", "Notification Replied"),
        ] {
            let form = [
                ("SmsSid", "SM2"),
                ("SmsStatus", "received"),
                ("From", "+49151"),
                ("Body", text),
                ("OptOutType", type_),
            ];
            let message = read(&form, &[]).unwrap();
            assert_eq!(message["event"], event, "{text}");
            assert_eq!(message["anonymousId"], "phone:+49151");
            let said = match event {
                "Unsubscribed" => json!("UNSUBSCRIBED"),
                "Subscribed" => json!("SUBSCRIBED"),
                _ => Value::Null,
            };
            let subscription = &message["context"]["messaging_subscriptions"][0];
            assert_eq!(subscription["status"], said, "{text}");
            assert!(said.is_null() || subscription["type"] == "SMS");
        }
    }

    #[test]
    fn what_is_on_its_way_is_not_kept_and_other_forms_are_refused() {
        let form = [("MessageSid", "SM3"), ("MessageStatus", "queued"), ("To", "+49151")];
        assert_eq!(read(&form, &[]), None);
        for form in [&[("To", "+49151")][..], &[("MessageSid", "SM3"), ("MessageStatus", "sent")]] {
            let call =
                ReceiptCall { query: None, parameters: vec![], signature: None, form: pairs(form) };
            assert!(matches!(read_form(&call), Err(ReceiptError::WrongForm(_))));
        }
    }
}
