//! Long work of workspaces as jobs: who started each, how far it is, and how it ended. A few run at
//! once, each on a thread of its own; the others wait. Jobs are of this process: they end when the
//! server stops, and nothing of them is journalled but what they do.

mod download;
mod job;
mod registry;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::WorkspaceId;
use engine::Clock;
use engine::installation::Actor;
use parking_lot::Mutex;
use uuid::Uuid;

pub use self::job::{Job, JobFile, JobKind, JobOutcome, JobProgress, JobState};
pub use self::registry::{
    ENDED_KEPT_MAX, ENDED_KEPT_MS, FILES_KEPT_MAX, RUNNING_IN_WORKSPACE_MAX, RUNNING_MAX,
    WAITING_BYTES_MAX, WAITING_IN_WORKSPACE_MAX, WAITING_MAX,
};
use self::registry::{Registry, Work};
use crate::access::Who;
use crate::error::ApiError;

/// A job that is to be started.
#[derive(Clone)]
pub struct NewJob {
    /// The id.
    pub id: Uuid,
    /// The workspace whose job it is.
    pub workspace: WorkspaceId,
    /// The kind of work.
    pub kind: JobKind,
    /// Who starts it.
    pub started_by: Who,
    /// The memory that the work holds while it waits, in bytes.
    pub n_bytes: usize,
    /// What makes asking again lead to the same job; none where each is work of its own.
    pub once: Option<Once>,
}

/// Work of which there is one job in a workspace, by a name that says what the work is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Once {
    /// As long as the job waits or runs.
    UnderWay(String),
    /// Also once it is done, until it is forgotten. One that failed or was cancelled may be
    /// repeated.
    Done(String),
}

impl NewJob {
    /// A job with a new id, which holds next to nothing while it waits.
    pub fn new(workspace: WorkspaceId, kind: JobKind, started_by: Actor) -> Self {
        let started_by = Who::from(&started_by);
        Self { id: Uuid::new_v4(), workspace, kind, started_by, n_bytes: 0, once: None }
    }

    /// A job that the server begins by itself.
    pub fn of_server(workspace: WorkspaceId, kind: JobKind) -> Self {
        Self {
            id: Uuid::new_v4(),
            workspace,
            kind,
            started_by: Who::SERVER,
            n_bytes: 0,
            once: None,
        }
    }
}

/// The jobs of all workspaces.
#[derive(Clone)]
pub struct Jobs(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    /// The server stops.
    is_stopping: Arc<AtomicBool>,
    registry: Mutex<Registry>,
}

impl Jobs {
    /// No jobs yet. Those that run are cancelled once `is_stopping` is true, and no further ones
    /// begin.
    pub fn new(clock: Arc<dyn Clock>, is_stopping: Arc<AtomicBool>) -> Self {
        Self(Arc::new(Shared { clock, is_stopping, registry: Mutex::default() }))
    }

    /// Starts a job, or lets it wait for others to end. Work that never begins, since it is
    /// cancelled before, is dropped; so is work of which there is a job already, which is the one
    /// that is returned.
    ///
    /// # Errors
    /// 429 where too many wait already, 503 where the server stops.
    pub fn start(
        &self,
        new: NewJob,
        work: impl FnOnce(&JobControl) -> Result<JobOutcome, ApiError> + Send + 'static,
    ) -> Result<Job, ApiError> {
        if self.is_stopping() {
            return Err(ApiError::unavailable("the server is stopping"));
        }
        let workspace = new.workspace.clone();
        let id = self.0.registry.lock().add(new, Box::new(work), self.0.clock.now())?;
        self.begin_next();
        self.find(&workspace, id).ok_or_else(ApiError::internal)
    }

    /// Does work of a background thread on that thread, as a job that begins at once: how many
    /// there are is limited by the threads. Of the jobs of a workspace that the server has begun,
    /// the last one is kept.
    pub fn attend<T>(&self, new: NewJob, work: impl FnOnce(&JobControl) -> Attended<T>) -> T {
        self.attend_all(vec![new], |controls| {
            let Attended { ended, value } = work(&controls[0]);
            (vec![ended], value)
        })
    }

