//! How long the journal of a workspace is kept, and what was cut of it.

use std::sync::Arc;
use std::time::Duration;

use domain::Retention;
use engine::installation::Actor;
use engine::{
    Engine, EngineError, RetentionError, RetentionPlan, RetentionRun, RetentionStep, SnapshotError,
    SnapshotStep,
};
use serde::Serialize;
use web::App;
use web::error::ApiError;
use web::jobs::{Attended, Job, JobControl, JobKind, JobOutcome, NewJob, Once};
use web::workspaces::RequestedWorkspace;

/// How long a run rests before it looks again whether the one before has ended.
const REST: Duration = Duration::from_millis(100);

/// The setting, the journal as it is, and the last run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RetentionReport {
    /// The setting; none keeps everything.
    pub retention: Option<Retention>,
    /// What a run would do now.
    pub plan: RetentionPlan,
    /// Whether segments are archived before they are cut.
    pub is_archived: bool,
    /// The last run that ended; none where there was none.
    pub last_run: Option<RetentionRun>,
}

/// The setting, the journal as it is, what a run would cut, and the last run. `days` takes the
/// place of the setting.
///
/// # Errors
/// 503 where the workspace is closed, 400 where `days` is none that could be set.
pub async fn read(
    workspace: &RequestedWorkspace,
    days: Option<u32>,
) -> Result<RetentionReport, ApiError> {
    if let Some(days) = days {
        let checked = Retention { days }.validate();
        checked.map_err(|what| ApiError::invalid(what).of_parameter("days"))?;
    }
    let read = move |engine: &Engine| {
        Ok(RetentionReport {
            retention: engine.config().retention,
            plan: engine.plan_retention(days)?,
            is_archived: engine.has_archive(),
            last_run: engine.last_retention_run()?,
        })
    };
    workspace.run(read).await
}

/// Cuts what is old as a job. A workspace has one at a time: where one is under way, by a caller
/// or by the server, it is the job that is returned.
///
/// # Errors
/// 400 where the workspace keeps everything; 429 where too many jobs wait.
pub async fn start(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    started_by: Actor,
) -> Result<Job, ApiError> {
    let (app, handle) = (Arc::clone(app), workspace.handle().clone());
    let start = move |engine: &Engine| {
        if engine.config().retention.is_none() {
            return Err(RetentionError::NotSet.into());
        }
        let new = NewJob {
            once: Some(once()),
            ..NewJob::new(engine.id().clone(), JobKind::Retention, started_by)
        };
        let work = move |control: &JobControl| loop {
            let engine = handle.blocking().engine()?;
            match run(&engine, control) {
                // The run before this one is being cancelled, or has just ended.
                Err(RetentionError::AlreadyRunning) => {
                    drop(engine);
                    control.check()?;
                    control.tell(0.0, "waits for the run before this one to end");
                    std::thread::sleep(REST);
                }
                done => break outcome(&done, control),
            }
        };
        app.jobs.start(new, work)
    };
    workspace.run(start).await
}

/// Does a run that is due, as a job that callers can cancel, on a thread of the server.
///
/// # Errors
/// As [`Engine::run_retention`]; also where a job of a caller waits or runs.
pub fn run_due(app: &App, engine: &Arc<Engine>) -> Result<RetentionRun, RetentionError> {
    if app.jobs.find_once(engine.id(), &once()).is_some() {
        return Err(RetentionError::AlreadyRunning);
    }
    let new =
        NewJob { once: Some(once()), ..NewJob::of_server(engine.id().clone(), JobKind::Retention) };
    app.jobs.attend(new, |control| {
        let done = run(engine, control);
        Attended { ended: outcome(&done, control), value: done }
    })
}

/// A workspace has one run at a time.
fn once() -> Once {
    Once::UnderWay("retention".to_owned())
}

fn run(engine: &Engine, control: &JobControl) -> Result<RetentionRun, RetentionError> {
    engine.run_retention(&|step| {
        let (share, doing) = describe(step);
        control.tell(share, doing);
        if control.is_cancelled() { Err(engine::Cancelled) } else { Ok(()) }
    })
}

/// The share done, and a sentence. The fold for the check takes most of the time.
fn describe(step: RetentionStep) -> (f64, &'static str) {
    let part = |done: u64, total: u64| done as f64 / total.max(1) as f64;
    match step {
        RetentionStep::Snapshot(SnapshotStep::Write(_)) => (0.0, "writes a snapshot of the state"),
        RetentionStep::Snapshot(SnapshotStep::Fold(done, total)) => {
            let doing = "folds the journal, to check the snapshot";
            (0.1 + 0.6 * part(done, total), doing)
        }
        RetentionStep::Snapshot(SnapshotStep::Compare(_)) => {
            (0.7, "compares the snapshot with the fold")
        }
        RetentionStep::Archive(done, total) => {
            (0.8 + 0.2 * part(done, total), "archives and cuts the journal's beginning")
        }
    }
}

/// How the job of a run ends.
fn outcome(
    done: &Result<RetentionRun, RetentionError>,
    control: &JobControl,
) -> Result<JobOutcome, ApiError> {
    match done {
        Ok(run) => Ok(JobOutcome::of(run)),
        Err(error) => {
            if is_cancelled(error) {
                control.check()?;
            }
            Err(error.into())
        }
    }
}

/// Whether a run was cut short.
pub fn is_cancelled(error: &RetentionError) -> bool {
    matches!(error, RetentionError::Engine(EngineError::Snapshot(SnapshotError::Cancelled(_))))
}
