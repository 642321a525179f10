//! The dispatcher of one destination: takes the jobs of messages in the order of the journal, and
//! gives the batches to be sent.
//!
//! Jobs of one user are sent in their order; trouble of one user holds up nobody else. It holds a
//! bounded number of jobs, and tells how far it came as [`Progress`]: after a crash, the messages
//! of the journalled state are delivered again, and no others.
//!
//! Times that are passed in must never go back. Nothing here fails, reads a clock or waits.

mod breaker;
mod latency;
mod ledger;
mod pace;
mod ready;
mod status;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::Timestamp;
use rustc_hash::FxHashMap;

use crate::job::{Batch, BatchJob, Failure, Fate, Job, Limits, OUTCOME_UNKNOWN};
use crate::progress::{
    DeadLetter, OpenDelivery, Progress, REASON_BYTES_MAX, TEXT_BYTES_MAX, count_reason, shorten,
};
use breaker::Breaker;
pub use breaker::{BREAKER_FAILURES, BREAKER_OPEN_MS, BREAKER_OPEN_MS_MAX, BreakerState};
use latency::Latencies;
use ledger::Ledger;
use pace::{Bucket, backoff_ms};
pub use pace::{RETRY_AFTER_MS_MAX, RETRY_BASE_MS, RETRY_MS_MAX};
pub use status::{Held, Status};
use table::Table;

/// The most open jobs. With this many, no message is read.
pub const OPEN_MAX: usize = 10_000;
/// The most bytes of open jobs. With this many, no message is read.
pub const OPEN_BYTES_MAX: usize = 32 * 1_024 * 1_024;
/// How long after the end of a job the journal must know of it, in milliseconds. Later, nothing is
/// sent until it does: so much is repeated after a crash, and no more.
pub const PROGRESS_AGE_MAX_MS: i64 = 1_000;
/// The most dead letters of a destination. With this many, nothing is sent until people have looked
/// at them: nothing is dropped silently.
pub const DEAD_LETTERS_MAX: usize = 10_000;
/// The most dead letters that wait for the journal. With this many, no message is read.
const UNCONFIRMED_DEAD_MAX: usize = 1_000;
/// A job that fails again while so many open jobs of its user wait becomes a dead letter early, if
/// the destination takes those of others: else one user could fill [`OPEN_MAX`].
pub const USER_JOBS_MAX: usize = OPEN_MAX / 10;
/// The same in bytes.
pub const USER_BYTES_MAX: usize = OPEN_BYTES_MAX / 10;
/// With so many jobs that wait for their next attempt, those that fail become dead letters early,
/// if the destination takes others: else the failing ones would fill [`OPEN_MAX`].
pub const WAITING_MAX: usize = OPEN_MAX / 2;
/// So many attempts every job gets.
const ATTEMPTS_MIN: u32 = 5;
/// After so many attempts a job for which all others wait becomes a dead letter.
const ATTEMPTS_ALONE: u32 = 10;
/// After so many attempts a batch whose fate is shared is halved, whatever the failure.
const ATTEMPTS_WHOLE: u32 = 3;

/// Decides what is sent to one destination, and when.
#[derive(Debug)]
pub struct Dispatcher<T> {
    limits: Limits,
    seed: u64,
    table: Table<T>,
    ledger: Ledger,
    in_flight: FxHashMap<u64, InFlight>,
    n_in_flight_jobs: usize,
    next_batch: u64,
    breaker: Breaker,
    bucket: Option<Bucket>,
    latencies: Latencies,
    /// When a batch was last delivered in whole or in part.
    delivered_at: Option<Timestamp>,
    /// Dead letters in the list, as far as the journal has them.
    n_dead_letters: usize,
    delivered: u64,
    retried: u64,
    failed: BTreeMap<String, u64>,
}

/// A batch that was sent.
#[derive(Debug)]
struct InFlight {
    slots: Vec<u32>,
    started_at: Timestamp,
}

/// What the jobs of a finished batch have in common.
struct Finished {
    batch: u64,
    n_jobs: usize,
    started_at: Timestamp,
    now: Timestamp,
}

impl<T: Clone> Dispatcher<T> {
    /// A dispatcher that begins to read at a place of the journal. The seed decides the random part
    /// of retry times.
    pub fn new(limits: Limits, seed: u64, place: u64) -> Self {
        Self {
            limits,
            seed,
            table: Table::new(limits),
            ledger: Ledger::new(place),
            in_flight: FxHashMap::default(),
            n_in_flight_jobs: 0,
            next_batch: 0,
            breaker: Breaker::new(),
            bucket: limits.batches_per_second.map(Bucket::new),
            latencies: Latencies::default(),
            delivered_at: None,
            n_dead_letters: 0,
            delivered: 0,
            retried: 0,
            failed: BTreeMap::new(),
        }
    }

