//! Finds what follows from models and changes for people, and journals it where it has changed.
//!
//! - Traits and audiences that go to destinations: compares what the value of a person is now with
//!   what was last sent. The readers of destinations deliver what is journalled.
//! - Conditions of audiences that ask for lists: compares the answer with what was last found.
//! - Product-based audiences: looks for their people anew when they are due (`likely`).
//!
//! Whom to look at is a hint and no truth: people whom entries have touched come at once, and a
//! sweep looks at everybody where a definition, the model or the catalog has changed, after the
//! start, and once a day. So nothing has to be remembered of who is due.

mod asking;
mod compare;
mod likely;
mod lists;
mod plan;
mod questions;
mod status;
mod sweep;

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::UserIdx;
use parking_lot::{Mutex, MutexGuard};
use serving::{RequestBudget, Serving};
use state::{Due, FoundAnswers, PreparedEntry, SentValue};

pub(crate) use self::asking::ListAnswers;
use self::compare::Comparison;
use self::likely::Searches;
use self::plan::Plan;
pub use self::status::{LastSweep, SweepStatus, SyncStatus};
use self::sweep::{Changes, Sweep};
use crate::list_maker::ListMaker;
use crate::pace::Pace;
use crate::shared::{Health, Shared};
use crate::writer::Writer;
use crate::{
    BackgroundThread, BackgroundWork, EngineError, Entry, Next, Signals, SubmitError, ThreadStatus,
};

/// The most people of a sweep who are compared before anything else is looked at.
const PEOPLE_PER_STEP: usize = 2_048;
/// The most people whom entries have touched who are compared at once: the first one's list waits
/// for that of the last.
const DUE_PER_STEP: usize = 512;
/// About the most bytes of values that are journalled together.
const SUBMISSION_BYTES: usize = 1_024 * 1_024;
/// How many entries with answers are journalled together.
const ANSWERS_PER_SUBMISSION: usize = 4;
/// The longest wait for something to do, after which the configuration is looked at.
const WAIT_MAX: Duration = Duration::from_millis(100);
/// The wait after a failure.
const FAILURE_REST: Duration = Duration::from_secs(1);
/// How long the thread may take to stop.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);

/// The thread that sends traits and audiences of a workspace.
pub(crate) struct Syncing {
    shared: Arc<Shared>,
    /// Held while people are compared and what must leave is journalled.
    at_work: Arc<Mutex<()>>,
    status: Arc<Mutex<SyncStatus>>,
    thread: BackgroundThread,
}

impl Syncing {
    pub(crate) fn start(
        shared: &Arc<Shared>,
        writer: &Arc<Writer>,
        serving: &Arc<Serving>,
    ) -> Self {
        let (at_work, status) = (Arc::default(), Arc::default());
        let journal_time = shared.live.snapshot().setup.clock.time();
        let times_at = journal_time.bound(shared.clock.now());
        let work = Reconciler {
            shared: Arc::clone(shared),
            writer: Arc::clone(writer),
            serving: Arc::clone(serving),
            at_work: Arc::clone(&at_work),
            status: Arc::clone(&status),
            plan: Plan::default(),
            changes: Changes::new(Instant::now(), times_at),
            makes_lists: false,
            sweep: None,
            searches: Searches::default(),
            pace: Pace::new(Instant::now()),
        };
        let thread = BackgroundThread::start(work).expect("threads can be started");
        Self { shared: Arc::clone(shared), at_work, status, thread }
    }

    /// Nothing is compared or journalled until this is dropped.
    pub(crate) fn pause(&self) -> MutexGuard<'_, ()> {
        self.at_work.lock()
    }

    pub(crate) fn status(&self) -> SyncStatus {
        SyncStatus { waiting: self.shared.due.len(), ..self.status.lock().clone() }
    }

    /// How the thread is doing.
    pub(crate) fn thread_status(&self) -> ThreadStatus {
        self.thread.log().status()
    }

    pub(crate) fn stop(&self) {
        self.thread.stop();
    }
}

/// The work of the thread.
struct Reconciler {
    shared: Arc<Shared>,
    writer: Arc<Writer>,
    serving: Arc<Serving>,
    at_work: Arc<Mutex<()>>,
    status: Arc<Mutex<SyncStatus>>,
    plan: Plan,
    changes: Changes,
    /// Whether lists can be made by the model in use.
    makes_lists: bool,
    sweep: Option<Sweep>,
    searches: Searches,
    pace: Pace,
}

/// What a step has found to do.
enum Worked {
    Something,
    Nothing,
}

impl BackgroundWork for Reconciler {
    fn name(&self) -> &'static str {
        "sync"
    }

    fn task(&self) -> &'static str {
        "Sends changed traits and audiences to destinations"
    }

    fn stop_time_max(&self) -> Duration {
        STOP_TIME_MAX
    }

    fn step(&mut self, signals: &Signals) -> Next {
        if signals.is_stopping() {
            return Next::End;
        }
        // The journal's own thread tries again after a full disk.
        if self.shared.health() != Health::Ready {
            return Next::Rest(FAILURE_REST);
        }
        let at_work = Arc::clone(&self.at_work);
        let Some(lock) = at_work.try_lock() else { return Next::Rest(WAIT_MAX) };
        let worked = self.work();
        drop(lock);
        match worked {
            Ok(Worked::Something) => Next::Step,
            Ok(Worked::Nothing) => {
                signals.await_work(|| self.shared.due.wait(self.rest()));
                Next::Step
            }
            Err(error) => {
                signals.fail(&error.to_string());
                tracing::warn!(%error, "traits and audiences are not sent: it is tried again");
                Next::Rest(FAILURE_REST)
            }
        }
    }
}

