//! The world around a dispatcher: a journal that fills, a destination with faults, a journalled
//! state, and crashes.

mod receiver;
mod rng;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use activation::{Dispatcher, Job, Limits, OPEN_MAX, OpenState, Progress};
use domain::Timestamp;

use receiver::Receiver;
use rng::Rng;

const USERS: u64 = 40;
/// How often progress is journalled, in milliseconds.
const PROGRESS_MS: i64 = 400;

/// What a simulation is made of.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) is_atomic: bool,
    pub(crate) retry_for_ms: u64,
}

/// A job by the offset of its message and the number of its mapping.
pub(crate) type JobId = (u64, usize);

/// What a mapping makes of a message.
#[derive(Clone)]
pub(crate) struct JobSpec {
    pub(crate) keys: Vec<u64>,
    group: usize,
    bytes: usize,
    pub(crate) trouble: Trouble,
}

/// What is wrong with a job.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Trouble {
    None,
    /// The destination refuses it for good.
    Refused,
    /// The destination fails whenever it gets it.
    Fails,
}

/// What the process knows of a job beyond crashes, for checks.
#[derive(Default)]
struct Known {
    /// When the dispatcher was told that it was delivered.
    acknowledged: Option<i64>,
    /// Whether it was given up at least once, or may have been.
    may_be_dead: bool,
}

pub(crate) struct World {
    plan: Plan,
    rng: Rng,
    now: i64,
    is_faulty: bool,
    journal: BTreeMap<u64, Vec<JobSpec>>,
    journal_end: u64,
    dispatcher: Dispatcher<JobId>,
    read_to: u64,
    receiver: Receiver,
    /// Batches under way: when they end, their id and jobs.
    under_way: Vec<(i64, u64, Vec<JobId>)>,
    state: OpenState,
    dead: BTreeSet<JobId>,
    known: BTreeMap<JobId, Known>,
    /// By message: the first attempt of any of its jobs, from which on its time runs.
    first_attempts: BTreeMap<u64, i64>,
    progress_at: i64,
    crash_at: i64,
}

impl World {
    pub(crate) fn new(plan: Plan) -> Self {
        let mut rng = Rng(plan.seed);
        let receiver = Receiver::new(plan.is_atomic, &mut rng);
        let mut world = Self {
            plan,
            now: 0,
            is_faulty: true,
            journal: BTreeMap::new(),
            journal_end: 5,
            dispatcher: Dispatcher::new(limits(plan), plan.seed, 5),
            read_to: 5,
            receiver,
            under_way: Vec::new(),
            state: OpenState { place: 5, open: BTreeMap::new() },
            dead: BTreeSet::new(),
            known: BTreeMap::new(),
            first_attempts: BTreeMap::new(),
            progress_at: 0,
            crash_at: 20_000,
            rng,
        };
        world.write_messages();
        world
    }

    pub(crate) fn now(&self) -> i64 {
        self.now
    }

    /// Lets some milliseconds pass, with all that happens in them.
    pub(crate) fn step(&mut self) {
        self.now += 1 + self.rng.below(20) as i64;
        if self.is_faulty {
            self.write_messages();
            self.receiver.change_mood(self.now, &mut self.rng);
        }
        self.read();
        self.end_batches();
        self.send();
        if self.now >= self.progress_at {
            self.journal_progress();
        }
        if self.is_faulty && self.now >= self.crash_at {
            self.crash();
        }
        self.check_bounds();
    }

    pub(crate) fn end_faults(&mut self) {
        self.is_faulty = false;
        self.receiver.end_faults();
    }

    /// Passes over time in which nothing happens.
    pub(crate) fn skip_to_next(&mut self) {
        let wait = self.dispatcher.wait(Timestamp(self.now)).map(|ms| self.now + ms as i64);
        let batch = self.under_way.iter().map(|(at, ..)| *at).min();
        let next = [wait, batch].into_iter().flatten().min().unwrap_or(self.now);
        self.now = self.now.max(next.min(self.now + 60_000));
    }

    pub(crate) fn is_drained(&self) -> bool {
        let status = self.dispatcher.status(Timestamp(self.now));
        let is_journalled = self.state.open.is_empty() && self.state.place == self.journal_end;
        self.read_to == self.journal_end && status.open_jobs == 0 && is_journalled
    }

    /// What is left, for whoever looks at a failure.
    pub(crate) fn standing(&self) -> String {
        let status = self.dispatcher.status(Timestamp(self.now));
        let (place, n_open) = (self.state.place, self.state.open.len());
        let (read_to, end) = (self.read_to, self.journal_end);
        format!("read to {read_to} of {end}, journalled to {place} with {n_open} open, {status:?}")
    }

