//! Places in the journal, as callers of the admin API, the command line and the console write them.

use std::fmt;

use domain::Timestamp;
use engine::SpanPlace;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use web::error::ApiError;

/// What an offset begins with where it is written as text: digits alone could be a year as well.
const OFFSET: &str = "offset:";

/// A place in the journal: an offset as a number, or a text, which is a time of arrival as ISO 8601
/// with its zone, a date (its beginning in UTC), or an offset as `offset:120`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Place {
    /// An offset.
    Offset(u64),
    /// A time, a date, or an offset, such as `2026-03-01T00:00:00Z`, `2026-03-01` or `offset:120`.
    Text(String),
}

impl Place {
    /// What was typed; none where that is nothing.
    pub fn typed(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self::Text(text.to_owned()))
    }

    /// The offset as it is typed.
    pub fn text_of(offset: u64) -> String {
        format!("{OFFSET}{offset}")
    }

    /// Reads the place of a field.
    ///
    /// # Errors
    /// 400 where it is neither a time nor an offset.
    pub fn parse(&self, field: &str) -> Result<SpanPlace, ApiError> {
        let text = match self {
            Self::Offset(offset) => return Ok(SpanPlace::Offset(*offset)),
            Self::Text(text) => text,
        };
        let offset = text.strip_prefix(OFFSET).and_then(|digits| digits.parse().ok());
        let time = || Timestamp::parse_zoned(text).map(SpanPlace::Time);
        offset.map(SpanPlace::Offset).or_else(time).ok_or_else(|| {
            let what = format!(
                "{field} is {text:?}: write a time as 2026-03-01T00:00:00Z or a date as 2026-03-01, or an offset of the journal as {OFFSET}120"
            );
            ApiError::invalid(what).at(format!("/{field}"))
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offset(offset) => f.write_str(&Self::text_of(*offset)),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OffsetOrText)
    }
}

struct OffsetOrText;

impl Visitor<'_> for OffsetOrText {
    type Value = Place;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an offset of the journal as a number, or a time as text, such as \"2026-03-01T00:00:00Z\"",
        )
    }

    fn visit_u64<E: Error>(self, offset: u64) -> Result<Place, E> {
        Ok(Place::Offset(offset))
    }

    fn visit_i64<E: Error>(self, offset: i64) -> Result<Place, E> {
        let unexpected = serde::de::Unexpected::Signed(offset);
        u64::try_from(offset).map(Place::Offset).map_err(|_| E::invalid_value(unexpected, &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Place, E> {
        Ok(Place::Text(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_time_with_its_zone_a_date_or_an_offset_and_never_digits_alone() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let read = |text: &str| Place::Text(text.to_owned()).parse("from").ok();
        let march = SpanPlace::Time(at("2026-03-01T00:00:00Z"));
        for (text, expected) in [
            ("2026-03-01T00:00:00Z", Some(march)),
            ("2026-03-01T02:00:00+02:00", Some(march)),
            ("2026-03-01", Some(march)),
            ("offset:2026", Some(SpanPlace::Offset(2026))),
            ("2026", None),
            ("20260301", None),
            ("1772323200000", None),
            ("2026-03-01T00:00:00", None),
            ("offset:", None),
            ("offset:-1", None),
            ("yesterday", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        let error = Place::Text("2026".to_owned()).parse("from").unwrap_err();
        assert_eq!(
            error.message,
            "from is \"2026\": write a time as 2026-03-01T00:00:00Z or a date as 2026-03-01, or an offset of the journal as offset:120"
        );
    }

    #[test]
    fn what_is_no_place_says_what_one_is() {
        let read = |json: &str| serde_json::from_str::<Place>(json);
        assert_eq!(read("7").unwrap(), Place::Offset(7));
        assert_eq!(read("\"2026-03-01\"").unwrap(), Place::typed(" 2026-03-01 ").unwrap());
        for json in ["-1", "1.5", "true", "[]", "null"] {
            let error = read(json).unwrap_err().to_string();
            assert!(error.contains("expected an offset of the journal as a number"), "{error}");
        }
    }
}
