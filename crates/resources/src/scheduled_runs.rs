//! Work that is done again and again, as jobs: a caller's or the server's, with a record of the
//! last run.

use std::sync::Arc;

use engine::installation::Actor;
use engine::{Engine, Scheduled, ScheduledRun};
use web::App;
use web::error::ApiError;
use web::jobs::{Attended, Job, JobControl, JobKind, JobOutcome, NewJob, Once};
use web::workspaces::WorkspaceHandle;

use crate::progress::Progress;

/// What a run has come to.
pub(crate) struct Done {
    /// In words.
    pub(crate) outcome: String,
    /// The number of its rows.
    pub(crate) n_rows: u64,
    /// The number of rows that were left out.
    pub(crate) n_skipped: u64,
}

/// Finds the engine of a workspace, for each piece of work anew: nobody waits for a run to close
/// the workspace.
pub type FindEngine<'a> = dyn Fn() -> Result<Arc<Engine>, ApiError> + 'a;

/// One thing that is done again and again. A workspace has one run of it at a time.
pub(crate) struct ScheduledWork {
    pub(crate) what: Scheduled,
    pub(crate) name: String,
    pub(crate) workspace: WorkspaceHandle,
}

impl ScheduledWork {
    /// Starts a run as a job of a caller, whose result is a [`ScheduledRun`]. Where one is under
    /// way, by a caller or by the server, it is that job.
    ///
    /// # Errors
    /// 429 where too many jobs wait.
    pub(crate) fn start(
        self,
        app: &App,
        started_by: Actor,
        work: impl FnOnce(&JobControl) -> Result<Done, ApiError> + Send + 'static,
    ) -> Result<Job, ApiError> {
        let new = NewJob {
            once: Some(self.once()),
            ..NewJob::new(self.workspace.id().clone(), self.kind(), started_by)
        };
        app.jobs.start(new, move |control| self.run(control, work).map(|run| JobOutcome::of(&run)))
    }

    /// Does a run that is due, as a job that callers can cancel, on a thread of the server. Nothing
    /// is done where a job of a caller does it.
    ///
    /// # Errors
    /// Those of the work. The record says so.
    pub(crate) fn run_due(
        &self,
        app: &Arc<App>,
        work: impl FnOnce(&JobControl) -> Result<Done, ApiError>,
    ) -> Result<(), ApiError> {
        let id = self.workspace.id();
        if app.jobs.find_once(id, &self.once()).is_some() {
            return Ok(());
        }
        let new = NewJob { once: Some(self.once()), ..NewJob::of_server(id.clone(), self.kind()) };
        app.jobs.attend(new, |control| {
            let done = self.run(control, work);
            let value = done.as_ref().map(drop).map_err(Clone::clone);
            Attended { ended: done.map(|run| JobOutcome::of(&run)), value }
        })
    }

    fn run(
        &self,
        control: &JobControl,
        work: impl FnOnce(&JobControl) -> Result<Done, ApiError>,
    ) -> Result<ScheduledRun, ApiError> {
        let find_engine = || Ok(self.workspace.blocking().engine()?);
        let work = || work(control);
        run_recorded(self.what, &self.name, &find_engine, control, work)
    }

    fn kind(&self) -> JobKind {
        match self.what {
            Scheduled::Exports => JobKind::Export,
            Scheduled::Feeds => JobKind::Import,
        }
    }

    fn once(&self) -> Once {
        once(self.what, &self.name)
    }
}

/// What one run at a time has in common, by the name of what is done.
pub(crate) fn once(what: Scheduled, name: &str) -> Once {
    let what = match what {
        Scheduled::Exports => "scheduled export",
        Scheduled::Feeds => "feed",
    };
    Once::UnderWay(format!("{what} {name}"))
}

/// Does the work and records the run, unless it was cancelled.
pub(crate) fn run_recorded(
    what: Scheduled,
    name: &str,
    find_engine: &FindEngine<'_>,
    progress: &dyn Progress,
    work: impl FnOnce() -> Result<Done, ApiError>,
) -> Result<ScheduledRun, ApiError> {
    let started_at = find_engine()?.now();
    let done = work();
    if done.is_err() {
        progress.check()?;
    }
    let engine = find_engine()?;
    let (outcome, n_rows, n_skipped, error) = match &done {
        Ok(Done { outcome, n_rows, n_skipped }) => {
            (Some(outcome.clone()), *n_rows, *n_skipped, None)
        }
        Err(error) => (None, 0, 0, Some(error.message.clone())),
    };
    let ended_at = engine.now();
    let run = ScheduledRun { started_at, ended_at, n_rows, n_skipped, outcome, error };
    engine.record_scheduled_run(what, name, run.clone())?;
    done.map(|_| run)
}
