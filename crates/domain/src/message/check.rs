//! The form check: a JSON text from the wire becomes a [`Message`] or a [`Rejection`].
//!
//! Only the common fields are parsed; properties, traits and context stay texts. The rules follow
//! the tracking API's common fields and its ingest validation reasons.

mod fields;
mod merging;

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Deserialize;
use serde_json::value::RawValue;

use self::fields::{
    Checked, Refusal, read_event_name, read_external_id, read_group_id, read_label,
    read_message_id, read_object, read_time, read_traits, read_type, refuse,
};
use self::merging::{add_category, add_ip, merge_objects};
use super::{
    FUTURE_TOLERANCE_MS, MESSAGE_BYTES_MAX, Message, MessageType, Rejection, RejectionReason,
};
use crate::Timestamp;

/// The circumstances of a message's arrival.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// The time of arrival by the server's clock.
    pub received_at: Timestamp,
    /// The name of the source whose key it carried.
    pub source: &'a str,
    /// The sender's address, where it is known.
    pub peer_ip: Option<IpAddr>,
}

/// The fields of a batch that hold for all of its messages; empty for a single message.
#[derive(Debug, Clone, Copy, Default)]
pub struct Envelope<'a> {
    /// Merged into each message's `context`, whose own members win.
    pub context: Option<&'a RawValue>,
    /// Merged into each message's `integrations`, whose own members win.
    pub integrations: Option<&'a RawValue>,
    /// Used for messages without `sentAt`.
    pub sent_at: Option<&'a RawValue>,
}

/// Checks the form of one message. `type_` comes from the path and wins over the message's own
/// type.
///
/// # Errors
/// The rejection to be recorded.
pub fn check_message(
    text: &str,
    type_: Option<MessageType>,
    envelope: &Envelope<'_>,
    arrival: &Arrival<'_>,
) -> Result<Message, Box<Rejection>> {
    let mut seen = Seen { type_, message_id: None };
    check(text, envelope, arrival, &mut seen).map_err(|Refusal { reason, detail }| {
        Box::new(Rejection {
            reason,
            detail,
            source: arrival.source.to_owned(),
            message_id: seen.message_id,
            type_: seen.type_,
            received_at: arrival.received_at,
            excerpt: Rejection::cut_excerpt(text),
            violations: Vec::new(),
        })
    })
}

/// The fields parsed so far, for the rejection.
struct Seen {
    type_: Option<MessageType>,
    message_id: Option<String>,
}

/// The fields that are parsed; others are ignored. `null` is the same as absent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow, rename = "type")]
    type_: Option<&'a RawValue>,
    #[serde(borrow)]
    message_id: Option<&'a RawValue>,
    #[serde(borrow)]
    user_id: Option<&'a RawValue>,
    #[serde(borrow)]
    anonymous_id: Option<&'a RawValue>,
    #[serde(borrow)]
    previous_id: Option<&'a RawValue>,
    #[serde(borrow)]
    group_id: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    category: Option<&'a RawValue>,
    #[serde(borrow)]
    properties: Option<&'a RawValue>,
    #[serde(borrow)]
    traits: Option<&'a RawValue>,
    #[serde(borrow)]
    context: Option<&'a RawValue>,
    #[serde(borrow)]
    integrations: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    original_timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    sent_at: Option<&'a RawValue>,
}

