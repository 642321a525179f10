//! Work that is done again and again, as jobs: a caller's or the server's, with a record of the
//! last run.

use std::sync::Arc;

use engine::installation::Actor;
use engine::{Scheduled, ScheduledRun};
use web::App;
use web::error::ApiError;
use web::jobs::{Attended, Job, JobControl, JobKind, JobOutcome, NewJob, Once};
use web::workspaces::WorkspaceHandle;

/// What a run has come to, in words, and the number of its rows.
pub(crate) type Done = (String, u64);

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

    /// Does the work and records the run, unless it was cancelled.
    fn run(
        &self,
        control: &JobControl,
        work: impl FnOnce(&JobControl) -> Result<Done, ApiError>,
    ) -> Result<ScheduledRun, ApiError> {
        let started_at = self.workspace.blocking().engine()?.now();
        let done = work(control);
        if done.is_err() {
            control.check()?;
        }
        let (outcome, n_rows, error) = match &done {
            Ok((outcome, n_rows)) => (Some(outcome.clone()), *n_rows, None),
            Err(error) => (None, 0, Some(error.message.clone())),
        };
        let engine = self.workspace.blocking().engine()?;
        let run = ScheduledRun { started_at, ended_at: engine.now(), n_rows, outcome, error };
        engine.record_scheduled_run(self.what, &self.name, run.clone())?;
        done.map(|_| run)
    }

    fn kind(&self) -> JobKind {
        match self.what {
            Scheduled::Exports => JobKind::Export,
            Scheduled::Feeds => JobKind::Import,
        }
    }

    fn once(&self) -> Once {
        let what = match self.what {
            Scheduled::Exports => "scheduled export",
            Scheduled::Feeds => "feed",
        };
        Once::UnderWay(format!("{what} {}", self.name))
    }
}
