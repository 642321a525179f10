//! Outcomes of entries for those who look later than the caller: what the fold has made of the
//! entries that this process has applied, and up to where it has come.
//!
//! Only outcomes other than [`Outcome::Applied`] are kept, since nearly all are that. The fold
//! never waits for a reader.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::Outcome;

/// The most outcomes that are kept of a workspace.
pub const OUTCOMES_KEPT_MAX: usize = 4_096;
/// The most bytes of their texts.
pub const OUTCOME_TEXT_BYTES_MAX: usize = 512 * 1_024;

pub(crate) struct Outcomes {
    kept: Mutex<Kept>,
    /// The offset after the last entry that is applied and committed.
    applied: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    /// The outcome of every entry from this offset on is known.
    known_from: u64,
    /// Outcomes other than [`Outcome::Applied`], by ascending offset.
    unusual: VecDeque<(u64, Outcome)>,
    text_bytes: usize,
}

impl Outcomes {
    pub(crate) fn new(applied: u64) -> Self {
        Self {
            kept: Mutex::new(Kept { known_from: applied, ..Kept::default() }),
            applied: watch::Sender::new(applied),
        }
    }

    /// Records the outcomes of a batch that is committed up to `position`.
    pub(crate) fn record(&self, position: u64, unusual: Vec<(u64, Outcome)>) {
        if !unusual.is_empty() {
            let mut kept = self.kept.lock();
            for (offset, outcome) in unusual {
                kept.text_bytes += text_bytes(&outcome);
                kept.unusual.push_back((offset, outcome));
            }
            kept.forget_surplus();
        }
        self.applied.send_replace(position);
    }

    /// The outcome of an applied entry; none where it is not known any more.
    pub(crate) fn get(&self, offset: u64) -> Option<Outcome> {
        let kept = self.kept.lock();
        if offset < kept.known_from {
            return None;
        }
        let found = kept.unusual.binary_search_by_key(&offset, |(offset, _)| *offset);
        Some(found.map_or(Outcome::Applied, |n| kept.unusual[n].1.clone()))
    }

    pub(crate) fn applied(&self) -> u64 {
        *self.applied.borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }
}

impl Kept {
    fn forget_surplus(&mut self) {
        while self.unusual.len() > OUTCOMES_KEPT_MAX || self.text_bytes > OUTCOME_TEXT_BYTES_MAX {
            let Some((offset, outcome)) = self.unusual.pop_front() else { return };
            self.text_bytes -= text_bytes(&outcome);
            self.known_from = offset + 1;
        }
    }
}

fn text_bytes(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Refused(refusal) => refusal.to_string().len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use state::Refusal;

    use super::*;

    #[test]
    fn an_outcome_is_known_from_the_start_on_until_too_many_others_have_come() {
        let outcomes = Outcomes::new(10);
        outcomes.record(13, vec![(11, Outcome::Duplicate)]);
        assert_eq!(
            [9, 10, 11, 12].map(|offset| outcomes.get(offset)),
            [None, Some(Outcome::Applied), Some(Outcome::Duplicate), Some(Outcome::Applied)]
        );
        let many = (13..13 + OUTCOMES_KEPT_MAX as u64).map(|offset| (offset, Outcome::Duplicate));
        outcomes.record(13 + OUTCOMES_KEPT_MAX as u64, many.collect());
        assert_eq!([11, 12].map(|at| outcomes.get(at)), [None, Some(Outcome::Applied)]);
        assert_eq!(outcomes.applied(), 13 + OUTCOMES_KEPT_MAX as u64);
    }

    #[test]
    fn long_texts_make_outcomes_be_forgotten_earlier() {
        let outcomes = Outcomes::new(0);
        let refused = || Outcome::Refused(Refusal::Invalid("x".repeat(100 * 1_024)));
        outcomes.record(6, (0..6).map(|offset| (offset, refused())).collect());
        assert_eq!((outcomes.get(0), outcomes.get(1)), (None, Some(refused())));
    }
}
