//! Jobs that may be sent, by group, and which group is next.
//!
//! Finding the next group costs one look at an ordered index, however many jobs and groups there
//! are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::Timestamp;
use rustc_hash::FxHashMap;

use crate::job::Limits;

/// A job that may be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadyJob {
    pub(super) slot: u32,
    pub(super) bytes: usize,
    pub(super) added_at: Timestamp,
    /// Whether it waits for no further jobs: it was tried before.
    pub(super) is_repeat: bool,
    /// The most jobs of a batch with it.
    pub(super) batch_jobs: usize,
}

#[derive(Debug)]
pub(super) struct Ready {
    limits: Limits,
    groups: FxHashMap<Arc<str>, Group>,
    /// Every group by the time at which its next batch is due, and its first job.
    index: BTreeSet<(Timestamp, u64, Arc<str>)>,
}

#[derive(Debug, Default)]
struct Group {
    /// By the order in which they were added.
    jobs: BTreeMap<u64, ReadyJob>,
    bytes: usize,
    n_repeats: usize,
    /// Its entry in the index.
    indexed: Option<(Timestamp, u64)>,
}

impl Ready {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, groups: FxHashMap::default(), index: BTreeSet::new() }
    }

    pub(super) fn insert(&mut self, name: &Arc<str>, order: u64, job: ReadyJob) {
        if !self.groups.contains_key(name) {
            self.groups.insert(Arc::clone(name), Group::default());
        }
        let group = self.groups.get_mut(name).expect("it is there since the line above");
        group.insert(order, job);
        self.reindex(name);
    }

    /// The group whose batch is due first, with the time.
    pub(super) fn next_group(&self) -> Option<(Timestamp, &Arc<str>)> {
        self.index.first().map(|(due, _, name)| (*due, name))
    }

    /// The first job of a group.
    pub(super) fn first_of(&self, name: &str) -> Option<(u64, ReadyJob)> {
        let first = self.groups.get(name)?.jobs.first_key_value();
        first.map(|(order, job)| (*order, *job))
    }

    /// Adds a job to a group, or takes it out, without a new look at when the group is due: for use
    /// until [`Ready::reindex`].
    pub(super) fn insert_quietly(&mut self, name: &str, order: u64, job: ReadyJob) {
        if let Some(group) = self.groups.get_mut(name) {
            group.insert(order, job);
        }
    }

    /// Takes a job out; see [`Ready::insert_quietly`].
    pub(super) fn remove_quietly(&mut self, name: &str, order: u64) {
        if let Some(group) = self.groups.get_mut(name)
            && let Some(job) = group.jobs.remove(&order)
        {
            group.bytes -= job.bytes;
            group.n_repeats -= usize::from(job.is_repeat);
        }
    }

    /// Brings the index up to date with a group.
    pub(super) fn reindex(&mut self, name: &Arc<str>) {
        let Some(group) = self.groups.get_mut(name) else { return };
        let due = group.due(&self.limits);
        if group.indexed == due {
            return;
        }
        if let Some((at, order)) = group.indexed {
            self.index.remove(&(at, order, Arc::clone(name)));
        }
        group.indexed = due;
        match due {
            Some((at, order)) => {
                self.index.insert((at, order, Arc::clone(name)));
            }
            None => {
                self.groups.remove(name);
            }
        }
    }
}

impl Group {
    fn insert(&mut self, order: u64, job: ReadyJob) {
        self.bytes += job.bytes;
        self.n_repeats += usize::from(job.is_repeat);
        self.jobs.insert(order, job);
    }

    /// When its next batch is due, and the order of its first job; none without jobs. A due time in
    /// the past says how long the first job waits, so that no group starves.
    fn due(&self, limits: &Limits) -> Option<(Timestamp, u64)> {
        let (order, first) = self.jobs.first_key_value()?;
        let is_full = self.jobs.len() >= limits.batch_jobs || self.bytes >= limits.batch_bytes;
        let wait_ms = if is_full || self.n_repeats > 0 { 0 } else { limits.batch_age_ms };
        Some((Timestamp(first.added_at.0.saturating_add_unsigned(wait_ms)), *order))
    }
}
