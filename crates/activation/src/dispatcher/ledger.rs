//! The open messages of a destination, and what is to be journalled of them.

use std::collections::BTreeMap;

use domain::Timestamp;

use super::table::Table;
use crate::progress::{DeadLetter, OpenDelivery, Progress, count_reason};

/// Where nothing was finished, progress is journalled when the place moved on by so many offsets.
/// Otherwise the entry of one progress would be the reason for the next.
const PLACE_STEP: u64 = 10_000;

#[derive(Debug)]
pub(super) struct Ledger {
    open: BTreeMap<u64, Message>,
    read_to: u64,
    /// No message from here on has a job that was finished or failed.
    untouched_from: u64,
    /// What was refused last: the rest of its message may be added afterwards.
    refused: Option<u64>,
    /// The place of the last progress that was taken.
    told_place: u64,
    /// What is to be told, without place and open messages.
    next: Progress,
    /// When the first job finished that no taken progress tells of.
    untold_since: Option<Timestamp>,
    taken: Option<Taken>,
}

/// A message with open jobs.
#[derive(Debug)]
struct Message {
    /// Its open jobs.
    slots: Vec<u32>,
    read_at: Timestamp,
    /// Whether some of its jobs are done.
    is_partial: bool,
    /// Whether a progress told of it as open.
    is_told: bool,
    /// Whether what was told of it is not right, or nothing was told.
    is_stale: bool,
}

/// A progress that is on its way to the journal.
#[derive(Debug)]
struct Taken {
    /// When the first job finished that it tells of.
    since: Option<Timestamp>,
    n_dead: usize,
}

impl Ledger {
    pub(super) fn new(place: u64) -> Self {
        Self {
            open: BTreeMap::new(),
            read_to: place,
            untouched_from: place,
            refused: None,
            told_place: place,
            next: Progress::default(),
            untold_since: None,
            taken: None,
        }
    }

    /// A message was read. Without jobs it is done.
    pub(super) fn add(&mut self, offset: u64, slots: Vec<u32>, now: Timestamp) {
        self.read_to(offset + 1);
        if slots.is_empty() {
            return;
        }
        let is_partial = self.refused == Some(offset);
        let message = Message { slots, read_at: now, is_partial, is_told: false, is_stale: true };
        self.open.insert(offset, message);
    }

    /// A message that was open when the process ended. Without jobs it is done.
    pub(super) fn reopen(&mut self, open: &OpenDelivery, slots: Vec<u32>) {
        if slots.is_empty() {
            self.next.closed.push(open.offset);
            return;
        }
        let is_refused = self.refused == Some(open.offset);
        let is_partial = is_refused || !open.mappings.is_empty();
        let is_stale = is_partial && slots.len() != open.mappings.len();
        let read_at = open.since;
        let message = Message { slots, read_at, is_partial, is_told: true, is_stale };
        self.open.insert(open.offset, message);
    }

    pub(super) fn read_to(&mut self, offset: u64) {
        self.read_to = self.read_to.max(offset);
    }

    /// A job is done.
    pub(super) fn close(&mut self, offset: u64, slot: u32, now: Timestamp) {
        self.touch(offset);
        self.untold_since.get_or_insert(now);
        let Some(message) = self.open.get_mut(&offset) else { return };
        message.slots.retain(|other| *other != slot);
        message.is_partial = true;
        message.is_stale = true;
        if message.slots.is_empty() {
            if message.is_told {
                self.next.closed.push(offset);
            }
            self.open.remove(&offset);
        }
    }

    pub(super) fn count_delivered(&mut self) {
        self.next.delivered += 1;
    }

    /// An attempt failed. The first one is told, so that the time of the first attempt is kept.
    pub(super) fn retry(&mut self, offset: u64, attempts: u32) {
        self.next.retried += 1;
        self.touch(offset);
        if let Some(message) = self.open.get_mut(&offset) {
            message.is_stale |= attempts == 1;
        }
    }

