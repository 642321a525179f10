//! The time of the journal: what its entries say, bounded, so that a few entries with a wrong time move no
//! window.
//!
//! Windows and days (message ids, recommendations, metrics, impressions) go by an entry's time only as far
//! as this clock has come. It follows the entries at once where they go on by no more than
//! [`BELIEVED_AHEAD_MS`]. Beyond that it stays between the earliest and the latest of the last [`SAMPLES`]
//! times, which lie [`SAMPLE_INTERVAL_MS`] apart: so a wrong time is believed only once so many entries in
//! a row say the same, and an entry that is alone with its time changes nothing. After a downtime of weeks,
//! or after a time that was wrong and believed, the clock is right again as soon. It follows from the
//! entries alone.

use std::collections::VecDeque;

use domain::Timestamp;
use serde::{Deserialize, Serialize};

/// How far one entry alone may move the clock forward, in milliseconds: three days, a quiet weekend, and a
/// tenth of the time for which a recommendation can be cited.
pub const BELIEVED_AHEAD_MS: i64 = 3 * 24 * 3_600 * 1_000;
/// How many times in a row must say so before the clock moves further, or back.
pub const SAMPLES: usize = 10;
/// How far these times lie apart at least, in milliseconds: so a burst of entries counts once.
pub const SAMPLE_INTERVAL_MS: i64 = 60_000;

/// The time that the entries of a journal agree on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JournalClock {
    /// None before the first entry with a time.
    now: Option<Timestamp>,
    /// Oldest first.
    samples: VecDeque<Timestamp>,
}

impl JournalClock {
    /// Takes an entry's time into account.
    pub(crate) fn observe(&mut self, at: Timestamp) {
        let now = self.now.get_or_insert(at);
        if at.0 <= now.0.saturating_add(BELIEVED_AHEAD_MS) {
            *now = at.max(*now);
        }
        if self.samples.back().is_some_and(|last| last.0.abs_diff(at.0) < SAMPLE_INTERVAL_MS as u64) {
            return;
        }
        self.samples.push_back(at);
        if self.samples.len() > SAMPLES {
            self.samples.pop_front();
        }
        let range = self.samples.iter().min().zip(self.samples.iter().max());
        if let Some((&earliest, &latest)) = range.filter(|_| self.samples.len() == SAMPLES) {
            *now = (*now).clamp(earliest, latest);
        }
    }

    /// The time of the clock and that of the last entry, where the entry's is not believed yet.
    pub fn doubted(&self) -> Option<(Timestamp, Timestamp)> {
        let (now, last) = (self.now?, *self.samples.back()?);
        (now.0.abs_diff(last.0) > BELIEVED_AHEAD_MS as u64).then_some((now, last))
    }

    /// The time that the clock has come to.
    pub fn time(&self) -> JournalTime {
        JournalTime(self.now)
    }
}

/// What an entry's time may be at most.
#[derive(Debug, Clone, Copy)]
pub struct JournalTime(Option<Timestamp>);

impl JournalTime {
    /// An entry's time, or the time that the clock has come to where the entry says a later one.
    pub fn bound(self, at: Timestamp) -> Timestamp {
        self.0.map_or(at, |now| at.min(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 24 * 3_600 * 1_000;
    const START_MS: i64 = 20_000 * DAY_MS;

    fn clock(times: impl IntoIterator<Item = i64>) -> JournalClock {
        let mut clock = JournalClock::default();
        times.into_iter().for_each(|ms| clock.observe(Timestamp(START_MS + ms)));
        clock
    }

    fn at(clock: &JournalClock) -> i64 {
        clock.time().bound(Timestamp(i64::MAX)).0 - START_MS
    }

    /// So many times, a minute apart.
    fn minutes(n: i64) -> impl Iterator<Item = i64> + Clone {
        (0..n).map(|n| n * SAMPLE_INTERVAL_MS)
    }

    #[test]
    fn it_follows_entries_that_go_on_and_none_that_is_alone_with_its_time() {
        let mut times: Vec<i64> = minutes(30).collect();
        assert_eq!(at(&clock(times.clone())), 29 * SAMPLE_INTERVAL_MS);
        // A burst under a clock that is 1,000 days ahead for a moment, and one that is as far behind.
        times.extend((0..500).map(|n| 1_000 * DAY_MS + n));
        times.extend((0..500).map(|n| -1_000 * DAY_MS - n));
        assert_eq!(at(&clock(times.clone())), 29 * SAMPLE_INTERVAL_MS);
        let doubted = clock(times.clone()).doubted().map(|(_, last)| last.0 - START_MS);
        assert_eq!(doubted, Some(-1_000 * DAY_MS));
        times.push(30 * SAMPLE_INTERVAL_MS);
        assert_eq!(at(&clock(times.clone())), 30 * SAMPLE_INTERVAL_MS);
        assert_eq!(clock(times).doubted(), None);
        // A quiet weekend.
        assert_eq!(at(&clock([0, BELIEVED_AHEAD_MS])), BELIEVED_AHEAD_MS);
        assert_eq!(at(&clock([0, BELIEVED_AHEAD_MS + 1])), 0);
    }

    #[test]
    fn after_a_downtime_of_weeks_the_tenth_time_in_a_row_is_believed() {
        let resumed = |n| minutes(30).chain(minutes(n).map(|ms| 40 * DAY_MS + ms));
        assert_eq!(at(&clock(resumed(9))), 29 * SAMPLE_INTERVAL_MS);
        assert_eq!(at(&clock(resumed(10))), 40 * DAY_MS);
        assert_eq!(at(&clock(resumed(11))), 40 * DAY_MS + 10 * SAMPLE_INTERVAL_MS);
    }

    #[test]
    fn it_comes_back_from_a_time_that_was_wrong_for_long() {
        let ahead = minutes(30).map(|ms| 1_000 * DAY_MS + ms);
        assert_eq!(at(&clock(ahead.clone().chain(minutes(9)))), 1_000 * DAY_MS + 29 * SAMPLE_INTERVAL_MS);
        assert_eq!(at(&clock(ahead.chain(minutes(10)))), 9 * SAMPLE_INTERVAL_MS);
    }

    #[test]
    fn a_workspace_with_an_entry_a_week_is_behind_by_ten_of_them_at_most() {
        assert_eq!(at(&clock((0..50).map(|n| n * 7 * DAY_MS))), 40 * 7 * DAY_MS);
    }
}