impl Reconciler {
    fn work(&mut self) -> Result<Worked, EngineError> {
        self.follow();
        let people = self.shared.due.take(DUE_PER_STEP);
        let is_anybody = !people.is_empty();
        if is_anybody && let Err(error) = self.send_changed(&people, None) {
            self.shared.due.put_back(people);
            return Err(error);
        }
        let began = Instant::now();
        let mut looks_at_everybody = false;
        if self.pace.rest(began).is_zero() {
            looks_at_everybody = self.sweep.is_some();
            self.sweep_on()?;
            looks_at_everybody |= self.search_on()?;
            self.pace.note(began.elapsed(), self.shared.run_delay.share(), Instant::now());
        }
        Ok(if is_anybody || looks_at_everybody { Worked::Something } else { Worked::Nothing })
    }

    /// Follows the configuration, and begins a sweep where everybody may be due.
    fn follow(&mut self) {
        let snapshot = self.shared.live.snapshot();
        let catalog = snapshot.catalog.revision();
        let active_model = snapshot.setup.active_model.clone();
        let new_plan = (!self.plan.is_current(&snapshot)).then(|| Plan::read(&snapshot));
        drop(snapshot);
        let mut due = Vec::new();
        if let Some(plan) = new_plan {
            due.extend(plan.changed_since(&self.plan));
            self.plan = plan;
        }
        // After the start, and while the model is lost, lists are other ones than they will be.
        let model = self.serving.model().map(|model| model.version.clone());
        let model = (model == active_model).then_some(model);
        self.makes_lists = model.is_some();
        let is_all = self.shared.due.take_overflow();
        due.extend(self.changes.find_due(&self.plan, model, catalog, is_all, Instant::now()));
        due.extend(self.changes.find_timed(&self.plan, self.shared.clock.now()));
        if self.plan.is_empty() {
            self.sweep = None;
        } else if !due.is_empty() {
            let now = self.shared.clock.now();
            let n_people = self.shared.live.snapshot().profiles.ids().n_users() as u32;
            self.sweep.get_or_insert_with(|| Sweep::new(now)).add(due, n_people);
        }
        self.status.lock().sweep = self.sweep.as_ref().map(Sweep::status);
    }

    /// Looks at the next people of the sweep.
    fn sweep_on(&mut self) -> Result<(), EngineError> {
        let Some(mut sweep) = self.sweep.take() else { return Ok(()) };
        let snapshot = self.shared.live.snapshot();
        let ids = snapshot.profiles.ids();
        let step = sweep.next_step(ids.n_users() as u32, PEOPLE_PER_STEP as u32);
        let people: Vec<(UserIdx, Due)> = step
            .clone()
            .map(UserIdx)
            .filter(|user| ids.is_alive(*user))
            .map(|user| (user, Due { traits: true, audiences: true }))
            .collect();
        drop(snapshot);
        let sent = self.send_changed(&people, Some(&sweep));
        if sent.is_ok() {
            sweep.advance(step.len() as u32);
        }
        if sweep.is_done() {
            self.changes.note_pass(sweep.took());
            self.status.lock().last_sweep = Some(sweep.ended(self.shared.clock.now()));
        } else {
            self.sweep = Some(sweep);
        }
        sent
    }

    /// Compares people, and journals what has changed; of a sweep only for the aims that it has.
    fn send_changed(
        &self,
        people: &[(UserIdx, Due)],
        sweep: Option<&Sweep>,
    ) -> Result<(), EngineError> {
        let aims = sweep.map(|sweep| &sweep.aims);
        let comparison = Comparison {
            shared: &self.shared,
            lists: ListMaker {
                shared: &self.shared,
                serving: &self.serving,
                now: self.shared.clock.now(),
            },
            budget: Arc::new(RequestBudget::unlimited()),
            subjects: self.plan.subjects(aims, self.makes_lists),
            questions: self.plan.questions(aims, self.makes_lists),
        };
        let (values, answers) = comparison.find_changed(people)?;
        self.submit_values(values)?;
        self.submit_answers(answers)
    }

    fn submit_values(&self, values: Vec<SentValue>) -> Result<(), SubmitError> {
        let mut values = values.into_iter().peekable();
        while values.peek().is_some() {
            let (mut entries, mut bytes) = (Vec::new(), 0);
            while let Some(value) = values.next_if(|_| bytes < SUBMISSION_BYTES) {
                bytes += value.text_bytes();
                entries.push(PreparedEntry::unmapped(Entry::Sync(Box::new(value))));
            }
            let n_values = entries.len() as u64;
            self.submit(entries)?;
            metrics::counter!("sync_values_total").increment(n_values);
        }
        Ok(())
    }

    fn submit_answers(&self, answers: Vec<FoundAnswers>) -> Result<(), EngineError> {
        let mut answers = answers.into_iter().peekable();
        while answers.peek().is_some() {
            let some = answers.by_ref().take(ANSWERS_PER_SUBMISSION);
            let entries = some.map(|found| Entry::Found(Box::new(found)));
            self.submit(entries.map(PreparedEntry::unmapped).collect())?;
        }
        Ok(())
    }

    /// Journals entries and waits until they are applied: the next comparison must see them.
    fn submit(&self, entries: Vec<PreparedEntry>) -> Result<(), SubmitError> {
        let submitted = self.writer.submit(&self.shared, entries)?;
        submitted.blocking_recv().unwrap_or(Err(SubmitError::Stopping))?;
        Ok(())
    }

    /// How long there is nothing to do, unless somebody becomes due.
    fn rest(&self) -> Duration {
        match &self.sweep {
            Some(_) => self.pace.rest(Instant::now()).min(WAIT_MAX),
            None => WAIT_MAX,
        }
    }
}