    pub(super) fn bury(&mut self, dead: DeadLetter) {
        count_reason(&mut self.next.failed, &dead.reason, 1);
        self.next.dead.push(dead);
    }

    /// A mapping of a message failed: it has a dead letter and no job.
    pub(super) fn refuse(&mut self, offset: u64, now: Timestamp) {
        self.touch(offset);
        self.untold_since.get_or_insert(now);
        self.refused = Some(offset);
        if let Some(message) = self.open.get_mut(&offset) {
            message.is_partial = true;
            message.is_stale = true;
        }
        self.read_to(offset + 1);
    }

    /// What is to be journalled. None while an earlier one is on its way.
    pub(super) fn take<T>(&mut self, table: &Table<T>) -> Option<Progress> {
        if self.taken.is_some() {
            return None;
        }
        let place = self.place();
        let mut opened = Vec::new();
        for (offset, message) in self.open.range_mut(..place) {
            if message.is_stale {
                message.is_stale = false;
                message.is_told = true;
                opened.push(message.describe(*offset, table));
            }
        }
        let is_empty = opened.is_empty() && self.next == Progress::default();
        if is_empty && place < self.told_place + PLACE_STEP {
            return None;
        }
        self.told_place = place;
        let progress = Progress { place, opened, ..std::mem::take(&mut self.next) };
        self.taken = Some(Taken { since: self.untold_since.take(), n_dead: progress.dead.len() });
        Some(progress)
    }

    /// The journal took the progress.
    pub(super) fn confirm(&mut self) {
        self.taken = None;
    }

    /// The journal did not take the progress.
    pub(super) fn put_back(&mut self, progress: Progress) {
        for open in &progress.opened {
            if let Some(message) = self.open.get_mut(&open.offset) {
                message.is_stale = true;
            }
        }
        let since = self.taken.take().and_then(|taken| taken.since);
        self.untold_since = [since, self.untold_since].into_iter().flatten().min();
        self.next.prepend(progress);
    }

    /// When the first job finished that the journal does not know of.
    pub(super) fn unconfirmed_since(&self) -> Option<Timestamp> {
        let taken = self.taken.as_ref().and_then(|taken| taken.since);
        [taken, self.untold_since].into_iter().flatten().min()
    }

    /// Dead letters that the journal does not have.
    pub(super) fn n_unconfirmed_dead(&self) -> usize {
        self.next.dead.len() + self.taken.as_ref().map_or(0, |taken| taken.n_dead)
    }

    pub(super) fn n_open(&self) -> usize {
        self.open.len()
    }

    /// When the first of the open messages was read or tried first.
    pub(super) fn oldest<T>(&self, table: &Table<T>) -> Option<Timestamp> {
        self.open.first_key_value().map(|(_, message)| message.since(table))
    }

    /// The first offset that is to be read again after a crash. Messages at the end of which
    /// nothing is done need not be listed: they are read again.
    pub(super) fn place(&self) -> u64 {
        let untouched = self.open.range(self.untouched_from..).next();
        untouched.map_or(self.read_to, |(offset, _)| *offset)
    }

    fn touch(&mut self, offset: u64) {
        self.untouched_from = self.untouched_from.max(offset + 1);
    }
}

impl Message {
    fn describe<T>(&self, offset: u64, table: &Table<T>) -> OpenDelivery {
        let entries = || self.slots.iter().map(|slot| table.entry(*slot));
        let mappings = match self.is_partial {
            true => entries().map(|entry| entry.job.mapping.to_string()).collect(),
            false => Vec::new(),
        };
        let attempts = entries().map(|entry| entry.attempts).max().unwrap_or_default();
        OpenDelivery { offset, mappings, since: self.since(table), attempts }
    }

    fn since<T>(&self, table: &Table<T>) -> Timestamp {
        let firsts = self.slots.iter().filter_map(|slot| table.entry(*slot).first_attempt);
        firsts.min().unwrap_or(self.read_at)
    }
}