fn check(
    text: &str,
    envelope: &Envelope<'_>,
    arrival: &Arrival<'_>,
    seen: &mut Seen,
) -> Checked<Message> {
    use RejectionReason as Reason;
    if text.len() > MESSAGE_BYTES_MAX {
        let detail =
            format!("the message has {} bytes, the limit is {MESSAGE_BYTES_MAX}", text.len());
        return refuse(Reason::MessageTooLarge, detail);
    }
    // A struct would also be read from an array.
    if !text.trim_start().starts_with('{') {
        return refuse(Reason::BadRequest, "the message is not a JSON object");
    }
    // The shared fields of a batch are stored with each of its messages.
    let shared_bytes: usize =
        [envelope.context, envelope.integrations].iter().flatten().map(|raw| raw.get().len()).sum();
    if text.len() + shared_bytes > MESSAGE_BYTES_MAX {
        let detail = format!(
            "the message has {} bytes and {shared_bytes} more of the batch's context and integrations, the limit is {MESSAGE_BYTES_MAX}",
            text.len()
        );
        return refuse(Reason::MessageTooLarge, detail);
    }
    if needs_full_check(text)
        && let Err(error) = serde_json::from_str::<serde_json::Value>(text)
    {
        return refuse(
            Reason::BadRequest,
            format!("the message holds JSON that cannot be stored: {error}"),
        );
    }
    let wire: Wire<'_> = match serde_json::from_str(text) {
        Ok(wire) => wire,
        Err(error) => {
            return refuse(
                Reason::BadRequest,
                format!("the message is not a JSON object: {error}"),
            );
        }
    };
    let message_id = read_message_id(wire.message_id)?;
    seen.message_id = Some(message_id.clone());
    let type_ = read_type(seen.type_, wire.type_)?;
    seen.type_ = Some(type_);

    let user_id = read_external_id("userId", wire.user_id)?;
    let anonymous_id = read_external_id("anonymousId", wire.anonymous_id)?;
    if user_id.is_none() && anonymous_id.is_none() {
        return refuse(Reason::IdRequired, "one of userId and anonymousId is required");
    }
    let (mut event, mut previous_id, mut group_id) = (None, None, None);
    match type_ {
        MessageType::Track => event = Some(read_event_name(wire.event)?),
        MessageType::Alias => {
            if user_id.is_none() {
                return refuse(Reason::IdRequired, "an alias needs userId, the id to keep");
            }
            previous_id = read_external_id("previousId", wire.previous_id)?;
            if previous_id.is_none() {
                return refuse(
                    Reason::PreviousIdInvalid,
                    "an alias needs previousId, the id to give up",
                );
            }
        }
        MessageType::Group => group_id = Some(read_group_id(wire.group_id)?),
        MessageType::Identify | MessageType::Page | MessageType::Screen => {}
    }
    let named = matches!(type_, MessageType::Page | MessageType::Screen);
    let name = if named { read_label("name", wire.name, Reason::NameNotString)? } else { None };
    let category = if named {
        read_label("category", wire.category, Reason::CategoryNotString)?
    } else {
        None
    };
    let body = match type_ {
        MessageType::Identify | MessageType::Group => read_traits(wire.traits)?,
        _ => add_category(
            read_object("properties", wire.properties, Reason::PropertiesNotObject)?,
            category.as_deref(),
        ),
    };
    let context = merge_objects("context", envelope.context, wire.context)?;
    let integrations = merge_objects("integrations", envelope.integrations, wire.integrations)?;

    let original_timestamp = read_time("timestamp", wire.timestamp.or(wire.original_timestamp))?;
    let sent_at = read_time("sentAt", wire.sent_at.or(envelope.sent_at))?;
    Ok(Message {
        message_id,
        type_,
        user_id: user_id.map(Cow::into_owned),
        anonymous_id: anonymous_id.map(Cow::into_owned),
        previous_id: previous_id.map(Cow::into_owned),
        group_id,
        event,
        name,
        category,
        body,
        context: add_ip(context, arrival.peer_ip),
        integrations,
        timestamp: correct_time(original_timestamp, sent_at, arrival.received_at),
        original_timestamp,
        sent_at,
        received_at: arrival.received_at,
        source: arrival.source.to_owned(),
        violations: Vec::new(),
        enriched: Vec::new(),
    })
}

/// Whether the whole text must be parsed. Texts are stored as they are and parsed later, so JSON
/// that would fail then is rejected now: halves of surrogate pairs, numbers out of range, objects
/// nested too deeply. This scan is cheap and finds the few messages that may hold any of these.
fn needs_full_check(text: &str) -> bool {
    /// The most objects and arrays; below the depth limit of the parser.
    const OPENINGS_MAX: u32 = 100;
    /// A number of more digits than this may be out of range.
    const DIGITS_MAX: u32 = 300;
    let bytes = text.as_bytes();
    let (mut openings, mut digits) = (0u32, 0u32);
    for (n, byte) in bytes.iter().enumerate() {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        let is_suspect = match byte {
            b'{' | b'[' => {
                openings += 1;
                openings > OPENINGS_MAX
            }
            b'u' => n > 0 && bytes[n - 1] == b'\\' && matches!(bytes.get(n + 1), Some(b'd' | b'D')),
            // Three digits of an exponent are needed to leave the range.
            b'e' | b'E' if n > 0 && bytes[n - 1].is_ascii_digit() => {
                let exponent = bytes[n + 1..].iter().skip_while(|byte| matches!(byte, b'+' | b'-'));
                exponent.take(3).filter(|byte| byte.is_ascii_digit()).count() == 3
            }
            _ => digits > DIGITS_MAX,
        };
        if is_suspect {
            return true;
        }
    }
    false
}

