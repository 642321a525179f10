//! Lengths of time, as people write them: `30 days`.

use std::fmt;

use crate::limits::PERIOD_SECONDS_MAX;

/// The units, the longest first, with their seconds.
const UNITS: [(&str, i64); 5] =
    [("week", 7 * 86_400), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];

/// The words of units, for messages.
pub(crate) const UNIT_WORDS: [&str; 5] = ["weeks", "days", "hours", "minutes", "seconds"];

/// A length of time: at least a second, at most [`PERIOD_SECONDS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    seconds: i64,
}

impl Period {
    /// A length in seconds; none out of its bounds.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        (1..=PERIOD_SECONDS_MAX).contains(&seconds).then_some(Self { seconds })
    }

    /// A length in days; none out of its bounds.
    pub fn from_days(days: i64) -> Option<Self> {
        Self::from_seconds(days.checked_mul(86_400)?)
    }

    /// The length in milliseconds.
    pub fn ms(self) -> i64 {
        self.seconds * 1_000
    }

    /// Reads `30 days` or `1 hour`.
    ///
    /// # Errors
    /// A sentence that says what is wanted.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let (Some(number), Some(unit), None) = (words.next(), words.next(), words.next()) else {
            return Err(format!("{text:?} is no length of time: write it like \"30 days\""));
        };
        Self::from_words(number, unit)
    }

    /// Reads a number and its unit.
    pub(crate) fn from_words(number: &str, unit: &str) -> Result<Self, String> {
        let number: i64 = number
            .parse()
            .map_err(|_| format!("{number:?} is no whole number: write it like \"30 days\""))?;
        let singular = unit.strip_suffix('s').unwrap_or(unit);
        let Some((_, seconds)) = UNITS.iter().find(|(name, _)| *name == singular) else {
            return Err(crate::error::unknown_word("unit", unit, &UNIT_WORDS));
        };
        number.checked_mul(*seconds).and_then(Self::from_seconds).ok_or_else(|| {
            format!(
                "{number} {unit} is out of bounds: 1 second to {} days",
                PERIOD_SECONDS_MAX / 86_400
            )
        })
    }
}

impl fmt::Display for Period {
    /// In days where they are whole, else in the longest unit that gives a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = UNITS.iter().skip(1);
        let (unit, seconds) =
            units.into_iter().find(|(_, unit)| self.seconds % unit == 0).unwrap_or(&UNITS[4]);
        let number = self.seconds / seconds;
        write!(f, "{number} {unit}{}", if number == 1 { "" } else { "s" })
    }
}
