//! What will become of a truth by time alone.

use domain::Timestamp;

use crate::condition::Count;
use crate::intervals::Intervals;

/// Whether a condition holds now, and the instants at which that changes if nothing happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    holds: bool,
    /// Later than now, ascending, each once, in milliseconds since 1970.
    flips: Vec<i64>,
}

impl Forecast {
    /// A truth that time does not change.
    pub fn constant(holds: bool) -> Self {
        Self { holds, flips: Vec::new() }
    }

    /// Whether it holds now.
    pub fn holds(&self) -> bool {
        self.holds
    }

    /// The first instant at which the truth is another; none if time does not change it.
    pub fn next_change(&self) -> Option<Timestamp> {
        self.flips.first().copied().map(Timestamp)
    }

    /// The contrary.
    pub(crate) fn not(self) -> Self {
        Self { holds: !self.holds, ..self }
    }

    /// Whether all hold.
    pub(crate) fn all(parts: Vec<Self>) -> Self {
        let n_parts = parts.len();
        Self::combine(parts, |n_holding| n_holding == n_parts)
    }

    /// Whether one of them holds.
    pub(crate) fn any(parts: Vec<Self>) -> Self {
        Self::combine(parts, |n_holding| n_holding > 0)
    }

    fn combine(parts: Vec<Self>, holds: impl Fn(usize) -> bool) -> Self {
        let n_holding = parts.iter().filter(|part| part.holds).count();
        let mut steps = Vec::new();
        for part in &parts {
            let mut held = part.holds;
            for flip in &part.flips {
                held = !held;
                steps.push((*flip, if held { 1 } else { -1 }));
            }
        }
        Self::from_steps(n_holding, steps, holds)
    }

    /// The truth of a count of the intervals that contain the instant: half-open, not empty, with
    /// `i64::MAX` for no end.
    pub(crate) fn of_count(
        intervals: impl Iterator<Item = (i64, i64)>,
        count: Count,
        now: i64,
    ) -> Self {
        let mut n_now = 0;
        let mut steps = Vec::new();
        for (start, end) in intervals {
            if end <= now && end != i64::MAX {
                continue;
            }
            if start <= now {
                n_now += 1;
            } else {
                steps.push((start, 1));
            }
            if end != i64::MAX {
                steps.push((end, -1));
            }
        }
        Self::from_steps(n_now, steps, |number| count.holds(number))
    }

    /// Whether the set contains the instant.
    pub(crate) fn of_set(set: Intervals, now: i64) -> Self {
        Self::of_count(set.iter(), Count::AtLeast(1), now)
    }

    /// The truth of a number that changes by `steps`, each with its instant.
    fn from_steps(
        number: usize,
        mut steps: Vec<(i64, i32)>,
        holds: impl Fn(usize) -> bool,
    ) -> Self {
        steps.sort_unstable();
        let mut forecast = Self::constant(holds(number));
        let (mut number, mut held) = (number as i64, forecast.holds);
        for same in steps.chunk_by(|one, other| one.0 == other.0) {
            number += same.iter().map(|(_, step)| i64::from(*step)).sum::<i64>();
            if holds(number as usize) != held {
                held = !held;
                forecast.flips.push(same[0].0);
            }
        }
        forecast
    }
}
