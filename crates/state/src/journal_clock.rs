//! The journal's clock: a bound on the times of entries, so that a few entries with a wrong time do
//! not move any window.
//!
//! Windows and days (message ids, recommendations, KPIs, impressions) use an entry's time only up
//! to the time of this clock. The clock follows an entry at once if that is at most
//! [`BELIEVED_AHEAD_MS`] ahead. In any case it lies between the earliest and the latest of
//! the last [`SAMPLES`] times, which are at least [`SAMPLE_INTERVAL_MS`] apart. A wrong time is
//! therefore accepted only when that many entries in a row agree on it, and a single entry with a
//! wrong time changes nothing. After a downtime of weeks, or after accepting a wrong time, the
//! clock needs the same number of entries to be right again. It depends on the entries only.

use std::collections::VecDeque;

use domain::Timestamp;
use serde::{Deserialize, Serialize};

/// How far a single entry may move the clock forward, in milliseconds: three days. That covers a
/// weekend without entries, and is a tenth of the time for which a recommendation can be cited.
pub const BELIEVED_AHEAD_MS: i64 = 3 * 24 * 3_600 * 1_000;
/// How many times in a row must agree before the clock moves further, or back.
pub const SAMPLES: usize = 10;
/// The least distance of these times, in milliseconds, so that a burst of entries counts once.
pub const SAMPLE_INTERVAL_MS: i64 = 60_000;

/// The time that the entries of a journal agree on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JournalClock {
    /// The time of the clock; none before the first entry with a time.
    now: Option<Timestamp>,
    /// The last accepted samples of entry times, oldest first.
    samples: VecDeque<Timestamp>,
}

impl JournalClock {
    /// Takes the time of an entry into account.
    pub(crate) fn observe(&mut self, at: Timestamp) {
        let now = self.now.get_or_insert(at);
        if at.0 <= now.0.saturating_add(BELIEVED_AHEAD_MS) {
            *now = at.max(*now);
        }
        if self.samples.back().is_some_and(|last| last.0.abs_diff(at.0) < SAMPLE_INTERVAL_MS as u64)
        {
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

    /// The time of the clock and the time of the last sample, if they differ by more than
    /// [`BELIEVED_AHEAD_MS`]; none if they agree.
    pub fn unconfirmed_time(&self) -> Option<(Timestamp, Timestamp)> {
        let (now, last) = (self.now?, *self.samples.back()?);
        (now.0.abs_diff(last.0) > BELIEVED_AHEAD_MS as u64).then_some((now, last))
    }

    /// The current time of the clock.
    pub fn time(&self) -> JournalTime {
        JournalTime(self.now)
    }
}

/// An upper bound for the times of entries.
#[derive(Debug, Clone, Copy)]
pub struct JournalTime(Option<Timestamp>);

impl JournalTime {
    /// The time; none before the first entry with one.
    pub fn known(self) -> Option<Timestamp> {
        self.0
    }

    /// The earlier one of an entry's time and the time of the clock.
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

    /// The time of the clock in milliseconds after the start.
    fn clock_ms(clock: &JournalClock) -> i64 {
        clock.time().bound(Timestamp(i64::MAX)).0 - START_MS
    }

    /// `n` times, a minute apart.
    fn minutes(n: i64) -> impl Iterator<Item = i64> + Clone {
        (0..n).map(|n| n * SAMPLE_INTERVAL_MS)
    }

    #[test]
    fn it_follows_steady_entries_and_ignores_a_single_wrong_time() {
        let mut times: Vec<i64> = minutes(30).collect();
        assert_eq!(clock_ms(&clock(times.clone())), 29 * SAMPLE_INTERVAL_MS);
        // A burst under a clock that is 1,000 days ahead for a moment, and one that is as far
        // behind.
        times.extend((0..500).map(|n| 1_000 * DAY_MS + n));
        times.extend((0..500).map(|n| -1_000 * DAY_MS - n));
        assert_eq!(clock_ms(&clock(times.clone())), 29 * SAMPLE_INTERVAL_MS);
        let unconfirmed =
            clock(times.clone()).unconfirmed_time().map(|(_, last)| last.0 - START_MS);
        assert_eq!(unconfirmed, Some(-1_000 * DAY_MS));
        times.push(30 * SAMPLE_INTERVAL_MS);
        assert_eq!(clock_ms(&clock(times.clone())), 30 * SAMPLE_INTERVAL_MS);
        assert_eq!(clock(times).unconfirmed_time(), None);
        // A quiet weekend.
        assert_eq!(clock_ms(&clock([0, BELIEVED_AHEAD_MS])), BELIEVED_AHEAD_MS);
        assert_eq!(clock_ms(&clock([0, BELIEVED_AHEAD_MS + 1])), 0);
    }

    #[test]
    fn after_a_downtime_of_weeks_the_tenth_time_in_a_row_is_accepted() {
        let resumed = |n| minutes(30).chain(minutes(n).map(|ms| 40 * DAY_MS + ms));
        assert_eq!(clock_ms(&clock(resumed(9))), 29 * SAMPLE_INTERVAL_MS);
        assert_eq!(clock_ms(&clock(resumed(10))), 40 * DAY_MS);
        assert_eq!(clock_ms(&clock(resumed(11))), 40 * DAY_MS + 10 * SAMPLE_INTERVAL_MS);
    }

    #[test]
    fn it_comes_back_from_a_time_that_was_wrong_for_long() {
        let ahead = minutes(30).map(|ms| 1_000 * DAY_MS + ms);
        assert_eq!(
            clock_ms(&clock(ahead.clone().chain(minutes(9)))),
            1_000 * DAY_MS + 29 * SAMPLE_INTERVAL_MS
        );
        assert_eq!(clock_ms(&clock(ahead.chain(minutes(10)))), 9 * SAMPLE_INTERVAL_MS);
    }

    #[test]
    fn a_workspace_with_an_entry_a_week_is_behind_by_ten_of_them_at_most() {
        assert_eq!(clock_ms(&clock((0..50).map(|n| n * 7 * DAY_MS))), 40 * 7 * DAY_MS);
    }
}