    /// Whether another message may be read.
    pub fn has_room(&self) -> bool {
        self.table.n_open() < OPEN_MAX
            && self.table.bytes() < OPEN_BYTES_MAX
            && self.ledger.n_unconfirmed_dead() < UNCONFIRMED_DEAD_MAX
            && !self.is_full_of_dead_letters()
    }

    /// Adds a message that was read from the journal, in the order of offsets, with its jobs in
    /// their order. Without jobs there is nothing to deliver.
    pub fn add(&mut self, offset: u64, jobs: Vec<Job<T>>, now: Timestamp) {
        let slots = jobs.into_iter().map(|job| self.table.add(job, (0, now), now)).collect();
        self.ledger.add(offset, slots, now);
    }

    /// Adds a message that was open when the process ended, with the jobs of its open mappings.
    /// These messages come before all others, in the order of their offsets.
    pub fn reopen(&mut self, open: &OpenDelivery, jobs: Vec<Job<T>>, now: Timestamp) {
        let earlier = (open.attempts, open.since);
        let slots = jobs.into_iter().map(|job| self.table.add(job, earlier, now)).collect();
        self.ledger.reopen(open, slots);
    }

    /// Makes a dead letter of a message whose mapping failed for good. Call it before or after
    /// [`Dispatcher::add`] of the same message.
    pub fn refuse(&mut self, offset: u64, mapping: &str, reason: &str, text: &str, now: Timestamp) {
        let mapping = mapping.to_owned();
        let (reason, text) = (reason.to_owned(), text.to_owned());
        let dead = DeadLetter { offset, mapping, at: now, since: now, attempts: 0, reason, text };
        self.bury(dead);
        self.ledger.refuse(offset, now);
    }

    /// Makes a dead letter of a job that was being handed over when the process ended, so that
    /// nobody knows whether it was taken. Call it before [`Dispatcher::add`] or
    /// [`Dispatcher::reopen`] of the same message, without this job.
    pub fn lose(&mut self, offset: u64, mapping: &str, since: Timestamp, now: Timestamp) {
        let mapping = mapping.to_owned();
        let reason = OUTCOME_UNKNOWN.to_owned();
        let text = "the process ended while it was handed over, and nobody knows whether it was \
                    taken: it is not sent again"
            .to_owned();
        self.bury(DeadLetter { offset, mapping, at: now, since, attempts: 1, reason, text });
        self.ledger.refuse(offset, now);
    }

    /// Everything before an offset was read.
    pub fn read_to(&mut self, offset: u64) {
        self.ledger.read_to(offset);
    }

    /// How many dead letters the list holds, as far as the journal has them.
    pub fn set_dead_letters(&mut self, n: usize) {
        self.n_dead_letters = n;
    }

    /// The batch to be sent now.
    pub fn next_batch(&mut self, now: Timestamp) -> Option<Batch<T>> {
        if self.held(now).is_some() {
            return None;
        }
        let (group, slots) = self.table.take_batch(now, self.waits_for_nothing())?;
        let id = self.next_batch;
        self.next_batch += 1;
        self.breaker.send(id);
        if let Some(bucket) = &mut self.bucket {
            bucket.take(now);
        }
        let jobs = slots.iter().map(|slot| {
            let entry = self.table.entry(*slot);
            let job = &entry.job;
            let mapping = Arc::clone(&job.mapping);
            let payload = job.payload.clone();
            BatchJob { offset: job.offset, mapping, attempt: entry.attempts, payload }
        });
        let batch = Batch { id, group, jobs: jobs.collect() };
        self.n_in_flight_jobs += slots.len();
        self.in_flight.insert(id, InFlight { slots, started_at: now });
        Some(batch)
    }

    /// Takes the results of a batch, one for each job in its order, and says what becomes of each.
    /// Of jobs without a result nobody knows whether they were taken. A batch that is not under way
    /// is ignored.
    pub fn finish(
        &mut self,
        batch: u64,
        results: Vec<Result<(), Failure>>,
        now: Timestamp,
    ) -> Vec<Fate> {
        let Some(InFlight { slots, started_at }) = self.in_flight.remove(&batch) else {
            return Vec::new();
        };
        self.n_in_flight_jobs -= slots.len();
        self.table.end_attempt(&slots);
        let finished = Finished { batch, n_jobs: slots.len(), started_at, now };
        self.judge(&finished, &slots, &results);
        let missing = std::iter::repeat_with(|| Err(Failure::no_answer()));
        let results = results.into_iter().chain(missing);
        let fate = |(slot, result): (u32, Result<(), Failure>)| match result {
            Ok(()) => self.deliver(slot, now),
            Err(failure) => self.fail(slot, failure, &finished),
        };
        slots.into_iter().zip(results).map(fate).collect()
    }

