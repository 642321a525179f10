//! The open jobs: which may be sent, which wait for an earlier job of their user, and which wait
//! for their next attempt.
//!
//! Every key has a queue of its open jobs. A job may be sent when it is the first in the queues of
//! all its keys; it counts its other queues as blockers, so that this costs no search. In an atomic
//! destination jobs may follow others of their queues that are in the same batch.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use domain::Timestamp;
use rustc_hash::FxHashMap;

use super::ready::{Ready, ReadyJob};
use crate::job::{Job, Limits};

#[derive(Debug)]
pub(super) struct Table<T> {
    limits: Limits,
    /// Open jobs by slot. Slots of jobs that are done are used again.
    entries: Vec<Option<Entry<T>>>,
    free: Vec<u32>,
    queues: FxHashMap<u64, Queue>,
    ready: Ready,
    /// Jobs that wait for their next attempt: due time, order, slot.
    waiting: BTreeSet<(Timestamp, u64, u32)>,
    next_order: u64,
    n_open: usize,
    bytes: usize,
}

/// An open job.
#[derive(Debug)]
pub(super) struct Entry<T> {
    pub(super) job: Job<T>,
    /// Jobs of one user are sent in this order.
    order: u64,
    added_at: Timestamp,
    /// Attempts, with the one under way.
    pub(super) attempts: u32,
    pub(super) first_attempt: Option<Timestamp>,
    /// When the last attempt failed.
    pub(super) failed_at: Option<Timestamp>,
    /// The most jobs of a batch with it. Smaller after a failed batch whose fate was shared.
    pub(super) batch_jobs: usize,
    state: State,
    /// In how many queues of its keys it is not the first.
    blockers: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not sent, for an earlier job of one of its keys.
    Blocked,
    /// Among the ready jobs.
    Ready,
    InFlight,
    /// Until its next attempt.
    Waiting,
}

/// The open jobs of a key.
#[derive(Debug, Default)]
struct Queue {
    slots: VecDeque<u32>,
    /// Their size.
    bytes: usize,
    /// How many of the first are in the batch that holds the very first.
    n_taken: usize,
}

