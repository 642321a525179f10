//! The inbox of the fold: the durable batches of this process, and the end of the journal, which
//! others may write to as well.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};

use crate::submission::DurableBatch;

/// How many batches of this process may be durable and not yet applied.
const UNAPPLIED_BATCHES_MAX: usize = 2;

/// The work of the fold, in the order of the journal.
pub(crate) enum Work {
    /// A batch of this process is durable.
    Own(DurableBatch),
    /// Others have written entries below this offset. None of them can be an entry of this process
    /// that is not in the inbox yet.
    Others {
        /// The offset.
        until: u64,
    },
}

#[derive(Default)]
struct State {
    own: VecDeque<DurableBatch>,
    /// The end of the journal before the append under way. Entries from there on may belong to that
    /// append.
    append_began_at: Option<u64>,
    /// The end that the journal has reported.
    journal_end: u64,
    is_closed: bool,
    has_fold_ended: bool,
}

/// The channel between appending threads and the fold.
#[derive(Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
}

impl Inbox {
    /// Waits for the next work of a fold that has applied all entries below `position`. None once
    /// the inbox is closed and all batches of this process are applied.
    pub(crate) fn next(&self, position: u64) -> Option<Work> {
        let mut state = self.state.lock();
        loop {
            if let Some(durable) = state.own.pop_front() {
                self.changed.notify_all();
                return Some(Work::Own(durable));
            }
            if state.is_closed {
                return None;
            }
            let until = state.journal_end.min(state.append_began_at.unwrap_or(u64::MAX));
            if position < until {
                return Some(Work::Others { until });
            }
            self.changed.wait(&mut state);
        }
    }

    /// Records the end that the journal reports.
    pub(crate) fn note_end(&self, end: u64) {
        let mut state = self.state.lock();
        state.journal_end = state.journal_end.max(end);
        self.changed.notify_all();
    }

    /// Records that an append begins, while the journal ends at `end`.
    pub(crate) fn begin_append(&self, end: u64) {
        self.state.lock().append_began_at = Some(end);
    }

    /// Records that the append has ended, with a batch if it succeeded. Waits while too many
    /// batches are unapplied. Returns false if the fold has ended.
    pub(crate) fn end_append(&self, batch: Option<DurableBatch>) -> bool {
        let mut state = self.state.lock();
        while batch.is_some() && state.own.len() >= UNAPPLIED_BATCHES_MAX && !state.has_fold_ended {
            self.changed.wait(&mut state);
        }
        state.append_began_at = None;
        if state.has_fold_ended {
            return false;
        }
        state.own.extend(batch);
        self.changed.notify_all();
        true
    }

    /// Closes the inbox: nothing more is appended.
    pub(crate) fn close(&self) {
        self.state.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Ends the fold. Callers that wait for an outcome get none.
    pub(crate) fn end_fold(&self) {
        let mut state = self.state.lock();
        state.has_fold_ended = true;
        state.own.clear();
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(first_offset: u64) -> DurableBatch {
        DurableBatch { first_offset, submissions: Vec::new() }
    }

    /// The next work, if there is any now.
    fn describe_next(inbox: &Inbox, position: u64) -> Option<String> {
        inbox.close();
        let next = inbox.next(position).map(|work| match work {
            Work::Own(durable) => format!("own at {}", durable.first_offset),
            Work::Others { until } => format!("others below {until}"),
        });
        inbox.state.lock().is_closed = false;
        next
    }

    fn others_until(inbox: &Inbox, position: u64) -> Option<u64> {
        let until = {
            let state = inbox.state.lock();
            state.journal_end.min(state.append_began_at.unwrap_or(u64::MAX))
        };
        (position < until).then(|| match inbox.next(position) {
            Some(Work::Others { until }) => until,
            _ => panic!("something else"),
        })
    }

    #[test]
    fn nothing_is_read_that_may_be_of_an_append_under_way() {
        let inbox = Inbox::default();
        inbox.note_end(5);
        assert_eq!(others_until(&inbox, 0), Some(5));
        inbox.begin_append(5);
        // The journal shows the batch, or one of another process, before the append returns.
        inbox.note_end(9);
        assert_eq!((others_until(&inbox, 3), others_until(&inbox, 5)), (Some(5), None));
        assert!(inbox.end_append(Some(own(7))));
        assert_eq!(describe_next(&inbox, 5).as_deref(), Some("own at 7"));
        assert_eq!(others_until(&inbox, 8), Some(9));
        inbox.begin_append(9);
        inbox.note_end(11);
        assert_eq!(others_until(&inbox, 9), None);
        assert!(inbox.end_append(None), "it failed, and yet it may be there");
        assert_eq!(others_until(&inbox, 9), Some(11));
    }

    #[test]
    fn a_closed_inbox_gives_what_is_durable_and_one_without_a_fold_takes_nothing() {
        let inbox = Inbox::default();
        inbox.note_end(4);
        assert!(inbox.end_append(Some(own(4))));
        assert_eq!(describe_next(&inbox, 0).as_deref(), Some("own at 4"));
        assert_eq!(describe_next(&inbox, 0), None, "what others go on to write would never end");
        inbox.end_fold();
        assert!(!inbox.end_append(Some(own(5))));
    }
}