    /// Every job was delivered or is a dead letter; those that were all right and had the time
    /// were delivered.
    pub(crate) fn check_end(&self) {
        let mut n = 0;
        for (offset, specs) in &self.journal {
            for (number, spec) in specs.iter().enumerate() {
                let id = (*offset, number);
                let is_delivered = self.receiver.has(id);
                assert!(is_delivered || self.dead.contains(&id), "{}: {id:?} lost", self.seed());
                let is_late = self.known[&id].may_be_dead;
                let must = spec.trouble == Trouble::None && !is_late;
                assert!(is_delivered || !must, "{}: {id:?} given up", self.seed());
                n += 1;
            }
        }
        assert!(n > 5_000, "{}: only {n} jobs", self.seed());
    }

    fn seed(&self) -> String {
        format!("seed {} at {} ms", self.plan.seed, self.now)
    }

    fn write_messages(&mut self) {
        let n = if self.rng.one_in(200) { 100 } else { self.rng.below(2) };
        for _ in 0..n {
            // Entries that are no messages lie in between.
            let offset = self.journal_end + self.rng.below(3);
            let n_jobs = if self.rng.one_in(4) { self.rng.below(4) } else { 1 };
            let user = self.rng.below(USERS).min(self.rng.below(USERS));
            let specs = (0..n_jobs).map(|_| self.rng.job(user, USERS)).collect();
            self.journal.insert(offset, specs);
            self.journal_end = offset + 1;
        }
    }

    fn read(&mut self) {
        while self.read_to < self.journal_end && self.dispatcher.has_room() {
            let next = self.journal.range(self.read_to..).next();
            let (offset, specs) = next.expect("the journal ends with a message");
            let jobs = (0..specs.len()).map(|number| self.job((*offset, number))).collect();
            self.dispatcher.add(*offset, jobs, Timestamp(self.now));
            self.read_to = offset + 1;
        }
        self.dispatcher.read_to(self.read_to);
    }

    fn job(&self, id: JobId) -> Job<JobId> {
        let spec = &self.journal[&id.0][id.1];
        Job {
            offset: id.0,
            mapping: mapping_name(id.1).into(),
            keys: spec.keys.clone(),
            group: Arc::from(format!("group {}", spec.group)),
            bytes: spec.bytes,
            is_once: false,
            payload: id,
        }
    }

    fn send(&mut self) {
        let now = Timestamp(self.now);
        while let Some(batch) = self.dispatcher.next_batch(now) {
            let jobs: Vec<JobId> = batch.jobs.iter().map(|job| job.payload).collect();
            self.check_batch(&jobs);
            for id in &jobs {
                self.known.entry(*id).or_default();
                self.first_attempts.entry(id.0).or_insert(self.now);
            }
            let end = self.receiver.take(batch.id, &jobs, &self.journal, self.now, &mut self.rng);
            for id in &jobs {
                self.check_order(*id);
            }
            self.under_way.push((end, batch.id, jobs));
        }
        let wait = self.dispatcher.wait(now);
        assert!(wait != Some(0), "{}: it can send and does not", self.seed());
    }

    fn end_batches(&mut self) {
        self.under_way.sort_unstable();
        while self.under_way.first().is_some_and(|(at, ..)| *at <= self.now) {
            let (_, batch, jobs) = self.under_way.remove(0);
            let results = self.receiver.answer(batch);
            for (n, id) in jobs.iter().enumerate() {
                let known = self.known.get_mut(id).expect("it was sent");
                let age = self.now - self.first_attempts[&id.0];
                match results.get(n) {
                    Some(Ok(())) => known.acknowledged = Some(self.now),
                    Some(Err(activation::Failure::Permanent { .. })) => known.may_be_dead = true,
                    _ => known.may_be_dead |= age >= self.plan.retry_for_ms as i64,
                }
            }
            self.dispatcher.finish(batch, results, Timestamp(self.now));
        }
    }

    fn journal_progress(&mut self) {
        self.progress_at = self.now + PROGRESS_MS;
        let Some(progress) = self.dispatcher.take_progress() else { return };
        assert!(self.dispatcher.take_progress().is_none());
        if self.is_faulty && self.rng.one_in(10) {
            self.dispatcher.progress_failed(progress);
            let again = self.dispatcher.take_progress().expect("it was put back");
            self.apply(&again);
        } else {
            self.apply(&progress);
        }
        self.dispatcher.confirm_progress();
        assert!(self.dispatcher.take_progress().is_none(), "{}: told twice", self.seed());
    }

    fn apply(&mut self, progress: &Progress) {
        assert!(progress.place >= self.state.place, "{}: the place goes back", self.seed());
        self.state.apply(progress);
        for dead in &progress.dead {
            let number = dead.mapping.trim_start_matches("mapping ").parse();
            let number = number.expect("mappings are numbered");
            self.dead.insert((dead.offset, number));
        }
    }

