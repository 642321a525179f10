//! A pass over everybody, and when one is due.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::{Duration, Instant};

use domain::Timestamp;

use super::plan::{Aim, Plan};
use super::status::{LastSweep, SweepStatus};

/// How often everybody is looked at, whatever happens: lists change as time passes.
const INTERVAL: Duration = Duration::from_secs(24 * 3_600);
/// The time between two passes for changes of the catalog, which may come every second.
const CATALOG_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// A pass over everybody, who are numbered, in a circle. What becomes due meanwhile is added: the
/// pass then ends where it was at that time.
pub(super) struct Sweep {
    pub(super) aims: BTreeSet<Aim>,
    next: u32,
    n_left: u32,
    n_done: u64,
    started_at: Timestamp,
    began: Instant,
}

impl Sweep {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            aims: BTreeSet::new(),
            next: 0,
            n_left: 0,
            n_done: 0,
            started_at: now,
            began: Instant::now(),
        }
    }

    /// Adds aims, for which everybody is looked at from here on.
    pub(super) fn add(&mut self, aims: Vec<Aim>, n_people: u32) {
        self.aims.extend(aims);
        self.n_left = n_people;
    }

    /// The numbers of the next people, at most `n_max`.
    pub(super) fn next_step(&mut self, n_people: u32, n_max: u32) -> Range<u32> {
        if self.next >= n_people {
            self.next = 0;
        }
        let n = self.n_left.min(n_max);
        self.next..self.next.saturating_add(n).min(n_people)
    }

    /// Notes that so many people were looked at; without any there are none.
    pub(super) fn advance(&mut self, n: u32) {
        self.next += n;
        self.n_done += u64::from(n);
        self.n_left = if n == 0 { 0 } else { self.n_left - n };
    }

    pub(super) fn is_done(&self) -> bool {
        self.n_left == 0
    }

    pub(super) fn status(&self) -> SweepStatus {
        let people = self.n_done + u64::from(self.n_left);
        let elapsed_s = self.began.elapsed().as_secs_f64();
        let left_s = elapsed_s / self.n_done as f64 * f64::from(self.n_left);
        SweepStatus {
            started_at: self.started_at,
            people_done: self.n_done,
            people,
            left_s: left_s.is_finite().then_some(left_s.ceil() as u64),
        }
    }

    pub(super) fn ended(&self, now: Timestamp) -> LastSweep {
        LastSweep {
            ended_at: now,
            people: self.n_done,
            duration_ms: self.began.elapsed().as_millis() as u64,
        }
    }
}

/// What everybody's values depend on beside the configuration, as it was last looked at.
pub(super) struct Changes {
    /// The version of the model, none where there is none; none while it is not in use yet.
    model: Option<Option<String>>,
    /// None before the first look.
    catalog: Option<u64>,
    all_at: Instant,
    catalog_at: Option<Instant>,
}

impl Changes {
    pub(super) fn new(now: Instant) -> Self {
        Self { model: None, catalog: None, all_at: now, catalog_at: None }
    }

    /// The aims for which everybody is due. Nothing changes for lists while their model is not
    /// in use yet.
    pub(super) fn find_due(
        &mut self,
        plan: &Plan,
        model: Option<Option<String>>,
        catalog: u64,
        is_all: bool,
        now: Instant,
    ) -> Vec<Aim> {
        let is_catalog_due = *self.catalog.get_or_insert(catalog) != catalog
            && self.catalog_at.is_none_or(|at| now - at >= CATALOG_INTERVAL);
        let is_all = is_all || now - self.all_at >= INTERVAL;
        let is_lists = model.is_some() && (self.model != model || is_catalog_due);
        if is_all {
            self.all_at = now;
        }
        if is_catalog_due && model.is_some() {
            (self.catalog, self.catalog_at) = (Some(catalog), Some(now));
        }
        self.model = model;
        let due = plan.aims().filter(|(_, takes_list)| is_all || is_lists && *takes_list);
        due.map(|(aim, _)| aim).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_goes_on_in_a_circle_for_what_became_due_meanwhile() {
        let aim = |key: &str| Aim::Answering(key.to_owned());
        let mut sweep = Sweep::new(Timestamp(0));
        sweep.add(vec![aim("a")], 10);
        assert_eq!(sweep.next_step(10, 4), 0..4);
        sweep.advance(4);
        sweep.add(vec![aim("b")], 10);
        let mut seen = Vec::new();
        while !sweep.is_done() {
            let step = sweep.next_step(10, 4);
            seen.extend(step.clone());
            sweep.advance(step.len() as u32);
        }
        assert_eq!(seen, [4, 5, 6, 7, 8, 9, 0, 1, 2, 3]);
        assert_eq!((sweep.status().people_done, sweep.status().people), (14, 14));
        let mut none = Sweep::new(Timestamp(0));
        none.add(vec![aim("a")], 3);
        let step = none.next_step(0, 4);
        none.advance(step.len() as u32);
        assert!(none.is_done(), "nobody is there any more");
    }
}
