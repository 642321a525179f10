//! What a background thread does, when it last worked and what failed: for operators, beside the
//! log. Only the last failure of a kind is kept, and their number.

use std::time::{Duration, Instant};

use domain::{Timestamp, WorkspaceId};
use parking_lot::Mutex;

use crate::now;

/// The most workspaces whose failures are kept, of each thread. The one that failed longest ago is
/// forgotten.
pub const FAILURES_KEPT_MAX: usize = 256;
/// The most bytes of the text of a failure that are kept.
pub const FAILURE_BYTES_MAX: usize = 2_048;

/// The present activity of a background thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// It waits until its next step is due, or for something to do.
    Waiting,
    /// A step is under way.
    AtWork,
    /// It takes no further step.
    Ended,
}

/// How a background thread is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadStatus {
    /// The name of its work.
    pub name: &'static str,
    /// What it does.
    pub task: &'static str,
    /// Its present activity.
    pub activity: Activity,
    /// When that began.
    pub since: Timestamp,
    /// The number of steps that have ended.
    pub n_steps: u64,
    /// The last step that has ended.
    pub last_step: Option<LastStep>,
    /// What has failed, by workspace.
    pub failures: Vec<Failures>,
}

/// A step that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastStep {
    /// When it ended.
    pub ended_at: Timestamp,
    /// How long it was at work, without the time that it waited for something to do.
    pub duration: Duration,
}

/// The failures of one kind of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failures {
    /// The workspace that the work was for; none for work that is for no single one.
    pub workspace: Option<WorkspaceId>,
    /// Their number.
    pub n: u64,
    /// When it last failed.
    pub last_at: Timestamp,
    /// The text of the last failure.
    pub last_text: String,
    /// Whether it has not succeeded since.
    pub is_failing: bool,
}

/// How work for one workspace ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkResult {
    /// As it should. What failed before is well again.
    Succeeded,
    /// There was nothing to do, or it was given up: it is not known whether it would succeed.
    NothingDone,
    /// With an error.
    Failed(String),
}

/// The record of one background thread, which the thread writes and others read.
pub struct WorkLog {
    name: &'static str,
    task: &'static str,
    state: Mutex<State>,
}

struct State {
    activity: Activity,
    since: Timestamp,
    work_began: Instant,
    n_steps: u64,
    last_step: Option<LastStep>,
    failures: Vec<Failures>,
    /// The workspace of the work under way.
    at_work_for: Option<WorkspaceId>,
    /// Whether work for no single workspace has failed in the step under way.
    has_step_failed: bool,
}

impl WorkLog {
    pub(super) fn new(name: &'static str, task: &'static str) -> Self {
        let state = State {
            activity: Activity::Waiting,
            since: now(),
            work_began: Instant::now(),
            n_steps: 0,
            last_step: None,
            failures: Vec::new(),
            at_work_for: None,
            has_step_failed: false,
        };
        Self { name, task, state: Mutex::new(state) }
    }

    /// How the thread is doing.
    pub fn status(&self) -> ThreadStatus {
        let state = self.state.lock();
        ThreadStatus {
            name: self.name,
            task: self.task,
            activity: state.activity,
            since: state.since,
            n_steps: state.n_steps,
            last_step: state.last_step,
            failures: state.failures.clone(),
        }
    }

    pub(super) fn begin_step(&self) {
        let mut state = self.state.lock();
        state.has_step_failed = false;
        state.enter(Activity::AtWork);
    }

    /// Ends a step. Returns how long it was at work.
    pub(super) fn end_step(&self, panic_text: Option<&str>) -> Duration {
        let mut state = self.state.lock();
        let duration = state.work_began.elapsed();
        let subject = state.at_work_for.take();
        if let Some(text) = panic_text {
            state.note_failure(subject, &format!("it panicked: {text}"));
        }
        if !state.has_step_failed {
            state.note_success(None);
        }
        state.n_steps += 1;
        state.last_step = Some(LastStep { ended_at: now(), duration });
        state.enter(Activity::Waiting);
        duration
    }

    pub(super) fn end(&self) {
        self.state.lock().enter(Activity::Ended);
    }

    pub(super) fn await_work<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.state.lock().enter(Activity::Waiting);
        let found = wait();
        self.state.lock().enter(Activity::AtWork);
        found
    }

    pub(super) fn fail(&self, text: &str) {
        self.state.lock().note_failure(None, text);
    }

    pub(super) fn work_for(&self, workspace: &WorkspaceId, work: impl FnOnce() -> WorkResult) {
        self.state.lock().at_work_for = Some(workspace.clone());
        let result = work();
        let mut state = self.state.lock();
        let subject = state.at_work_for.take();
        match result {
            WorkResult::Succeeded => state.note_success(subject.as_ref()),
            WorkResult::NothingDone => {}
            WorkResult::Failed(text) => state.note_failure(subject, &text),
        }
    }
}