    /// As [`Jobs::attend`], with work that is several jobs at once: it returns how each ends, in
    /// their order. Together they take the place of one among those that may run at once.
    pub fn attend_all<T>(
        &self,
        new: Vec<NewJob>,
        work: impl FnOnce(&[JobControl]) -> (Vec<Result<JobOutcome, ApiError>>, T),
    ) -> T {
        let cancels = self.0.registry.lock().add_running(&new, self.0.clock.now());
        let control =
            |(new, cancel): (NewJob, _)| JobControl { jobs: self.clone(), id: new.id, cancel };
        let controls: Vec<JobControl> = new.into_iter().zip(cancels).map(control).collect();
        let done = catch_unwind(AssertUnwindSafe(|| work(&controls)));
        let (ended, value) = match done {
            Ok((ended, value)) => (ended, Ok(value)),
            Err(panic) => (Vec::new(), Err(panic)),
        };
        let ended = ended.into_iter().map(Some).chain(std::iter::repeat_with(|| None));
        for (control, ended) in controls.iter().zip(ended) {
            control.end(ended.unwrap_or_else(|| Err(ApiError::internal())));
        }
        self.begin_next();
        // The thread counts its panics.
        value.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// The jobs of a workspace, the latest first.
    pub fn list(&self, workspace: &WorkspaceId) -> Vec<Job> {
        let registry = self.0.registry.lock();
        registry.of(workspace).rev().cloned().collect()
    }

    /// A job of a workspace; none if the id is unknown, or it ended too long ago.
    pub fn find(&self, workspace: &WorkspaceId, id: Uuid) -> Option<Job> {
        let registry = self.0.registry.lock();
        registry.of(workspace).find(|job| job.id == id).cloned()
    }

    /// The job that asking for this work again leads to.
    pub fn find_once(&self, workspace: &WorkspaceId, once: &Once) -> Option<Job> {
        self.0.registry.lock().find_once(workspace, once).cloned()
    }

    /// The file that a job has made.
    pub fn file(&self, workspace: &WorkspaceId, id: Uuid) -> Option<Arc<JobFile>> {
        self.0.registry.lock().file(workspace, id)
    }

    /// Cancels a job: one that waits at once, one that runs at its next step. One that has ended
    /// stays as it is. The job as it is now; none if the id is unknown.
    pub fn cancel(&self, workspace: &WorkspaceId, id: Uuid) -> Option<Job> {
        // The work is dropped without the lock: it may hold much.
        let _work = self.0.registry.lock().cancel(workspace, id, self.0.clock.now());
        self.find(workspace, id)
    }

    /// Cancels and forgets all jobs of a workspace that is removed.
    pub fn forget_workspace(&self, workspace: &WorkspaceId) {
        let _works = self.0.registry.lock().forget_workspace(workspace);
    }

    /// Removes the files that jobs of a workspace have made, and returns how many there were.
    pub fn drop_files(&self, workspace: &WorkspaceId) -> u64 {
        self.0.registry.lock().drop_files(workspace)
    }

    /// Forgets jobs that ended too long ago, with their files. Should be called every few minutes.
    pub fn forget_old(&self) {
        self.0.registry.lock().forget_old(self.0.clock.now());
    }

    fn is_stopping(&self) -> bool {
        self.0.is_stopping.load(Ordering::Relaxed)
    }

    /// Begins as many jobs as may run now.
    fn begin_next(&self) {
        while !self.is_stopping() {
            let next = self.0.registry.lock().begin_next(self.0.clock.now());
            let Some((id, cancel, work)) = next else { return };
            let control = JobControl { jobs: self.clone(), id, cancel };
            let (jobs, span) = (self.clone(), tracing::info_span!("job", job.id = %id));
            let run = move || {
                let _in_span = span.enter();
                let ended = run(&control, work);
                control.end(ended);
                control.jobs.begin_next();
            };
            if let Err(error) = std::thread::Builder::new().name("job".to_owned()).spawn(run) {
                tracing::error!(%error, "no thread for a job");
                let why = ApiError::unavailable("the operating system gives no thread for the job");
                jobs.0.registry.lock().end(id, Err(why), false, jobs.0.clock.now());
            }
        }
    }
}

fn run(control: &JobControl, work: Work) -> Result<JobOutcome, ApiError> {
    control.check()?;
    // What the work holds is dropped before its job is shown as ended.
    catch_unwind(AssertUnwindSafe(move || work(control))).unwrap_or_else(|_| {
        tracing::error!("a job panicked");
        Err(ApiError::internal())
    })
}

/// What the work of a background thread has come to.
pub struct Attended<T> {
    /// How its job ends.
    pub ended: Result<JobOutcome, ApiError>,
    /// What the thread learns of it.
    pub value: T,
}

/// What the work of a job tells, and is told.
pub struct JobControl {
    jobs: Jobs,
    id: Uuid,
    cancel: Arc<AtomicBool>,
}

impl JobControl {
    /// The id of the job.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Tells how far the job is: the share done, from 0 to 1, and a sentence about what it does.
    pub fn tell(&self, share: f64, doing: impl Into<String>) {
        let progress = JobProgress { share: share.clamp(0.0, 1.0), doing: doing.into() };
        self.jobs.0.registry.lock().set_progress(self.id, progress);
    }

    /// Whether the job was cancelled, or the server stops.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed) || self.jobs.is_stopping()
    }

    /// Checks that the job may go on. Work asks this before each of its steps, at least every
    /// second.
    ///
    /// # Errors
    /// If it was cancelled, or the server stops.
    pub fn check(&self) -> Result<(), ApiError> {
        match self.is_cancelled() {
            false => Ok(()),
            true if self.jobs.is_stopping() => {
                Err(ApiError::unavailable("the server stopped before the job had ended"))
            }
            true => Err(ApiError::unavailable("the job was cancelled")),
        }
    }

    fn end(&self, ended: Result<JobOutcome, ApiError>) {
        let now = self.jobs.0.clock.now();
        if let Err(error) = &ended {
            tracing::info!(why = error.message, "a job ended without a result");
        }
        self.jobs.0.registry.lock().end(self.id, ended, self.is_cancelled(), now);
    }
}

#[cfg(test)]
mod tests;
