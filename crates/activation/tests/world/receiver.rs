//! A destination that fails in every way, and remembers what it got.

use std::collections::BTreeMap;

use activation::Failure;

use super::rng::Rng;
use super::{JobId, JobSpec, Trouble};

type Results = Vec<Result<(), Failure>>;

/// How the destination is at present.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Well,
    /// No connection.
    Refuses,
    /// No answer until the timeout; it may have taken the batch.
    Hangs,
    Status(u16),
    /// An answer that nobody can read; it may have taken the batch.
    Garbage,
    /// It takes the first half of each batch.
    Half,
    /// Each answer is another.
    Mixed,
}

pub(crate) struct Receiver {
    is_atomic: bool,
    mood: Mood,
    changes_at: i64,
    answers: BTreeMap<u64, Results>,
    /// First deliveries, by their order.
    positions: BTreeMap<JobId, usize>,
    /// By user: first deliveries in their order.
    of_users: BTreeMap<u64, Vec<(usize, JobId)>>,
}

impl Receiver {
    pub(crate) fn new(is_atomic: bool, rng: &mut Rng) -> Self {
        Self {
            is_atomic,
            mood: Mood::Well,
            changes_at: rng.below(5_000) as i64,
            answers: BTreeMap::new(),
            positions: BTreeMap::new(),
            of_users: BTreeMap::new(),
        }
    }

    pub(crate) fn change_mood(&mut self, now: i64, rng: &mut Rng) {
        if now < self.changes_at {
            return;
        }
        let longest = if rng.one_in(10) { 60_000 } else { 6_000 };
        self.changes_at = now + rng.below(longest) as i64;
        self.mood = match rng.below(12) {
            0 => Mood::Refuses,
            1 => Mood::Hangs,
            2 => Mood::Status(429),
            3 => Mood::Status(500),
            4 => Mood::Garbage,
            5 => Mood::Half,
            6 | 7 => Mood::Mixed,
            _ => Mood::Well,
        };
    }

    pub(crate) fn end_faults(&mut self) {
        self.mood = Mood::Well;
    }

    pub(crate) fn has(&self, id: JobId) -> bool {
        self.positions.contains_key(&id)
    }

    pub(crate) fn position(&self, id: JobId) -> usize {
        self.positions[&id]
    }

    /// The largest job of a user that came before a position; itself aside.
    pub(crate) fn last_of(&self, user: u64, id: JobId, position: usize) -> Option<JobId> {
        let jobs = self.of_users.get(&user)?.iter().rev().take(50);
        jobs.filter(|(at, other)| *at < position && *other != id).map(|(_, other)| *other).max()
    }

    /// Takes a batch. Returns when its answer comes.
    pub(crate) fn take(
        &mut self,
        batch: u64,
        jobs: &[JobId],
        journal: &BTreeMap<u64, Vec<JobSpec>>,
        now: i64,
        rng: &mut Rng,
    ) -> i64 {
        let mood = match self.mood {
            Mood::Mixed => {
                [Mood::Well, Mood::Half, Mood::Garbage, Mood::Status(503), Mood::Refuses]
                    [rng.below(5) as usize]
            }
            mood => mood,
        };
        let troubles: Vec<Trouble> = jobs.iter().map(|id| journal[&id.0][id.1].trouble).collect();
        let (n_taken, mut results) = self.decide(mood, &troubles, rng);
        for (n, id) in jobs.iter().enumerate().take(n_taken) {
            let is_taken = self.is_atomic || troubles[n] == Trouble::None;
            if is_taken && !self.has(*id) {
                self.remember(*id, &journal[&id.0][id.1].keys);
            }
        }
        if mood == Mood::Garbage && rng.one_in(2) {
            results.clear();
        }
        self.answers.insert(batch, results);
        let latency = 5 + rng.below(80) as i64;
        if mood == Mood::Hangs { now + 5_000 } else { now + latency }
    }

    pub(crate) fn answer(&mut self, batch: u64) -> Results {
        self.answers.remove(&batch).expect("every batch that was sent has an answer")
    }

    /// How many of the first jobs it takes, and what it answers.
    fn decide(&self, mood: Mood, troubles: &[Trouble], rng: &mut Rng) -> (usize, Results) {
        let n = troubles.len();
        let all = |failure: Failure| vec![Err(failure); n];
        match mood {
            Mood::Refuses => (0, all(outage("connect", None))),
            Mood::Hangs => (self.part(n, rng), all(outage("timeout", None))),
            Mood::Status(429) => (0, all(outage("http_429", Some(3_000)))),
            Mood::Status(_) => (0, all(outage("http_500", None))),
            Mood::Garbage => (self.part(n, rng), all(unreadable())),
            Mood::Well | Mood::Mixed => self.take_well(n, troubles),
            Mood::Half if self.is_atomic => self.take_well(n, troubles),
            Mood::Half => {
                let (_, mut results) = self.take_well(n, troubles);
                results[n / 2..].fill(Err(unreadable()));
                (n / 2, results)
            }
        }
    }

    fn take_well(&self, n: usize, troubles: &[Trouble]) -> (usize, Results) {
        let result = |trouble: &Trouble| match trouble {
            Trouble::None => Ok(()),
            Trouble::Refused => {
                let (reason, text) = ("http_400".to_owned(), "no".repeat(400));
                Err(Failure::Permanent { reason, text })
            }
            Trouble::Fails => Err(outage("http_500", None)),
        };
        let results: Results = troubles.iter().map(result).collect();
        let first = results.iter().find(|result| result.is_err()).cloned();
        match first {
            Some(failure) if self.is_atomic => (0, vec![failure; n]),
            _ => (n, results),
        }
    }

    /// An unknown part of a batch: the first jobs, or in an atomic destination all or none.
    fn part(&self, n: usize, rng: &mut Rng) -> usize {
        let part = rng.below(n as u64 + 1) as usize;
        if self.is_atomic { if part > n / 2 { n } else { 0 } } else { part }
    }

    fn remember(&mut self, id: JobId, keys: &[u64]) {
        let position = self.positions.len();
        self.positions.insert(id, position);
        for key in keys {
            self.of_users.entry(*key).or_default().push((position, id));
        }
    }
}

fn outage(reason: &str, after_ms: Option<u64>) -> Failure {
    let (reason, text) = (reason.to_owned(), String::new());
    Failure::Retry { reason, text, after_ms, is_outage: true }
}

fn unreadable() -> Failure {
    let (reason, text) = ("unreadable".to_owned(), String::new());
    Failure::Retry { reason, text, after_ms: None, is_outage: false }
}
