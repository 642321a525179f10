//! Times of day, as people write them into definitions.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Timestamp;

const DAY_MINUTES: i64 = 24 * 60;
const MINUTE_MS: i64 = 60_000;

/// A time of day with its distance from UTC: `07:00`, `07:00Z` or `07:00+02:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay {
    /// Minutes since midnight where it is said.
    minute: i64,
    /// Minutes that its place is ahead of UTC.
    ahead: i64,
}

impl TimeOfDay {
    /// Parses a text; none where it is no time of day.
    pub fn parse(text: &str) -> Option<Self> {
        let (time, ahead) = match text.find(['+', '-']) {
            Some(at) => {
                let sign = if text[at..].starts_with('+') { 1 } else { -1 };
                (&text[..at], sign * minutes(&text[at + 1..])?)
            }
            None => (text.strip_suffix('Z').unwrap_or(text), 0),
        };
        Some(Self { minute: minutes(time)?, ahead })
    }

    /// The last such instant at or before an instant.
    pub fn last_before(self, now: Timestamp) -> Timestamp {
        let minute = (self.minute - self.ahead).rem_euclid(DAY_MINUTES);
        let day_ms = DAY_MINUTES * MINUTE_MS;
        let today = now.0.div_euclid(day_ms) * day_ms + minute * MINUTE_MS;
        Timestamp(if today <= now.0 { today } else { today - day_ms })
    }
}

/// The minutes of `07:00`.
fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, below: i64| {
        let is_short = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|number| is_short && *number < below)
    };
    Some(number(hours, 24)? * 60 + number(minutes, 60)?)
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minute / 60, self.minute % 60)?;
        match self.ahead {
            0 => Ok(()),
            ahead => {
                let (sign, ahead) = (if ahead > 0 { '+' } else { '-' }, ahead.abs());
                write!(f, "{sign}{:02}:{:02}", ahead / 60, ahead % 60)
            }
        }
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'d> Deserialize<'d> for TimeOfDay {
    fn deserialize<D: Deserializer<'d>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let wrong = || {
            de::Error::custom(format!(
                "{text:?} is no time of day: write it as 07:00 or 07:00+02:00"
            ))
        };
        Self::parse(&text).ok_or_else(wrong)
    }
}

impl utoipa::PartialSchema for TimeOfDay {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl utoipa::ToSchema for TimeOfDay {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_found_in_its_place() {
        let at = |text: &str| Timestamp::parse(text).expect("a time");
        let now = at("2026-03-02T06:30:00Z");
        for (text, expected) in [
            ("07:00", "2026-03-01T07:00:00Z"),
            ("06:30", "2026-03-02T06:30:00Z"),
            ("07:00+02:00", "2026-03-02T05:00:00Z"),
            ("23:00-05:30", "2026-03-02T04:30:00Z"),
        ] {
            let time = TimeOfDay::parse(text).expect("a time of day");
            assert_eq!(time.last_before(now), at(expected), "{text}");
            assert_eq!(time.to_string(), text);
        }
        assert_eq!(TimeOfDay::parse("07:00Z").map(|time| time.to_string()), Some("07:00".into()));
        for wrong in ["7:00", "24:00", "07:60", "noon", "07:00+2", "+7:00"] {
            assert_eq!(TimeOfDay::parse(wrong), None, "{wrong}");
        }
    }
}
