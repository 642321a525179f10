//! A pass over everybody, and when one is due.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::{Duration, Instant};

use domain::Timestamp;

use super::plan::{Aim, Plan, Subject};
use super::status::{LastSweep, SweepStatus};

/// How often everybody is looked at, whatever happens: lists change as time passes.
const INTERVAL: Duration = Duration::from_secs(24 * 3_600);
/// The time between two passes for changes of the catalog, which may come every second, is so many
/// times as long as the last pass took, within these bounds.
const CATALOG_REST: u32 = 10;
const CATALOG_INTERVAL_MIN: Duration = Duration::from_secs(60);
const CATALOG_INTERVAL_MAX: Duration = Duration::from_secs(15 * 60);

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
            duration_ms: self.took().as_millis() as u64,
        }
    }

    pub(super) fn took(&self) -> Duration {
        self.began.elapsed()
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
    catalog_interval: Duration,
    /// Up to when times of day have been looked at.
    times_at: Timestamp,
}

impl Changes {
    /// Times of day that passed since `times_at` are due.
    pub(super) fn new(now: Instant, times_at: Timestamp) -> Self {
        let catalog_interval = CATALOG_INTERVAL_MIN;
        Self {
            model: None,
            catalog: None,
            all_at: now,
            catalog_at: None,
            catalog_interval,
            times_at,
        }
    }

    /// Notes how long a pass took.
    pub(super) fn note_pass(&mut self, took: Duration) {
        let interval = took.saturating_mul(CATALOG_REST);
        self.catalog_interval = interval.clamp(CATALOG_INTERVAL_MIN, CATALOG_INTERVAL_MAX);
    }

    /// The subjects one of whose times of day has come since the last call.
    pub(super) fn find_timed(&mut self, plan: &Plan, now: Timestamp) -> Vec<Aim> {
        let since = self.times_at;
        self.times_at = since.max(now);
        let has_come =
            |subject: &&Subject| subject.last_time_before(now).is_some_and(|time| time > since);
        let due = plan.subjects.iter().filter(has_come);
        due.map(|subject| Aim::Sending(subject.subject.clone())).collect()
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
            && self.catalog_at.is_none_or(|at| now - at >= self.catalog_interval);
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
    use domain::{SyncSettings, SyncTimes, TimeOfDay};
    use state::SyncSubject;

    use super::super::plan::Source;
    use super::*;

    #[test]
    fn times_of_day_come_once_also_those_that_passed_before_the_start() {
        let at = |text: &str| Timestamp::parse(text).expect("a time");
        let mut settings = SyncSettings::to(&["crm"]);
        settings.at = vec![TimeOfDay::parse("07:00").expect("a time of day")];
        settings.when = SyncTimes::AtTimes;
        let subject = SyncSubject::Audience("a".to_owned());
        let timed = Subject {
            subject: subject.clone(),
            source: Source::Audience,
            settings,
            links: Vec::new(),
        };
        let plan = Plan::of(vec![timed]);
        let (now, mut changes) = (Instant::now(), None);
        for (time, is_due) in [
            ("2026-03-01T06:59:59Z", false),
            ("2026-03-01T07:00:00Z", true),
            ("2026-03-01T07:00:01Z", false),
            ("2026-03-03T06:00:00Z", true),
        ] {
            let changes =
                changes.get_or_insert_with(|| Changes::new(now, at("2026-02-28T08:00:00Z")));
            let aim = Aim::Sending(subject.clone());
            let expected: Vec<_> = is_due.then_some(aim).into_iter().collect();
            assert_eq!(changes.find_timed(&plan, at(time)), expected, "{time}");
            // Nothing else makes it due.
            assert!(changes.find_due(&plan, Some(None), 7, true, now).is_empty());
            assert!(plan.subjects(None, true).is_empty());
        }
    }

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
