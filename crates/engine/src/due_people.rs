//! The people who may be due to be sent, as the fold names them.

use std::collections::VecDeque;
use std::time::Duration;

use domain::UserIdx;
use parking_lot::{Condvar, Mutex};
use state::{Due, DuePeople};

/// The most people who wait. With more, everybody is looked at instead.
const DUE_PEOPLE_MAX: usize = 200_000;

/// People in the order in which they became due.
#[derive(Default)]
pub(crate) struct DueQueue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    order: VecDeque<UserIdx>,
    people: DuePeople,
    /// There were too many: nobody is added until somebody has taken notice.
    is_full: bool,
}

impl DueQueue {
    pub(crate) fn len(&self) -> usize {
        self.waiting.lock().order.len()
    }

    /// Adds people whom the fold has touched.
    pub(crate) fn add(&self, people: DuePeople) {
        if !people.is_empty() {
            self.waiting.lock().add(people);
            self.changed.notify_one();
        }
    }

    /// Adds people again whom nobody could look at.
    pub(crate) fn put_back(&self, people: Vec<(UserIdx, Due)>) {
        self.waiting.lock().add(people);
    }

    /// Takes those who have waited longest.
    pub(crate) fn take(&self, n_max: usize) -> Vec<(UserIdx, Due)> {
        let Waiting { order, people, .. } = &mut *self.waiting.lock();
        let n = n_max.min(order.len());
        order.drain(..n).filter_map(|user| people.remove_entry(&user)).collect()
    }

    /// Whether there were too many people since the last call.
    pub(crate) fn take_overflow(&self) -> bool {
        std::mem::take(&mut self.waiting.lock().is_full)
    }

    /// Waits until somebody is due, at most for a time.
    pub(crate) fn wait(&self, time_max: Duration) {
        let mut waiting = self.waiting.lock();
        if waiting.order.is_empty() && !waiting.is_full {
            self.changed.wait_for(&mut waiting, time_max);
        }
    }
}

impl Waiting {
    fn add(&mut self, people: impl IntoIterator<Item = (UserIdx, Due)>) {
        if self.is_full {
            return;
        }
        for (user, due) in people {
            let known = self.people.entry(user).or_insert_with(|| {
                self.order.push_back(user);
                Due::default()
            });
            known.traits |= due.traits;
            known.audiences |= due.audiences;
        }
        if self.order.len() > DUE_PEOPLE_MAX {
            *self = Self { is_full: true, ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAITS: Due = Due { traits: true, audiences: false };
    const AUDIENCES: Due = Due { traits: false, audiences: true };

    #[test]
    fn people_come_once_in_their_order_with_all_that_may_have_changed() {
        let queue = DueQueue::default();
        queue.add(DuePeople::from_iter([(UserIdx(7), TRAITS)]));
        queue.add(DuePeople::from_iter([(UserIdx(3), TRAITS)]));
        queue.add(DuePeople::from_iter([(UserIdx(7), AUDIENCES)]));
        assert_eq!(queue.take(1), [(UserIdx(7), Due { traits: true, audiences: true })]);
        assert_eq!(queue.take(9), [(UserIdx(3), TRAITS)]);
        assert!(queue.take(9).is_empty() && !queue.take_overflow());
    }

    #[test]
    fn too_many_people_are_everybody() {
        let queue = DueQueue::default();
        let many = (0..=DUE_PEOPLE_MAX as u32).map(|user| (UserIdx(user), TRAITS));
        queue.add(many.collect());
        assert_eq!(queue.len(), 0);
        assert!(queue.take_overflow() && !queue.take_overflow());
        queue.add(DuePeople::from_iter([(UserIdx(1), TRAITS)]));
        assert_eq!(queue.len(), 1);
    }
}
