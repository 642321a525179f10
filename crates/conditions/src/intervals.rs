//! Sets of instants.

use serde::{Deserialize, Serialize};

/// A set of instants in milliseconds since 1970, as half-open intervals `[start, end)`: ascending,
/// none empty, no two touching. `i64::MIN` and `i64::MAX` stand for no bound.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Intervals(Vec<(i64, i64)>);

impl Intervals {
    /// No instant.
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// Every instant.
    pub(crate) fn all() -> Self {
        Self(vec![(i64::MIN, i64::MAX)])
    }

    /// The instants from `start` on, before `end`.
    pub(crate) fn between(start: i64, end: i64) -> Self {
        Self(if start < end { vec![(start, end)] } else { Vec::new() })
    }

    /// Every instant, or none.
    pub(crate) fn always(holds: bool) -> Self {
        if holds { Self::all() } else { Self::none() }
    }

    pub(crate) fn is_all(&self) -> bool {
        self.0 == [(i64::MIN, i64::MAX)]
    }

    pub(crate) fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// The instants that are in one of these intervals, which may be empty, touch and overlap.
    pub(crate) fn of(mut all: Vec<(i64, i64)>) -> Self {
        all.sort_unstable();
        let mut united: Vec<(i64, i64)> = Vec::with_capacity(all.len());
        for (start, end) in all.into_iter().filter(|(start, end)| start < end) {
            match united.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => united.push((start, end)),
            }
        }
        Self(united)
    }

    pub(crate) fn as_slice(&self) -> &[(i64, i64)] {
        &self.0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.0.iter().copied()
    }

    /// The instants of either set.
    pub(crate) fn union(self, other: Self) -> Self {
        Self::of(self.0.into_iter().chain(other.0).collect())
    }

    /// The instants of both sets.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let mut common = Vec::new();
        for (start, end) in self.iter() {
            for (other_start, other_end) in other.iter() {
                let (start, end) = (start.max(other_start), end.min(other_end));
                if start < end {
                    common.push((start, end));
                }
            }
        }
        Self(common)
    }
}
