//! The fields of a message, each read from its JSON value or refused with the reason.
//!
//! An absent field and `null` are the same.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::Timestamp;
use crate::id::{ID_BYTES_MAX, check_addressable};
use crate::message::{
    GROUP_ID_CHARS_MAX, MESSAGE_ID_CHARS_BELOW, MessageType, Rejection, RejectionReason,
    TRAITS_BELOW,
};

/// Why a message is rejected.
pub(super) struct Refusal {
    pub(super) reason: RejectionReason,
    pub(super) detail: String,
}

/// A field that was read, or why the message is rejected.
pub(super) type Checked<T> = Result<T, Refusal>;

pub(super) fn refuse<T>(reason: RejectionReason, detail: impl Into<String>) -> Checked<T> {
    Err(Refusal { reason, detail: detail.into() })
}

/// The members of an object by key; of a repeated key the last counts.
pub(super) type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// A string without its quotes; `None` where the value is no string.
fn read_string<'a>(raw: &'a RawValue) -> Option<Cow<'a, str>> {
    let text = raw.get();
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str::<String>(text).ok().map(Cow::Owned)
}

pub(super) fn read_message_id(raw: Option<&RawValue>) -> Checked<String> {
    let Some(raw) = raw else { return Ok(uuid::Uuid::new_v4().to_string()) };
    match read_string(raw) {
        Some(id) if id.is_empty() => Ok(uuid::Uuid::new_v4().to_string()),
        Some(id) if id.chars().count() < MESSAGE_ID_CHARS_BELOW => Ok(id.into_owned()),
        Some(id) => refuse(
            RejectionReason::MessageIdInvalid,
            format!(
                "messageId has {} characters, it must have fewer than {MESSAGE_ID_CHARS_BELOW}",
                id.chars().count()
            ),
        ),
        None => refuse(RejectionReason::MessageIdInvalid, "messageId must be a string"),
    }
}

pub(super) fn read_type(path: Option<MessageType>, raw: Option<&RawValue>) -> Checked<MessageType> {
    if let Some(type_) = path {
        return Ok(type_);
    }
    raw.and_then(read_string).and_then(|word| MessageType::from_word(&word)).ok_or_else(|| {
        Refusal {
            reason: RejectionReason::TypeInvalid,
            detail: format!(
                "type is {}, it must be one of identify, track, page, screen, group, alias",
                raw.map_or("missing".into(), |raw| Rejection::cut_excerpt(raw.get()))
            ),
        }
    })
}

pub(super) fn read_external_id<'a>(
    field: &str,
    raw: Option<&'a RawValue>,
) -> Checked<Option<Cow<'a, str>>> {
    let Some(raw) = raw else { return Ok(None) };
    match read_string(raw) {
        Some(id) if id.is_empty() => {
            refuse(RejectionReason::IdNotString, format!("{field} is empty"))
        }
        Some(id) if id.len() > ID_BYTES_MAX => refuse(
            RejectionReason::IdTooLong,
            format!("{field} has {} bytes, the limit is {ID_BYTES_MAX}", id.len()),
        ),
        Some(id) => match check_addressable(&id) {
            Ok(()) => Ok(Some(id)),
            Err(what) => refuse(RejectionReason::IdInvalid, format!("{field} {what}")),
        },
        None => refuse(RejectionReason::IdNotString, format!("{field} must be a string")),
    }
}

pub(super) fn read_event_name(raw: Option<&RawValue>) -> Checked<String> {
    let Some(raw) = raw else {
        return refuse(
            RejectionReason::EventNotDefined,
            "a track needs event, the name of what was done",
        );
    };
    match read_string(raw) {
        Some(event) if event.is_empty() => {
            refuse(RejectionReason::EventNotDefined, "event is empty")
        }
        Some(event) => Ok(event.into_owned()),
        None => refuse(RejectionReason::EventNotString, "event must be a string"),
    }
}

pub(super) fn read_group_id(raw: Option<&RawValue>) -> Checked<String> {
    match raw.and_then(read_string) {
        Some(id) if !id.is_empty() && id.chars().count() <= GROUP_ID_CHARS_MAX => {
            Ok(id.into_owned())
        }
        _ => refuse(
            RejectionReason::GroupIdInvalid,
            format!("groupId must be a string of 1 to {GROUP_ID_CHARS_MAX} characters"),
        ),
    }
}

pub(super) fn read_label(
    field: &str,
    raw: Option<&RawValue>,
    reason: RejectionReason,
) -> Checked<Option<String>> {
    let Some(raw) = raw else { return Ok(None) };
    match read_string(raw) {
        Some(text) if !text.is_empty() => Ok(Some(text.into_owned())),
        _ => refuse(reason, format!("{field} must be a string that is not empty")),
    }
}

pub(super) fn read_object(
    field: &str,
    raw: Option<&RawValue>,
    reason: RejectionReason,
) -> Checked<Option<String>> {
    match raw {
        None => Ok(None),
        Some(raw) if raw.get().starts_with('{') => Ok(Some(raw.get().to_owned())),
        Some(_) => refuse(reason, format!("{field} must be an object")),
    }
}

pub(super) fn read_traits(raw: Option<&RawValue>) -> Checked<Option<String>> {
    let text = read_object("traits", raw, RejectionReason::TraitsNotObject)?;
    let count = text
        .as_deref()
        .and_then(|text| serde_json::from_str::<Members<'_>>(text).ok())
        .map_or(0, |members| members.len());
    if count >= TRAITS_BELOW {
        let detail = format!(
            "{count} traits in one message, there must be fewer than {TRAITS_BELOW}: split the call"
        );
        return refuse(RejectionReason::TraitsTooMany, detail);
    }
    Ok(text)
}

pub(super) fn read_time(field: &str, raw: Option<&RawValue>) -> Checked<Option<Timestamp>> {
    let Some(raw) = raw else { return Ok(None) };
    let text = read_string(raw).unwrap_or(Cow::Borrowed(raw.get()));
    match Timestamp::parse(&text) {
        Some(time) => Ok(Some(time)),
        None => refuse(
            RejectionReason::TimestampInvalid,
            format!(
                "{field} {:?} is neither ISO 8601 nor a Unix time from 1970 on",
                Rejection::cut_excerpt(&text)
            ),
        ),
    }
}