impl<T> Table<T> {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            entries: Vec::new(),
            free: Vec::new(),
            queues: FxHashMap::default(),
            ready: Ready::new(limits),
            waiting: BTreeSet::new(),
            next_order: 0,
            n_open: 0,
            bytes: 0,
        }
    }

    pub(super) fn n_open(&self) -> usize {
        self.n_open
    }

    pub(super) fn n_waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn entry(&self, slot: u32) -> &Entry<T> {
        self.entries[slot as usize].as_ref().expect("callers hold slots of open jobs")
    }

    pub(super) fn entry_mut(&mut self, slot: u32) -> &mut Entry<T> {
        self.entries[slot as usize].as_mut().expect("callers hold slots of open jobs")
    }

    /// Adds a job behind all others, with the attempts that it had before the process ended.
    pub(super) fn add(
        &mut self,
        mut job: Job<T>,
        earlier: (u32, Timestamp),
        now: Timestamp,
    ) -> u32 {
        job.keys.sort_unstable();
        job.keys.dedup();
        let slot = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            (self.entries.len() - 1) as u32
        });
        let mut blockers = 0;
        for key in &job.keys {
            let queue = self.queues.entry(*key).or_default();
            blockers += usize::from(!queue.slots.is_empty());
            queue.slots.push_back(slot);
            queue.bytes += job.bytes;
        }
        self.n_open += 1;
        self.bytes += job.bytes;
        let (attempts, since) = earlier;
        self.entries[slot as usize] = Some(Entry {
            job,
            order: self.next_order,
            added_at: now,
            attempts,
            first_attempt: (attempts > 0).then_some(since),
            failed_at: None,
            batch_jobs: self.limits.batch_jobs.max(1),
            state: State::Blocked,
            blockers,
        });
        self.next_order += 1;
        self.make_ready_if_free(slot);
        slot
    }

    /// The most open jobs, and the most bytes of them, that one of a job's keys has.
    pub(super) fn longest_queue(&self, slot: u32) -> (usize, usize) {
        let queues = || self.entry(slot).job.keys.iter().map(|key| &self.queues[key]);
        let jobs = queues().map(|queue| queue.slots.len()).max();
        let bytes = queues().map(|queue| queue.bytes).max();
        (jobs.unwrap_or_default(), bytes.unwrap_or_default())
    }

    /// Whether a job may be sent now.
    pub(super) fn has_ready(&self) -> bool {
        self.ready.next_group().is_some()
    }

    /// When the next batch is due, as far as jobs are concerned.
    pub(super) fn due(&self) -> Option<Timestamp> {
        let batch = self.ready.next_group().map(|(due, _)| due);
        let repeat = self.waiting.first().map(|(due, ..)| *due);
        [batch, repeat].into_iter().flatten().min()
    }

    /// The jobs of the batch that is due, in their order, marked as being in flight; of the one
    /// that is due next where `is_early`.
    pub(super) fn take_batch(
        &mut self,
        now: Timestamp,
        is_early: bool,
    ) -> Option<(Arc<str>, Vec<u32>)> {
        self.end_waiting(now);
        let (due, group) = self.ready.next_group()?;
        if due > now && !is_early {
            return None;
        }
        let group = Arc::clone(group);
        let mut slots = Vec::new();
        let (mut bytes, mut jobs_max) = (0, self.limits.batch_jobs.max(1));
        while let Some((order, job)) = self.ready.first_of(&group) {
            jobs_max = jobs_max.min(job.batch_jobs);
            let fits = slots.len() < jobs_max && bytes + job.bytes <= self.limits.batch_bytes;
            if !fits && !slots.is_empty() {
                break;
            }
            bytes += job.bytes;
            self.ready.remove_quietly(&group, order);
            self.start_attempt(job.slot, now);
            slots.push(job.slot);
            if self.limits.is_atomic {
                self.free_followers(job.slot, &group);
            }
        }
        if self.limits.is_atomic {
            slots.iter().for_each(|slot| self.block_followers(*slot));
        }
        self.ready.reindex(&group);
        Some((group, slots))
    }

    /// Ends the attempt of all jobs of a batch. Each is then removed or waits.
    pub(super) fn end_attempt(&mut self, slots: &[u32]) {
        for slot in slots {
            for n in 0..self.entry(*slot).job.keys.len() {
                let key = self.entry(*slot).job.keys[n];
                self.queues.get_mut(&key).expect("it holds the job").n_taken = 0;
            }
        }
        for slot in slots {
            let is_behind = |key: &&u64| self.queues[*key].slots.front() != Some(slot);
            let blockers = self.entry(*slot).job.keys.iter().filter(is_behind).count();
            self.entry_mut(*slot).blockers = blockers;
        }
    }

    /// Lets a job whose attempt ended wait until a time.
    pub(super) fn wait(&mut self, slot: u32, until: Timestamp) {
        let entry = self.entry_mut(slot);
        entry.state = State::Waiting;
        let order = entry.order;
        self.waiting.insert((until, order, slot));
    }

    /// Removes a job whose attempt ended. The next jobs of its keys may be free then.
    pub(super) fn remove(&mut self, slot: u32) -> Entry<T> {
        let entry = self.entries[slot as usize].take().expect("callers hold slots of open jobs");
        self.free.push(slot);
        self.n_open -= 1;
        self.bytes -= entry.job.bytes;
        for key in &entry.job.keys {
            let queue = self.queues.get_mut(key).expect("it holds the job");
            let place = queue.slots.iter().position(|other| *other == slot);
            let place = place.expect("it holds the job");
            queue.slots.remove(place);
            queue.bytes -= entry.job.bytes;
            match queue.slots.front().copied() {
                None => {
                    self.queues.remove(key);
                }
                Some(first) if place == 0 => {
                    self.entry_mut(first).blockers -= 1;
                    self.make_ready_if_free(first);
                }
                Some(_) => {}
            }
        }
        entry
    }

    /// Frees the jobs whose wait for the next attempt is over.
    fn end_waiting(&mut self, now: Timestamp) {
        while let Some((due, _, slot)) = self.waiting.first().copied() {
            if due > now {
                break;
            }
            self.waiting.pop_first();
            self.entry_mut(slot).state = State::Blocked;
            self.make_ready_if_free(slot);
        }
    }

    fn make_ready_if_free(&mut self, slot: u32) {
        let entry = self.entries[slot as usize].as_mut().expect("callers hold slots of open jobs");
        if entry.blockers == 0 && entry.state == State::Blocked {
            entry.state = State::Ready;
            self.ready.insert(&entry.job.group, entry.order, entry.ready(slot));
        }
    }

    fn start_attempt(&mut self, slot: u32, now: Timestamp) {
        let entry = self.entry_mut(slot);
        entry.state = State::InFlight;
        entry.attempts = entry.attempts.saturating_add(1);
        entry.first_attempt.get_or_insert(now);
    }

    /// Lets the next jobs of a job's keys into the batch that it is in, if nothing else is before
    /// them.
    fn free_followers(&mut self, slot: u32, group: &Arc<str>) {
        for n in 0..self.entry(slot).job.keys.len() {
            let key = self.entry(slot).job.keys[n];
            let queue = self.queues.get_mut(&key).expect("it holds the job");
            queue.n_taken += 1;
            let Some(next) = queue.slots.get(queue.n_taken).copied() else { continue };
            let entry =
                self.entries[next as usize].as_mut().expect("queues hold slots of open jobs");
            entry.blockers -= 1;
            if entry.blockers == 0 && entry.state == State::Blocked && entry.job.group == *group {
                entry.state = State::Ready;
                self.ready.insert_quietly(group, entry.order, entry.ready(next));
            }
        }
    }

    /// Blocks the jobs again that [`Table::free_followers`] let in and that did not fit.
    fn block_followers(&mut self, slot: u32) {
        for n in 0..self.entry(slot).job.keys.len() {
            let key = self.entry(slot).job.keys[n];
            let queue = &self.queues[&key];
            // Once for each queue: by its last job in the batch.
            if queue.slots.get(queue.n_taken.wrapping_sub(1)) != Some(&slot) {
                continue;
            }
            let Some(next) = queue.slots.get(queue.n_taken).copied() else { continue };
            let entry =
                self.entries[next as usize].as_mut().expect("queues hold slots of open jobs");
            entry.blockers += 1;
            if entry.state == State::Ready {
                entry.state = State::Blocked;
                self.ready.remove_quietly(&entry.job.group, entry.order);
            }
        }
    }
}

impl<T> Entry<T> {
    fn ready(&self, slot: u32) -> ReadyJob {
        ReadyJob {
            slot,
            bytes: self.job.bytes,
            added_at: self.added_at,
            is_repeat: self.attempts > 0,
            batch_jobs: self.batch_jobs,
        }
    }
}
