//! Instants as milliseconds since 1970, and how their texts are parsed.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};

/// An instant in UTC, in milliseconds since 1970-01-01T00:00:00Z; never negative when it came
/// through [`Timestamp::parse`].
///
/// In formats that people read, such as JSON, it is written as ISO 8601 text, and read as such a
/// text or as a number of milliseconds. In others it is the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, utoipa::ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-03-01T12:00:00.000Z")]
pub struct Timestamp(pub i64);

/// Numbers below this are seconds, others milliseconds (10^10 s is the year 2286).
const SECONDS_BELOW: f64 = 1e10;

/// The last instant that can be written in any zone: 9999-12-30T22:00:00Z.
const MS_MAX: i64 = 253_402_207_200_000;
/// The first day of the year 1.
const MS_MIN: i64 = -62_135_596_800_000;

impl Timestamp {
    /// Reads ISO 8601 with or without a zone (without means UTC), a date alone, or a number of
    /// seconds or milliseconds as text. Instants before 1970 and after 9999 are refused.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().parse::<f64>() {
            Ok(number) => Self::from_number(number),
            Err(_) => Self::parse_any(text).and_then(|at| Self::bounded(at.0)),
        }
    }

    /// Reads ISO 8601 with its zone, or a date alone, which is its beginning in UTC: what people
    /// write where digits alone could be a year, seconds or something else. Instants before 1970
    /// and after 9999 are refused.
    pub fn parse_zoned(text: &str) -> Option<Self> {
        let text = text.trim();
        let zoned = || text.parse::<jiff::Timestamp>().ok().map(|at| Self(at.as_millisecond()));
        let date = || {
            let date = text.parse::<jiff::civil::Date>().ok()?;
            let at = date.at(0, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).ok()?;
            Some(Self(at.timestamp().as_millisecond()))
        };
        let is_date = text.len() == 10 && text.contains('-');
        let at = if is_date { date() } else { zoned() };
        at.and_then(|at| Self::bounded(at.0))
    }

    /// Reads ISO 8601 of any year from 1 to 9999. The last hours of 9999, which stand for "never",
    /// become the last instant that can be represented.
    pub fn parse_any(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Some(Self(instant.as_millisecond()));
        }
        // No zone: civil time, read as UTC. jiff also reads the space between date and time.
        let text = text.strip_suffix('Z').unwrap_or(text);
        let civil = text
            .parse::<jiff::civil::DateTime>()
            .or_else(|_| text.parse::<jiff::civil::Date>().map(|date| date.at(0, 0, 0, 0)))
            .ok()?;
        match civil.to_zoned(jiff::tz::TimeZone::UTC) {
            Ok(zoned) => Some(Self(zoned.timestamp().as_millisecond())),
            Err(_) => (civil.year() == 9999).then_some(Self(MS_MAX)),
        }
    }

    /// Reads Unix seconds, also before 1970; none beyond the years 1 to 9999.
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        let ms = (seconds * 1_000.0).round();
        let is_written =
            ms.is_finite() && (MS_MIN as f64..=(MS_MAX + 2 * 86_400_000) as f64).contains(&ms);
        is_written.then_some(Self((ms as i64).min(MS_MAX)))
    }

    /// Reads Unix seconds (below 10^10) or milliseconds.
    pub fn from_number(number: f64) -> Option<Self> {
        if !number.is_finite() {
            return None;
        }
        let ms = if number < SECONDS_BELOW { number * 1_000.0 } else { number };
        Self::bounded(ms.round() as i64)
    }

    /// Whole seconds since 1970, saturated at 32 bits (the year 2106).
    pub fn seconds_u32(self) -> u32 {
        (self.0 / 1_000).clamp(0, i64::from(u32::MAX)) as u32
    }

    fn bounded(ms: i64) -> Option<Self> {
        (0..=MS_MAX).contains(&ms).then_some(Self(ms))
    }
}

impl fmt::Display for Timestamp {
    /// ISO 8601 with milliseconds and `Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(_) if serializer.is_human_readable() => serializer.collect_str(self),
            _ => serializer.serialize_i64(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.is_human_readable() {
            true => deserializer.deserialize_any(TextOrNumber),
            false => i64::deserialize(deserializer).map(Self),
        }
    }
}

struct TextOrNumber;

impl Visitor<'_> for TextOrNumber {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time as ISO 8601 text, or as milliseconds since 1970")
    }

    fn visit_i64<E: Error>(self, ms: i64) -> Result<Timestamp, E> {
        Ok(Timestamp(ms))
    }

    fn visit_u64<E: Error>(self, ms: u64) -> Result<Timestamp, E> {
        i64::try_from(ms).map(Timestamp).map_err(|_| E::custom("a time is out of range"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
        Timestamp::parse_any(text).ok_or_else(|| {
            E::custom(format!("{text:?} is no time: ISO 8601, such as 2026-03-01T12:00:00Z"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_a_text_and_programs_a_number() {
        for at in [0, -1, 1_630_490_400_123, MS_MAX, i64::MAX, i64::MIN].map(Timestamp) {
            let json = serde_json::to_string(&at).unwrap();
            assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), at, "{json}");
            assert_eq!(serde_json::from_str::<Timestamp>(&at.0.to_string()).unwrap(), at);
        }
        let json = serde_json::to_string(&Timestamp(1_630_490_400_123)).unwrap();
        assert_eq!(json, r#""2021-09-01T10:00:00.123Z""#);
        let error = serde_json::from_str::<Timestamp>(r#""soon""#).unwrap_err().to_string();
        assert!(error.contains("\"soon\" is no time"), "{error}");
    }

    #[test]
    fn texts_that_sources_write() {
        let table: String = [
            "2021-09-01T10:00:00Z",
            "2021-09-01T10:00:00.123Z",
            "2021-09-01T12:00:00+02:00",
            "2021-09-01T12:00:00+0200",
            "2021-09-01T10:00:00",
            "2021-09-01 10:00",
            "2021-09-01 10:00:00.5",
            "2021-09-01",
            "1630490400",
            "1630490400123",
            "1630490400.5",
            "0",
            "-1",
            "1969-12-31",
            "NaN",
            "yesterday",
            "",
            "9999-12-30T21:59:59.999Z",
            "9999-12-31T23:59:59Z",
        ]
        .map(|text| {
            format!("{text:<28} {}\n", Timestamp::parse(text).map_or("-".into(), |t| t.to_string()))
        })
        .concat();
        insta::assert_snapshot!(table);
    }
}
