//! What the senders of push messages share: the words for why a message is not taken, and how
//! fields are read.

use std::fmt::Display;

use activation::Failure;
use serde_json::Value;

use crate::kind::{Made, RequestError, text_field};
use crate::outgoing::{HttpResponse, check_status};

/// The browser has given up the subscription.
pub(super) const SUBSCRIPTION_GONE: &str = "subscription_gone";
/// The app is no longer on the device.
pub(super) const APP_UNINSTALLED: &str = "app_uninstalled";
/// The token is none, or of another app.
pub(super) const INVALID_TOKEN: &str = "invalid_token";
/// Something else of the message is not taken.
pub(super) const INVALID_MESSAGE: &str = "invalid_message";
/// The message is too large.
pub(super) const PAYLOAD_TOO_LARGE: &str = "payload_too_large";
/// Our key, or the token that it signed, is not taken.
pub(super) const INVALID_KEY: &str = "invalid_key";

/// A failure that repeats would not mend, of an answer.
pub(super) fn refused(reason: &str, response: &HttpResponse) -> Failure {
    let text = match check_status(response) {
        Err(failure) => failure.text().to_owned(),
        Ok(()) => format!("answered {}", response.status.as_u16()),
    };
    Failure::Permanent { reason: reason.to_owned(), text }
}

/// A failure of one receiver of messages, which says nothing of the others.
pub(super) fn of_one_receiver(mut failure: Failure) -> Failure {
    if let Failure::Retry { is_outage, .. } | Failure::Unknown { is_outage, .. } = &mut failure {
        *is_outage = false;
    }
    failure
}

/// The failure of a message that cannot be encrypted or signed now.
pub(super) fn no_random_bytes(error: impl Display) -> Failure {
    Failure::Retry {
        reason: "no_random_bytes".to_owned(),
        text: format!("the system gives no random bytes: {error}"),
        after_ms: None,
        is_outage: false,
    }
}

/// A number of what a mapping made, from 0 on; the highest is in the file of the action.
///
/// # Errors
/// If it is negative.
pub(super) fn whole_field(made: &Made<'_>, field: &str) -> Result<Option<u64>, RequestError> {
    let Some(number) = made.fields.get(field).and_then(mapping::Value::as_number) else {
        return Ok(None);
    };
    if number < 0.0 {
        let what = format!("should be 0 or more but it was {number}");
        return Err(RequestError { field: field.to_owned(), what });
    }
    Ok(Some(number as u64))
}

/// A text of what a mapping made that is one of some words; none where it is absent.
///
/// # Errors
/// If it is another.
pub(super) fn word_field(
    made: &Made<'_>,
    field: &str,
    words: &[&str],
) -> Result<Option<String>, RequestError> {
    match text_field(made, field) {
        Some(word) if !words.contains(&word.as_str()) => {
            let what = format!("should be one of {} but it was {word:?}", words.join(", "));
            Err(RequestError { field: field.to_owned(), what })
        }
        word => Ok(word),
    }
}

/// Adds a member to an object, unless it is absent.
pub(super) fn put(object: &mut Value, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object[key] = value.into();
    }
}
