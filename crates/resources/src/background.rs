//! The threads that work beside the requests: what they do, when they last did it, and what failed.

use domain::{Timestamp, WorkspaceId};
use engine::{Activity, Engine, Failures, ThreadStatus};
use serde::Serialize;
use web::App;

/// A background thread.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct BackgroundThread {
    /// Its name, as in the log and the metrics.
    pub name: &'static str,
    /// What it does.
    pub task: &'static str,
    /// What it is at.
    pub activity: ThreadActivity,
    /// When that began.
    pub since: Timestamp,
    /// The number of steps that it has done since the server started.
    pub steps: u64,
    /// When its last step ended; none before the first has.
    pub last_step_at: Option<Timestamp>,
    /// How long it was at work in its last step, in milliseconds.
    pub last_step_ms: Option<f64>,
    /// Whether what it last did failed.
    pub is_failing: bool,
    /// The number of failures since the server started.
    pub failures: u64,
    /// The last failure, of what still fails before what is well again.
    pub last_failure: Option<ThreadFailure>,
}

/// The present activity of a background thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThreadActivity {
    /// It waits until its next step is due, or for something to do.
    Waiting,
    /// It is at work.
    AtWork,
    /// It has ended, and does nothing any more until the server is started again.
    Ended,
}

/// A failure of a background thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ThreadFailure {
    /// When it was.
    pub at: Timestamp,
    /// The workspace that the thread worked for; none where it worked for no single one.
    #[schema(value_type = Option<String>)]
    pub workspace: Option<WorkspaceId>,
    /// The error.
    pub text: String,
}

/// The threads that work for all workspaces, and those of the engine. What failed for a workspace
/// is told only where `is_seen` says so.
pub(crate) fn list(
    app: &App,
    engine: &Engine,
    is_seen: impl Fn(&WorkspaceId) -> bool,
) -> Vec<BackgroundThread> {
    let statuses = app.background.statuses().into_iter().chain(engine.threads());
    statuses.map(|status| BackgroundThread::new(status, &is_seen)).collect()
}

impl BackgroundThread {
    fn new(status: ThreadStatus, is_seen: impl Fn(&WorkspaceId) -> bool) -> Self {
        let is_told = |failures: &Failures| failures.workspace.as_ref().is_none_or(&is_seen);
        let told: Vec<Failures> = status.failures.into_iter().filter(is_told).collect();
        let last = told.iter().max_by_key(|failures| (failures.is_failing, failures.last_at));
        Self {
            name: status.name,
            task: status.task,
            activity: status.activity.into(),
            since: status.since,
            steps: status.n_steps,
            last_step_at: status.last_step.map(|step| step.ended_at),
            last_step_ms: status.last_step.map(|step| step.duration.as_micros() as f64 / 1_000.0),
            is_failing: told.iter().any(|failures| failures.is_failing),
            failures: told.iter().map(|failures| failures.n).sum(),
            last_failure: last.map(|failures| ThreadFailure {
                at: failures.last_at,
                workspace: failures.workspace.clone(),
                text: failures.last_text.clone(),
            }),
        }
    }
}

impl From<Activity> for ThreadActivity {
    fn from(activity: Activity) -> Self {
        match activity {
            Activity::Waiting => Self::Waiting,
            Activity::AtWork => Self::AtWork,
            Activity::Ended => Self::Ended,
        }
    }
}
