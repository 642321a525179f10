//! Times as the recommender's API takes them: seconds since 1970, with a fraction.

use super::FieldError;
use crate::date;
use crate::value::{Value, read_number};

/// Numbers from here on are milliseconds (10^10 s is the year 2286).
const MS_FROM: f64 = 1e10;

/// The seconds of a checked timestamp; not a number where a compatible request has `null`.
pub(super) fn seconds(timestamp: &Value<'_>, is_compatible: bool) -> Result<f64, FieldError> {
    let error = |what: &str| Err(FieldError { field: "timestamp", what: what.to_owned() });
    let text = timestamp.as_text();
    let number = match (timestamp.as_number(), &text) {
        (Some(number), _) => number,
        (None, Some(text)) if !text.trim().is_empty() => read_number(text),
        _ => f64::NAN,
    };
    if number < 0.0 {
        return error("cannot be negative");
    }
    if !number.is_nan() {
        return Ok(if number >= MS_FROM { number / 1_000.0 } else { number });
    }
    let text = text.unwrap_or_default();
    let read =
        if ends_with_zone(&text) { date::parse(&text) } else { date::parse(&format!("{text}Z")) };
    match read {
        Some(ms) => Ok(ms / 1_000.0),
        None if is_compatible => Ok(f64::NAN),
        None => error("cannot be read as a time"),
    }
}

/// Whether the text ends with `Z`, `±hh`, `±hhmm` or `±hh:mm`. The day of a plain date does, too.
fn ends_with_zone(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_offset = |form: &str| {
        bytes.len() >= form.len()
            && form.bytes().zip(&bytes[bytes.len() - form.len()..]).all(|(form, byte)| match form {
                b'+' => matches!(byte, b'+' | b'-'),
                b'0' => byte.is_ascii_digit(),
                other => *byte == other,
            })
    };
    matches!(bytes.last(), Some(b'Z' | b'z'))
        || ["+00", "+0000", "+00:00"].into_iter().any(is_offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_become_seconds() {
        let text = |text: &'static str| Value::text(text);
        let cases = [
            (Value::number(1_630_490_400.5), Some(1_630_490_400.5)),
            (Value::number(1_630_490_400_123.0), Some(1_630_490_400.123)),
            (text("1630490400"), Some(1_630_490_400.0)),
            (text("1630490400123"), Some(1_630_490_400.123)),
            (text("2021"), Some(2_021.0)),
            (text("2021-09-01T10:00:00.5Z"), Some(1_630_490_400.5)),
            (text("2021-09-01T12:00:00+02:00"), Some(1_630_490_400.0)),
            (text("2021-09-01T12:00:00+0200"), Some(1_630_490_400.0)),
            (text("2021-09-01T10:00:00"), Some(1_630_490_400.0)),
            (text("2021-09-01 10:00"), Some(1_630_490_400.0)),
            (text("2021-09-01"), Some(1_630_454_400.0)),
            (text("Sep 1 2021"), Some(1_630_454_400.0)),
            (Value::number(-1.0), None),
            (text("-5"), None),
            (text("2021-13-45"), None),
        ];
        for (timestamp, expected) in cases {
            assert_eq!(seconds(&timestamp, false).ok(), expected, "{timestamp:?}");
        }
        assert!(seconds(&text("2021-13-45"), true).is_ok_and(f64::is_nan));
    }
}
