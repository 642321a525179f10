//! Functions that convert between types.

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use crate::value::Value;

/// `boolean(x)`: zero and an empty text, set, array or dictionary are false.
pub(crate) fn to_boolean(value: &Value) -> Value {
    let truth = match value {
        Value::Boolean(boolean) => *boolean,
        Value::String(text) => !text.is_empty(),
        Value::Dictionary(entries) => !entries.is_empty(),
        _ => match (value.number(), value.elements()) {
            (Some(number), _) => number.as_f64() != 0.0,
            (_, Some(elements)) => !elements.is_empty(),
            _ => return Value::Null,
        },
    };
    Value::Boolean(truth)
}

/// `number(x)`; null for a text that is no number.
pub(crate) fn to_number(value: &Value) -> Value {
    match value {
        Value::Boolean(boolean) => Value::Int(i64::from(*boolean)),
        Value::String(text) => {
            let text = text.trim();
            // The names of infinity and NaN, which parse as well, are no numbers of the language.
            let is_number = text
                .starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
                && text.ends_with(|c: char| c.is_ascii_digit() || c == '.');
            let double =
                || text.parse().ok().filter(|double: &f64| double.is_finite()).map(Value::Double);
            let parsed = text.parse().map(Value::Int).ok().or_else(double);
            parsed.filter(|_| is_number).unwrap_or(Value::Null)
        }
        _ => value.number().map_or(Value::Null, Value::from),
    }
}

/// Writes a set or an array in the syntax of the language.
fn write_elements(open: &str, elements: &[Value], close: &str) -> Option<String> {
    let written = elements.iter().map(|element| match element {
        Value::Null => Some("null".to_owned()),
        Value::String(text) => {
            Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
        }
        _ => to_text(element, None).as_text().map(str::to_owned),
    });
    Some(format!("{open}{}{close}", written.collect::<Option<Vec<_>>>()?.join(", ")))
}

/// `string(x)` and `string(x, format)`; a format makes an instant of a number, in UTC, with the
/// directives of `strftime`.
pub(crate) fn to_text(value: &Value, format: Option<&str>) -> Value {
    match (value, format) {
        (_, Some(format)) => {
            value.number().and_then(|seconds| format_seconds(seconds.as_f64(), format))
        }
        (Value::Boolean(boolean), None) => Some(boolean.to_string()),
        (Value::Int(int), None) => Some(int.to_string()),
        (Value::Double(double), None) => Some(double.to_string()),
        (Value::Timestamp(seconds), None) => {
            to_instant(*seconds).map(|instant| instant.to_string())
        }
        (Value::String(_), None) => return value.clone(),
        (Value::Set(set), None) => write_elements("{", set.elements(), "}"),
        (Value::Array(elements), None) => write_elements("[", elements, "]"),
        _ => None,
    }
    .map_or(Value::Null, |text| Value::String(text.into()))
}

/// `timestamp(x)` of seconds, or of a text in ISO 8601, in UTC unless it names a zone.
pub(crate) fn to_timestamp(value: &Value) -> Value {
    match value {
        Value::String(text) => parse_seconds(text).map_or(Value::Null, Value::Timestamp),
        _ => value.number().map_or(Value::Null, |seconds| Value::Timestamp(seconds.as_f64())),
    }
}

fn parse_seconds(text: &str) -> Option<f64> {
    let with_zone = || text.parse::<jiff::Timestamp>().ok();
    let without_zone =
        || Some(text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    let instant = with_zone().or_else(without_zone)?;
    // Microseconds are exact in double precision for the next centuries.
    Some(instant.as_microsecond() as f64 / 1e6)
}

fn to_instant(seconds: f64) -> Option<jiff::Timestamp> {
    // The conversion to an integer saturates, and `jiff` refuses an integer beyond its range.
    jiff::Timestamp::from_microsecond((seconds * 1e6).round() as i64)
        .ok()
        .filter(|_| seconds.is_finite())
}

fn format_seconds(seconds: f64, format: &str) -> Option<String> {
    strtime::format(format, &to_instant(seconds)?.to_zoned(TimeZone::UTC)).ok()
}