    /// How long until [`Dispatcher::next_batch`] may give a batch without a call that changes
    /// something, in milliseconds.
    pub fn wait(&self, now: Timestamp) -> Option<u64> {
        match self.held(now) {
            None | Some(Held::CircuitOpen | Held::Rate) => {}
            Some(Held::DeadLettersFull | Held::ProgressUnconfirmed | Held::Busy) => return None,
        }
        let due = match self.waits_for_nothing() && self.table.has_ready() {
            true => now,
            false => self.table.due()?,
        };
        let due = due.max(self.breaker.opens_at(now)?);
        let rate_ms = self.bucket.as_ref().map_or(0, |bucket| bucket.wait_ms(now));
        Some(rate_ms.max((due.0 - now.0).max(0) as u64))
    }

    /// What is to be journalled now, if anything. It must be followed by
    /// [`Dispatcher::confirm_progress`] or [`Dispatcher::progress_failed`]; until then there is no
    /// other.
    pub fn take_progress(&mut self) -> Option<Progress> {
        self.ledger.take(&self.table)
    }

    /// The journal has taken the progress: it is durable.
    pub fn confirm_progress(&mut self) {
        self.ledger.confirm();
    }

    /// The journal has not taken the progress. It is part of the next one.
    pub fn progress_failed(&mut self, progress: Progress) {
        self.ledger.put_back(progress);
    }

    /// How the delivery stands.
    pub fn status(&self, now: Timestamp) -> Status {
        let latency = self.latencies.p50_and_p95();
        Status {
            open_messages: self.ledger.n_open(),
            open_jobs: self.table.n_open(),
            open_bytes: self.table.bytes(),
            in_flight_batches: self.in_flight.len(),
            in_flight_jobs: self.n_in_flight_jobs,
            waiting_for_retry: self.table.n_waiting(),
            oldest: self.ledger.oldest(&self.table),
            breaker: self.breaker.state(),
            held: self.held(now),
            place: self.ledger.place(),
            delivered: self.delivered,
            retried: self.retried,
            failed: self.failed.clone(),
            latency_p50_ms: latency.map(|(p50, _)| p50),
            latency_p95_ms: latency.map(|(_, p95)| p95),
        }
    }

    fn held(&self, now: Timestamp) -> Option<Held> {
        let unconfirmed_ms = self.ledger.unconfirmed_since().map_or(0, |since| now.0 - since.0);
        if self.is_full_of_dead_letters() {
            return Some(Held::DeadLettersFull);
        }
        if unconfirmed_ms >= PROGRESS_AGE_MAX_MS {
            return Some(Held::ProgressUnconfirmed);
        }
        if self.in_flight.len() >= self.limits.concurrency.max(1) {
            return Some(Held::Busy);
        }
        if self.breaker.opens_at(now).is_none_or(|at| at > now) {
            return Some(Held::CircuitOpen);
        }
        let is_slowed = self.bucket.as_ref().is_some_and(|bucket| bucket.wait_ms(now) > 0);
        is_slowed.then_some(Held::Rate)
    }

    /// Whether a batch with room would wait for jobs that cannot come: there is no room to read
    /// more, and none under way whose end makes some.
    fn waits_for_nothing(&self) -> bool {
        self.in_flight.is_empty() && !self.has_room()
    }

    fn is_full_of_dead_letters(&self) -> bool {
        self.n_dead_letters + self.ledger.n_unconfirmed_dead() >= DEAD_LETTERS_MAX
    }

    /// Tells the circuit breaker of a batch. It failed if the destination is in trouble and took
    /// none of it.
    fn judge(&mut self, finished: &Finished, slots: &[u32], results: &[Result<(), Failure>]) {
        let delivered = slots.iter().zip(results).filter(|(_, result)| result.is_ok());
        let firsts = delivered.filter_map(|(slot, _)| self.table.entry(*slot).first_attempt);
        let is_outage =
            |result: &Result<(), Failure>| result.as_ref().is_err_and(Failure::is_outage);
        match firsts.min() {
            Some(first) => {
                self.latencies.add((finished.now.0 - first.0).max(0) as u64);
                self.delivered_at = Some(finished.now);
                self.breaker.succeed();
            }
            None if results.iter().any(is_outage) => {
                self.breaker.fail(finished.batch, finished.now);
            }
            None => self.breaker.succeed(),
        }
    }

    fn deliver(&mut self, slot: u32, now: Timestamp) -> Fate {
        let entry = self.table.remove(slot);
        self.ledger.count_delivered();
        self.ledger.close(entry.job.offset, slot, now);
        self.delivered += 1;
        Fate::Delivered
    }