    /// The process ends, and starts again from what was journalled.
    fn crash(&mut self) {
        self.crash_at = self.now + 5_000 + self.rng.below(60_000) as i64;
        // What was delivered in the last second may be sent again.
        for known in self.known.values_mut() {
            known.acknowledged = known.acknowledged.filter(|at| self.now - at > 1_000);
        }
        self.under_way.clear();
        self.dispatcher = Dispatcher::new(limits(self.plan), self.rng.next(), self.state.place);
        self.read_to = self.state.place;
        for (offset, open) in &self.state.open {
            assert!(*offset < self.state.place);
            let n_jobs = self.journal[offset].len();
            let is_open = |number: &usize| {
                open.mappings.is_empty() || open.mappings.contains(&mapping_name(*number))
            };
            let jobs = (0..n_jobs).filter(is_open).map(|number| self.job((*offset, number)));
            self.dispatcher.reopen(open, jobs.collect(), Timestamp(self.now));
        }
        // Some time passes before it runs again.
        self.now += self.rng.below(2_000) as i64;
    }

    fn check_batch(&self, jobs: &[JobId]) {
        let limits = limits(self.plan);
        let specs = || jobs.iter().map(|id| &self.journal[&id.0][id.1]);
        assert!(!jobs.is_empty() && jobs.len() <= limits.batch_jobs);
        let bytes: usize = specs().map(|spec| spec.bytes).sum();
        assert!(jobs.len() == 1 || bytes <= limits.batch_bytes);
        assert_eq!(specs().map(|spec| spec.group).collect::<BTreeSet<_>>().len(), 1);
        let mut keys = BTreeSet::new();
        let others = self.under_way.iter().flat_map(|(_, _, jobs)| jobs);
        let under_way: BTreeSet<u64> =
            others.flat_map(|id| self.journal[&id.0][id.1].keys.clone()).collect();
        for spec in specs() {
            for key in spec.keys.iter().collect::<BTreeSet<_>>() {
                assert!(!under_way.contains(key), "{}: user {key} twice", self.seed());
                assert!(keys.insert(*key) || self.plan.is_atomic, "{}: {key}", self.seed());
            }
        }
        assert!(jobs.is_sorted(), "{}: {jobs:?}", self.seed());
        jobs.iter().for_each(|id| self.check_repeat(*id));
    }

    /// What was acknowledged is sent again only after a crash within a second.
    fn check_repeat(&self, id: JobId) {
        let acknowledged = self.known.get(&id).and_then(|known| known.acknowledged);
        let seed = self.seed();
        assert_eq!(acknowledged, None, "{seed}: {id:?} is sent again");
    }

    /// When a job is sent, all earlier ones of its users were delivered or given up, or are before
    /// it in the batch.
    fn check_order(&self, id: JobId) {
        if !self.receiver.has(id) {
            return;
        }
        let position = self.receiver.position(id);
        for key in &self.journal[&id.0][id.1].keys {
            let earlier = self.receiver.last_of(*key, id, position);
            assert!(earlier < Some(id), "{}: {earlier:?} came before {id:?}", self.seed());
        }
        for (offset, specs) in self.journal.range(id.0.saturating_sub(300)..=id.0) {
            for (number, spec) in specs.iter().enumerate() {
                let other = (*offset, number);
                if other >= id || !spec.keys.iter().any(|key| self.shares(id, *key)) {
                    continue;
                }
                // One that always fails may be given up before its time, where all wait for it.
                let may_be_dead = spec.trouble != Trouble::None
                    || self.known.get(&other).is_some_and(|known| known.may_be_dead);
                let came = self.receiver.has(other) && self.receiver.position(other) < position;
                assert!(came || may_be_dead, "{}: {id:?} overtook {other:?}", self.seed());
            }
        }
    }

    fn shares(&self, id: JobId, key: u64) -> bool {
        self.journal[&id.0][id.1].keys.contains(&key)
    }

    fn check_bounds(&self) {
        let status = self.dispatcher.status(Timestamp(self.now));
        assert!(status.open_jobs < OPEN_MAX + 4, "{}: {}", self.seed(), status.open_jobs);
        assert!(status.in_flight_batches <= limits(self.plan).concurrency);
        assert!(self.state.open.len() <= OPEN_MAX);
    }
}

fn mapping_name(number: usize) -> String {
    format!("mapping {number}")
}

fn limits(plan: Plan) -> Limits {
    Limits {
        batch_jobs: 1 + (plan.seed * 7 % 40) as usize,
        batch_bytes: 20_000,
        batch_age_ms: plan.seed % 3 * 100,
        concurrency: 1 + (plan.seed % 8) as usize,
        batches_per_second: plan.seed.is_multiple_of(5).then_some(50.0),
        is_atomic: plan.is_atomic,
        retry_for_ms: plan.retry_for_ms,
    }
}
