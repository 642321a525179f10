//! Dates in words. There is no clock: the time of the message is the variable `now`.

use jiff::fmt::strtime::{BrokenDownTime, Config};
use jiff::fmt::temporal::Pieces;
use jiff::{Timestamp, civil};
use serde_json::Value;

use super::{Outcome, argument};

/// Characters of a format.
const FORMAT_CHARS_MAX: usize = 200;

/// Formats an RFC 3339 time in its own offset, a date, or seconds since 1970 in UTC.
pub(super) fn date(input: Value, arguments: &[Value]) -> Outcome {
    let format = argument(arguments, 0, "")?;
    if format.chars().count() > FORMAT_CHARS_MAX {
        return Err(format!("the format of a date has at most {FORMAT_CHARS_MAX} characters"));
    }
    let time = read(&input).ok_or_else(|| match &input {
        Value::String(text) if matches!(text.trim(), "now" | "today") => {
            format!("{text:?} is no date; write the variable now, without quotes")
        }
        Value::String(text) => {
            let start: String = text.chars().take(40).collect();
            format!("{start:?} is no date such as 2026-03-31 or 2026-03-31T08:00:00Z")
        }
        other => format!("{} is no date", crate::values::kind_of(other)),
    })?;
    let mut formatted = String::new();
    let config = Config::new().lenient(true);
    time.format_with_config(&config, &format, &mut formatted)
        .map_err(|error| format!("the format {format:?} cannot be used: {error}"))?;
    Ok(formatted.into())
}

fn read(input: &Value) -> Option<BrokenDownTime> {
    let seconds = match input {
        Value::String(text) => match text.trim().parse::<i64>() {
            Ok(seconds) => seconds,
            Err(_) => return read_text(text.trim()),
        },
        number => number.as_i64()?,
    };
    Some(BrokenDownTime::from(Timestamp::from_second(seconds).ok()?))
}

fn read_text(text: &str) -> Option<BrokenDownTime> {
    let pieces = Pieces::parse(text).ok()?;
    let time = pieces.time().unwrap_or(civil::Time::midnight());
    let mut broken_down = BrokenDownTime::from(pieces.date().to_datetime(time));
    broken_down.set_offset(pieces.to_numeric_offset());
    Some(broken_down)
}