impl State {
    fn enter(&mut self, activity: Activity) {
        self.activity = activity;
        self.since = now();
        if activity == Activity::AtWork {
            self.work_began = Instant::now();
        }
    }

    fn note_failure(&mut self, workspace: Option<WorkspaceId>, text: &str) {
        self.has_step_failed |= workspace.is_none();
        let known = self.failures.iter().position(|failures| failures.workspace == workspace);
        let n_before = known.map_or(0, |place| self.failures.remove(place).n);
        if self.failures.len() == FAILURES_KEPT_MAX {
            self.failures.remove(0);
        }
        let last_text = text[..text.floor_char_boundary(FAILURE_BYTES_MAX)].to_owned();
        let (n, last_at) = (n_before + 1, now());
        // The last to fail is the last in the list.
        self.failures.push(Failures { workspace, n, last_at, last_text, is_failing: true });
    }

    fn note_success(&mut self, workspace: Option<&WorkspaceId>) {
        let of_it = |failures: &&mut Failures| failures.workspace.as_ref() == workspace;
        if let Some(failures) = self.failures.iter_mut().find(of_it) {
            failures.is_failing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop(n: usize) -> WorkspaceId {
        WorkspaceId::new(format!("shop{n}")).unwrap()
    }

    /// The failures as text: whose, how many, and whether it still fails.
    fn failures(log: &WorkLog) -> Vec<String> {
        let describe = |failures: Failures| {
            let whose = failures.workspace.map_or("all".to_owned(), |id| id.to_string());
            let is_failing = if failures.is_failing { "fails" } else { "well" };
            format!("{whose} {} {is_failing}: {}", failures.n, failures.last_text)
        };
        log.status().failures.into_iter().map(describe).collect()
    }

    #[test]
    fn a_step_without_a_failure_makes_the_thread_well_again_and_the_last_failure_stays_to_be_read()
    {
        let log = WorkLog::new("test", "Tests");
        log.begin_step();
        log.fail("the disk is full");
        assert_eq!(log.status().activity, Activity::AtWork);
        log.end_step(None);
        assert_eq!(failures(&log), ["all 1 fails: the disk is full"]);
        log.begin_step();
        log.end_step(Some("an index was out of bounds"));
        assert_eq!(failures(&log), ["all 2 fails: it panicked: an index was out of bounds"]);
        log.begin_step();
        log.end_step(None);
        assert_eq!(failures(&log), ["all 2 well: it panicked: an index was out of bounds"]);
        let status = log.status();
        assert_eq!((status.n_steps, status.activity), (3, Activity::Waiting));
        log.end();
        assert_eq!(log.status().activity, Activity::Ended);
    }

    #[test]
    fn work_for_a_workspace_fails_until_it_succeeds_for_the_same_one() {
        let log = WorkLog::new("test", "Tests");
        log.begin_step();
        log.work_for(&shop(1), || WorkResult::Failed("no room".to_owned()));
        log.work_for(&shop(2), || WorkResult::Succeeded);
        log.end_step(None);
        log.begin_step();
        log.work_for(&shop(1), || WorkResult::NothingDone);
        log.end_step(None);
        assert_eq!(failures(&log), ["shop1 1 fails: no room"]);
        log.begin_step();
        log.work_for(&shop(1), || WorkResult::Succeeded);
        log.end_step(None);
        assert_eq!(failures(&log), ["shop1 1 well: no room"]);
    }

    #[test]
    fn a_panic_is_a_failure_of_the_workspace_that_the_thread_worked_for() {
        let log = WorkLog::new("test", "Tests");
        log.begin_step();
        let panicking = || log.work_for(&shop(1), || panic!("in the middle"));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(panicking)).unwrap_err();
        log.end_step(Some("in the middle"));
        log.begin_step();
        log.end_step(None);
        assert_eq!(failures(&log), ["shop1 1 fails: it panicked: in the middle"]);
    }

    #[test]
    fn failures_of_any_number_and_length_are_bounded() {
        let log = WorkLog::new("test", "Tests");
        let long = "ä".repeat(FAILURE_BYTES_MAX);
        for n in 0..=FAILURES_KEPT_MAX {
            log.work_for(&shop(n), || WorkResult::Failed(long.clone()));
        }
        let failures = log.status().failures;
        assert_eq!(failures.len(), FAILURES_KEPT_MAX);
        assert_eq!(failures[0].workspace, Some(shop(1)));
        assert!(failures.iter().all(|one| one.last_text.len() == FAILURE_BYTES_MAX));
    }
}
