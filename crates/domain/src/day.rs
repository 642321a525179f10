//! Days in UTC, the unit in which KPIs are kept.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

const MS_PER_DAY: i64 = 24 * 3_600 * 1_000;

/// A day in UTC, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Day(pub u32);

impl Day {
    /// The day that holds an instant; the first day for instants before 1970.
    pub fn from_timestamp(at: Timestamp) -> Self {
        Self((at.0.max(0) / MS_PER_DAY).try_into().unwrap_or(u32::MAX))
    }

    /// Parses exactly `YYYY-MM-DD`; none for any other form.
    pub fn parse(text: &str) -> Option<Self> {
        Timestamp::parse(text).map(Self::from_timestamp).filter(|day| day.to_string() == text)
    }

    /// The day `n_days` before, but not before 1970-01-01.
    pub fn earlier(self, n_days: u32) -> Self {
        Self(self.0.saturating_sub(n_days))
    }

    /// Its first millisecond.
    pub fn start(self) -> Timestamp {
        Timestamp(i64::from(self.0) * MS_PER_DAY)
    }
}

impl fmt::Display for Day {
    /// `YYYY-MM-DD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.start().to_string();
        f.write_str(start.split('T').next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_what_it_is_written_as() {
        let table: String = [
            "1970-01-01",
            "2026-11-21",
            "2024-02-29",
            "2023-02-29",
            "2026-1-2",
            "86400",
            "20261121",
        ]
        .map(|text| {
            format!("{text:<12} {}\n", Day::parse(text).map_or("-".into(), |day| day.0.to_string()))
        })
        .concat();
        insta::assert_snapshot!(table, @r"
        1970-01-01   0
        2026-11-21   20778
        2024-02-29   19782
        2023-02-29   -
        2026-1-2     -
        86400        -
        20261121     -
        ");
        let noon = Timestamp::parse("2026-11-21T12:00:00Z").map(Day::from_timestamp);
        assert_eq!(noon.map(|day| day.to_string()).as_deref(), Some("2026-11-21"));
    }
}
