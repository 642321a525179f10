//! The sessions of a person, whatever the order in which their events arrive.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::limits::SESSIONS_MAX;

/// The latest sessions of a person, at most [`SESSIONS_MAX`]: the first and the last instant of
/// each in milliseconds since 1970, the latest session first. Between two of them is no less than
/// the pause that ends a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sessions(Vec<(i64, i64)>);

impl Sessions {
    /// Adds an event at an instant.
    pub(super) fn add(&mut self, at: i64, pause_ms: i64) {
        match self.0.first_mut() {
            // The usual case: the last session goes on.
            Some((start, end)) if *start <= at && at - *end < pause_ms => *end = (*end).max(at),
            _ => self.unite(vec![(at, at)], pause_ms),
        }
    }

    pub(super) fn merge(&mut self, other: Self, pause_ms: i64) {
        self.unite(other.0, pause_ms);
    }

    /// The last session.
    pub(super) fn last(&self) -> Option<(i64, i64)> {
        self.0.first().copied()
    }

    /// The first instant that matters: events before it are of sessions that are forgotten. None
    /// while none is forgotten.
    pub(super) fn known_from(&self) -> Option<i64> {
        let (start, _) = *self.0.get(SESSIONS_MAX - 1)?;
        Some(start)
    }

    fn unite(&mut self, others: Vec<(i64, i64)>, pause_ms: i64) {
        let mut all = std::mem::take(&mut self.0);
        all.extend(others);
        // By their ends, so that each session touches the one before or none that is later.
        all.sort_unstable_by_key(|(_, end)| Reverse(*end));
        for (start, end) in all {
            match self.0.last_mut() {
                Some(later) if later.0 - end < pause_ms => {
                    later.0 = later.0.min(start);
                }
                _ => self.0.push((start, end)),
            }
        }
        self.0.truncate(SESSIONS_MAX);
    }
}