/// Corrects for the sender's clock: `arrival - (sent - original)`. Without `sentAt` the sender's
/// clock is trusted; without a time of its own the message gets the time of arrival.
fn correct_time(
    original: Option<Timestamp>,
    sent_at: Option<Timestamp>,
    received_at: Timestamp,
) -> Timestamp {
    let Some(original) = original else { return received_at };
    let skew_ms = sent_at.map_or(0, |sent| received_at.0 - sent.0);
    let corrected_ms = original.0 + skew_ms;
    if corrected_ms > received_at.0 + FUTURE_TOLERANCE_MS {
        return received_at;
    }
    Timestamp(corrected_ms.max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line per case: what became of it.
    fn check_all(cases: &[&str]) -> String {
        let arrival = Arrival {
            received_at: Timestamp(1_700_000_000_000),
            source: "web",
            peer_ip: "203.0.113.9".parse().ok(),
        };
        cases
            .iter()
            .map(|text| match check_message(text, None, &Envelope::default(), &arrival) {
                Ok(mut message) => {
                    if message.message_id.len() == 36 {
                        message.message_id = "assigned".to_owned();
                    }
                    format!("{text}\n    ok {} at {}\n", message.to_json(), message.timestamp)
                }
                Err(rejection) => {
                    format!("{text}\n    {}: {}\n", rejection.reason.code(), rejection.detail)
                }
            })
            .collect()
    }

    #[test]
    fn every_reason_names_the_field() {
        insta::assert_snapshot!(check_all(&[
            "[]",
            "{",
            r#"{"userId":"u"}"#,
            r#"{"type":"tack","userId":"u"}"#,
            r#"{"type":"track","event":"E"}"#,
            r#"{"type":"track","event":"E","userId":7}"#,
            r#"{"type":"track","event":"E","userId":""}"#,
            r#"{"type":"track","event":"E","userId":null,"anonymousId":"a"}"#,
            r#"{"type":"track","userId":"u"}"#,
            r#"{"type":"track","event":7,"userId":"u"}"#,
            r#"{"type":"track","event":"E","userId":"u","properties":[1]}"#,
            r#"{"type":"track","event":"E","userId":"u","context":3}"#,
            r#"{"type":"track","event":"E","userId":"u","messageId":9}"#,
            r#"{"type":"track","event":"E","userId":"u","timestamp":"soon"}"#,
            r#"{"type":"identify","userId":"u","traits":"x"}"#,
            r#"{"type":"page","userId":"u","name":3}"#,
            r#"{"type":"page","userId":"u","category":""}"#,
            r#"{"type":"group","userId":"u"}"#,
            r#"{"type":"group","userId":"u","groupId":""}"#,
            r#"{"type":"alias","userId":"u"}"#,
            r#"{"type":"alias","anonymousId":"a","previousId":"p"}"#,
            r#"{"type":"identify","userId":"u","traits":{"\ud800":1,"b":2}}"#,
            r#"{"type":"track","event":"E","userId":"u","properties":{"n":1e999}}"#,
        ]));
    }

    #[test]
    fn a_rejection_says_at_which_field_the_mistake_is() {
        let place = |text: &str| {
            let arrival =
                Arrival { received_at: Timestamp(1_700_000_000_000), source: "web", peer_ip: None };
            check_message(text, None, &Envelope::default(), &arrival).unwrap_err().place()
        };
        for (text, expected) in [
            (r#"{"type":"tack","userId":"u"}"#, "/type"),
            (r#"{"type":"track","event":"E"}"#, "/userId"),
            (r#"{"type":"track","event":"E","userId":"u","anonymousId":7}"#, "/anonymousId"),
            (r#"{"type":"track","event":7,"userId":"u"}"#, "/event"),
            (r#"{"type":"track","event":"E","userId":"u","integrations":3}"#, "/integrations"),
            (r#"{"type":"track","event":"E","userId":"u","sentAt":"soon"}"#, "/sentAt"),
            (r#"{"type":"alias","userId":"u","previousId":""}"#, "/previousId"),
            ("[]", ""),
        ] {
            assert_eq!(place(text), expected, "{text}");
        }
    }

    #[test]
    fn messages_as_sources_send_them() {
        insta::assert_snapshot!(check_all(&[
            r#"{"type":"track","event":"Caf\u00e9 \"x\"","userId":"u\/1","messageId":"m","properties":{"a":1}}"#,
            r#"{"type":"page","anonymousId":"a","name":"Home","category":"Docs","properties":{"url":"/"}}"#,
            r#"{"type":"page","anonymousId":"a","category":"Docs","properties":{"category":"own"}}"#,
            r#"{"type":"track","event":"E","userId":"u","context":{"direct":true}}"#,
            r#"{"type":"track","event":"E","userId":"u","context":{"library":{"name":"analytics.js"},"ip":"1.1.1.1"}}"#,
            // One minute ago by a clock that is an hour fast.
            r#"{"type":"track","event":"E","userId":"u","timestamp":"2023-11-14T23:12:20Z","sentAt":"2023-11-14T23:13:20Z"}"#,
            // No sentAt: the sender's clock is believed, but not into the future.
            r#"{"type":"track","event":"E","userId":"u","timestamp":"2020-01-01"}"#,
            r#"{"type":"track","event":"E","userId":"u","timestamp":"2030-01-01"}"#,
        ]));
    }

    #[test]
    fn the_fields_of_a_batch_hold_for_its_messages() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let context = raw(r#"{"app":"shop","locale":"en"}"#);
        let integrations = raw(r#"{"All":false}"#);
        let sent_at = raw(r#""2023-11-14T22:13:20Z""#);
        let envelope = Envelope {
            context: Some(&context),
            integrations: Some(&integrations),
            sent_at: Some(&sent_at),
        };
        let arrival =
            Arrival { received_at: Timestamp(1_700_000_060_000), source: "web", peer_ip: None };
        let text = r#"{"messageId":"m","event":"E","userId":"u","context":{"locale":"de"},"timestamp":"2023-11-14T22:13:00Z"}"#;
        let message = check_message(text, Some(MessageType::Track), &envelope, &arrival).unwrap();
        insta::assert_json_snapshot!(message.to_json());
    }
}
