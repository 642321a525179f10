//! Names of time zones, and readings of the clock in one.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A time zone of the IANA database by its name, such as `Europe/Berlin`. Its rules are those of
/// the database that the program carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZone(jiff::tz::TimeZone);

impl TimeZone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(jiff::tz::TimeZone::UTC);

    /// The zone of a name, whose case does not matter; none where there is no such zone.
    pub fn named(name: &str) -> Option<Self> {
        // The library takes an empty name, and `Etc/Unknown`, for zones that it cannot tell.
        let zone = jiff::tz::TimeZone::get(name).ok()?;
        zone.iana_name().filter(|name| *name != "Etc/Unknown")?;
        Some(Self(zone))
    }

    /// The name in the database.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The rules, for calculations.
    pub fn rules(&self) -> &jiff::tz::TimeZone {
        &self.0
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for TimeZone {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'d> Deserialize<'d> for TimeZone {
    fn deserialize<D: Deserializer<'d>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        let wrong = || {
            de::Error::custom(format!(
                "{name:?} is no time zone: write its IANA name, such as Europe/Berlin or UTC"
            ))
        };
        Self::named(&name).ok_or_else(wrong)
    }
}

impl utoipa::PartialSchema for TimeZone {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl utoipa::ToSchema for TimeZone {}

/// A reading of the clock on the wall, to the minute: `07:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClockTime(u16);

impl ClockTime {
    /// Minutes of a day.
    const DAY_MINUTES: u16 = 24 * 60;

    /// The reading so many minutes after midnight; none beyond a day.
    pub fn from_minutes(minutes: u16) -> Option<Self> {
        (minutes < Self::DAY_MINUTES).then_some(Self(minutes))
    }

    /// Minutes after midnight.
    pub fn minutes(self) -> u16 {
        self.0
    }

    /// Parses a text; none where it is no reading of the clock.
    pub fn parse(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        let number = |text: &str, below: u16| {
            let is_short = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u16>().ok().filter(|number| is_short && *number < below)
        };
        Some(Self(number(hours, 24)? * 60 + number(minutes, 60)?))
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for ClockTime {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'d> Deserialize<'d> for ClockTime {
    fn deserialize<D: Deserializer<'d>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let wrong = || de::Error::custom(format!("{text:?} is no time of day: write it as 07:00"));
        Self::parse(&text).ok_or_else(wrong)
    }
}

impl utoipa::PartialSchema for ClockTime {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl utoipa::ToSchema for ClockTime {}

/// A day of the week.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl From<jiff::civil::Weekday> for Weekday {
    fn from(day: jiff::civil::Weekday) -> Self {
        use jiff::civil::Weekday as Day;
        match day {
            Day::Monday => Self::Monday,
            Day::Tuesday => Self::Tuesday,
            Day::Wednesday => Self::Wednesday,
            Day::Thursday => Self::Thursday,
            Day::Friday => Self::Friday,
            Day::Saturday => Self::Saturday,
            Day::Sunday => Self::Sunday,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_those_of_the_database() {
        for name in ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"] {
            let zone = TimeZone::named(name).expect(name);
            assert_eq!(zone.name(), name);
            let json = serde_json::to_string(&zone).unwrap();
            assert_eq!(serde_json::from_str::<TimeZone>(&json).unwrap(), zone);
        }
        assert_eq!(TimeZone::named("europe/berlin").unwrap().name(), "Europe/Berlin");
        for wrong in ["", "Europe/Atlantis", "+02:00", "CET-1CEST", "../UTC", "Etc/Unknown"] {
            assert_eq!(TimeZone::named(wrong), None, "{wrong}");
        }
        let error = serde_json::from_str::<TimeZone>("\"Mars\"").unwrap_err().to_string();
        assert!(error.contains("\"Mars\" is no time zone: write its IANA name"), "{error}");
    }

    #[test]
    fn a_reading_of_the_clock_is_written_as_it_is_read() {
        for text in ["00:00", "07:05", "23:59"] {
            assert_eq!(ClockTime::parse(text).map(|time| time.to_string()).as_deref(), Some(text));
        }
        for wrong in ["24:00", "7:00", "07:60", "07", "07:00Z", "+7:00"] {
            assert_eq!(ClockTime::parse(wrong), None, "{wrong}");
        }
    }
}
