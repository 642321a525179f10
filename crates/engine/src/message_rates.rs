//! How many messages arrived in each minute of the last hour, and what became of them. In memory
//! only: after a restart it begins empty, and says since when it counts.

use std::collections::VecDeque;

use domain::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;

use crate::{Command, Entry, Outcome};

/// The number of minutes that are counted, the present one included.
pub const MINUTES_KEPT: usize = 60;
const MINUTE_MS: i64 = 60_000;

/// The messages of one minute, and the calls of the recommender API that change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, utoipa::ToSchema)]
pub struct MinuteCounts {
    /// Messages that were applied whole.
    pub applied: u64,
    /// Messages that were applied, though a mapping failed on them or a limit was reached.
    pub applied_in_part: u64,
    /// Messages whose id was applied before.
    pub duplicates: u64,
    /// Messages that were rejected.
    pub rejected: u64,
    /// Calls of the recommender API that were applied.
    pub commands_applied: u64,
    /// Calls of the recommender API that were refused.
    pub commands_refused: u64,
}

/// The counts of one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Minute {
    /// The beginning of the minute.
    pub at: Timestamp,
    /// What arrived within it.
    #[serde(flatten)]
    pub counts: MinuteCounts,
}

/// The last hour by minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MessageRates {
    /// When counting began: the workspace was opened then.
    pub since: Timestamp,
    /// [`MINUTES_KEPT`] minutes without gaps, oldest first; the last one is not over yet.
    pub minutes: Vec<Minute>,
}

impl MinuteCounts {
    /// Counts an entry with its outcome.
    pub(crate) fn add(&mut self, kind: CountedEntry, outcome: &Outcome) {
        let counter = match (kind, outcome) {
            (CountedEntry::Neither, _) => return,
            (CountedEntry::Rejection, _) => &mut self.rejected,
            (CountedEntry::Message, Outcome::Duplicate) => &mut self.duplicates,
            (CountedEntry::Message, Outcome::AppliedInPart) => &mut self.applied_in_part,
            (CountedEntry::Message, _) => &mut self.applied,
            (CountedEntry::Command, Outcome::Refused(_)) => &mut self.commands_refused,
            (CountedEntry::Command, _) => &mut self.commands_applied,
        };
        *counter += 1;
    }

    /// Messages with any outcome.
    pub fn messages(&self) -> u64 {
        self.applied + self.applied_in_part + self.duplicates + self.rejected
    }

    /// Calls of the recommender API with any outcome.
    pub fn commands(&self) -> u64 {
        self.commands_applied + self.commands_refused
    }

    /// The sums with other counts.
    pub fn plus(self, other: Self) -> Self {
        Self {
            applied: self.applied + other.applied,
            applied_in_part: self.applied_in_part + other.applied_in_part,
            duplicates: self.duplicates + other.duplicates,
            rejected: self.rejected + other.rejected,
            commands_applied: self.commands_applied + other.commands_applied,
            commands_refused: self.commands_refused + other.commands_refused,
        }
    }
}

impl MessageRates {
    /// The sums of the whole hour.
    pub fn total(&self) -> MinuteCounts {
        let counts = self.minutes.iter().map(|minute| minute.counts);
        counts.fold(MinuteCounts::default(), MinuteCounts::plus)
    }
}

/// How an entry counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CountedEntry {
    Message,
    Rejection,
    Command,
    Neither,
}

impl CountedEntry {
    pub(crate) fn of(entry: &Entry) -> Self {
        match entry {
            Entry::Message(_) => Self::Message,
            Entry::Rejected(_) => Self::Rejection,
            // Changes of the configuration come from administrators.
            Entry::Command { command, .. } if !matches!(**command, Command::Configure(_)) => {
                Self::Command
            }
            _ => Self::Neither,
        }
    }
}

/// Counts by minute, of which the latest are kept.
pub(crate) struct RateCounter {
    since: Timestamp,
    /// Minutes in which anything arrived, oldest first, by their number since 1970.
    minutes: Mutex<VecDeque<(i64, MinuteCounts)>>,
}

impl RateCounter {
    pub(crate) fn new(since: Timestamp) -> Self {
        Self { since, minutes: Mutex::default() }
    }

    /// Adds counts of now. A clock that goes back adds to the latest minute.
    pub(crate) fn add(&self, now: Timestamp, counts: MinuteCounts) {
        if counts == MinuteCounts::default() {
            return;
        }
        let number = now.0.div_euclid(MINUTE_MS);
        let mut minutes = self.minutes.lock();
        match minutes.back_mut() {
            Some((latest, own)) if *latest >= number => *own = own.plus(counts),
            _ => minutes.push_back((number, counts)),
        }
        if minutes.len() > MINUTES_KEPT {
            minutes.pop_front();
        }
    }

    /// The last hour.
    pub(crate) fn read(&self, now: Timestamp) -> MessageRates {
        let current = now.0.div_euclid(MINUTE_MS);
        let minutes = self.minutes.lock();
        let counts = |number: i64| {
            let found = minutes.binary_search_by_key(&number, |(number, _)| *number);
            found.map_or(MinuteCounts::default(), |n| minutes[n].1)
        };
        let minute =
            |number: i64| Minute { at: Timestamp(number * MINUTE_MS), counts: counts(number) };
        let first = current - MINUTES_KEPT as i64 + 1;
        MessageRates { since: self.since, minutes: (first..=current).map(minute).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(n: u64) -> MinuteCounts {
        MinuteCounts { rejected: n, ..MinuteCounts::default() }
    }

    #[test]
    fn an_hour_has_all_its_minutes_and_forgets_what_is_older() {
        let counter = RateCounter::new(Timestamp(0));
        let minute = |n: i64| Timestamp(n * MINUTE_MS + 30_000);
        for n in 1..=100 {
            counter.add(minute(n), rejected(n as u64));
        }
        counter.add(minute(100), rejected(1));
        let rates = counter.read(minute(102));
        assert_eq!(rates.minutes.len(), MINUTES_KEPT);
        assert_eq!(rates.minutes[0].at, Timestamp(43 * MINUTE_MS));
        let last: Vec<u64> =
            rates.minutes[56..].iter().map(|minute| minute.counts.rejected).collect();
        assert_eq!(last, [99, 101, 0, 0]);
        assert_eq!(rates.total().rejected, (43..=100).sum::<u64>() + 1);
    }

    #[test]
    fn a_clock_that_goes_back_loses_no_count() {
        let counter = RateCounter::new(Timestamp(0));
        counter.add(Timestamp(5 * MINUTE_MS), rejected(1));
        counter.add(Timestamp(MINUTE_MS), rejected(2));
        assert_eq!(counter.read(Timestamp(5 * MINUTE_MS)).total().rejected, 3);
    }

    #[test]
    fn each_outcome_has_its_counter() {
        let mut counts = MinuteCounts::default();
        for outcome in [Outcome::Applied, Outcome::AppliedInPart, Outcome::Duplicate] {
            counts.add(CountedEntry::Message, &outcome);
        }
        counts.add(CountedEntry::Rejection, &Outcome::Applied);
        counts.add(CountedEntry::Neither, &Outcome::Applied);
        let each = MinuteCounts {
            applied: 1,
            applied_in_part: 1,
            duplicates: 1,
            rejected: 1,
            ..MinuteCounts::default()
        };
        assert_eq!(counts, each);
        assert_eq!((counts.messages(), counts.commands()), (4, 0));
    }
}