    fn fail(&mut self, slot: u32, failure: Failure, finished: &Finished) -> Fate {
        let now = finished.now;
        if let Failure::Unknown { reason, text, .. } = &failure
            && self.table.entry(slot).job.is_once
        {
            let text = format!(
                "nobody knows whether it was taken, so it is not sent again ({reason}: {text})"
            );
            return self.give_up(slot, OUTCOME_UNKNOWN.to_owned(), text, now);
        }
        if self.halve_batch(slot, &failure, finished)
            && matches!(failure, Failure::Permanent { .. })
        {
            return self.retry(slot, now, now);
        }
        let (reason, text, after_ms) = match failure {
            Failure::Permanent { reason, text } => return self.give_up(slot, reason, text, now),
            Failure::Retry { reason, text, after_ms, .. } => (reason, text, after_ms),
            Failure::Unknown { reason, text, .. } => (reason, text, None),
        };
        match self.next_attempt(slot, after_ms, finished) {
            Some(at) => self.retry(slot, at, now),
            None => self.give_up(slot, reason, text, now),
        }
    }

    /// Halves the next batch of a job whose batch failed in whole, so that what is wrong is found
    /// and the rest delivered. Not while the destination may be down. Returns whether it did.
    fn halve_batch(&mut self, slot: u32, failure: &Failure, finished: &Finished) -> bool {
        if !self.limits.is_atomic || finished.n_jobs < 2 {
            return false;
        }
        let is_outage = failure.is_outage();
        let takes_others = self.delivered_at.is_some_and(|at| at >= finished.started_at);
        let entry = self.table.entry_mut(slot);
        if is_outage && !takes_others && entry.attempts < ATTEMPTS_WHOLE {
            return false;
        }
        entry.batch_jobs = (finished.n_jobs / 2).max(1);
        true
    }

    /// When a job is tried again; none if its time is over.
    fn next_attempt(
        &self,
        slot: u32,
        after_ms: Option<u64>,
        finished: &Finished,
    ) -> Option<Timestamp> {
        let now = finished.now;
        let entry = self.table.entry(slot);
        let first = entry.first_attempt.unwrap_or(now);
        let last = Timestamp(first.0.saturating_add_unsigned(self.limits.retry_for_ms));
        let is_in_the_way = entry.attempts >= ATTEMPTS_MIN && self.is_in_the_way(slot);
        if now >= last || is_in_the_way || entry.attempts >= ATTEMPTS_ALONE && self.is_stuck() {
            return None;
        }
        let wait_ms = backoff_ms(entry.attempts, after_ms, self.seed ^ finished.batch);
        Some(Timestamp(now.0.saturating_add_unsigned(wait_ms)).min(last))
    }

    /// Whether a failed job holds up many others, and the destination has taken another job since
    /// it failed before.
    fn is_in_the_way(&self, slot: u32) -> bool {
        let failed_at = self.table.entry(slot).failed_at;
        if failed_at.is_none_or(|failed| self.delivered_at.is_none_or(|at| at <= failed)) {
            return false;
        }
        let (jobs, bytes) = self.table.longest_queue(slot);
        let is_crowded = self.table.n_waiting() >= WAITING_MAX;
        is_crowded || jobs >= USER_JOBS_MAX || bytes >= USER_BYTES_MAX
    }

    /// Whether there is no room, and every job waits for one that has failed: nobody else could be
    /// delivered to until its time is over.
    fn is_stuck(&self) -> bool {
        let is_full = self.table.n_open() >= OPEN_MAX || self.table.bytes() >= OPEN_BYTES_MAX;
        is_full && !self.table.has_ready() && self.n_in_flight_jobs == 0
    }

    fn retry(&mut self, slot: u32, at: Timestamp, now: Timestamp) -> Fate {
        let entry = self.table.entry_mut(slot);
        entry.failed_at = Some(now);
        self.ledger.retry(entry.job.offset, entry.attempts);
        self.table.wait(slot, at);
        self.retried += 1;
        Fate::Retried
    }

    fn give_up(&mut self, slot: u32, reason: String, text: String, now: Timestamp) -> Fate {
        let entry = self.table.remove(slot);
        let offset = entry.job.offset;
        let since = entry.first_attempt.unwrap_or(now);
        let mapping = entry.job.mapping.to_string();
        let attempts = entry.attempts;
        let reason = shorten(reason, REASON_BYTES_MAX);
        let fate = Fate::GivenUp { reason: reason.clone() };
        self.bury(DeadLetter { offset, mapping, at: now, since, attempts, reason, text });
        self.ledger.close(offset, slot, now);
        fate
    }

    fn bury(&mut self, mut dead: DeadLetter) {
        dead.reason = shorten(dead.reason, REASON_BYTES_MAX);
        dead.text = shorten(dead.text, TEXT_BYTES_MAX);
        count_reason(&mut self.failed, &dead.reason, 1);
        self.ledger.bury(dead);
    }
}
