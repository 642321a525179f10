//! The jobs that wait, run and have ended, and the limits on them.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::{Timestamp, WorkspaceId, counted};
use uuid::Uuid;

use super::{Job, JobControl, JobFile, JobOutcome, JobProgress, JobState, NewJob, Once};
use crate::access::Who;
use crate::error::{ApiError, Problem};

/// The most jobs that run at once.
pub const RUNNING_MAX: usize = 4;
/// The most jobs of one workspace that run at once.
pub const RUNNING_IN_WORKSPACE_MAX: usize = 2;
/// The most jobs that wait.
pub const WAITING_MAX: usize = 64;
/// The most jobs of one workspace that wait.
pub const WAITING_IN_WORKSPACE_MAX: usize = 8;
/// The most memory that the work of jobs that wait may hold, in bytes.
pub const WAITING_BYTES_MAX: usize = 512 * 1_024 * 1_024;
/// The most jobs of one workspace that are kept once they have ended; the oldest are forgotten.
pub const ENDED_KEPT_MAX: usize = 20;
/// The most files of the jobs of one workspace that are kept; the oldest are removed.
pub const FILES_KEPT_MAX: usize = 4;
/// How long jobs that have ended are kept with their files, in milliseconds.
pub const ENDED_KEPT_MS: i64 = 24 * 3_600 * 1_000;

/// The work of a job.
pub(super) type Work =
    Box<dyn FnOnce(&JobControl) -> Result<JobOutcome, ApiError> + Send + 'static>;

/// All jobs, oldest first.
#[derive(Default)]
pub(super) struct Registry(VecDeque<Entry>);

struct Entry {
    workspace: WorkspaceId,
    job: Job,
    cancel: Arc<AtomicBool>,
    /// What is to be done, until it begins.
    work: Option<Work>,
    n_bytes: usize,
    once: Option<Once>,
    file: Option<Arc<JobFile>>,
    /// Its work is that of another job, on the same thread: it takes no place of its own.
    shares_thread: bool,
}

impl Registry {
    /// The id of the job: of the one that does the same work already, where there is one.
    pub(super) fn add(
        &mut self,
        new: NewJob,
        work: Work,
        now: Timestamp,
    ) -> Result<Uuid, ApiError> {
        self.forget_old(now);
        let NewJob { id, workspace, n_bytes, once, .. } = &new;
        let (id, n_bytes) = (*id, *n_bytes);
        if let Some(same) = once.as_ref().and_then(|once| self.find_once(workspace, once)) {
            return Ok(same.id);
        }
        let waiting = || self.0.iter().filter(|entry| entry.job.state == JobState::Waiting);
        let n_own = waiting().filter(|entry| entry.workspace == *workspace).count();
        let n_held: usize = waiting().map(|entry| entry.n_bytes).sum();
        if n_own >= WAITING_IN_WORKSPACE_MAX || waiting().count() >= WAITING_MAX {
            let wait = counted(waiting().count() as u64, "job", "jobs");
            let message = format!("{wait} wait already: start another when they have run");
            return Err(ApiError::too_many_requests(message));
        }
        if n_held > 0 && n_held + n_bytes > WAITING_BYTES_MAX {
            let message = "the jobs that wait hold as much memory as they may: try again later";
            return Err(ApiError::too_many_requests(message));
        }
        self.0.push_back(Entry { work: Some(work), ..Entry::new(new, now) });
        Ok(id)
    }

    pub(super) fn find_once(&self, workspace: &WorkspaceId, once: &Once) -> Option<&Job> {
        let is_same = |entry: &&Entry| {
            let counts = match entry.job.state {
                JobState::Waiting | JobState::Running => !entry.job.is_being_cancelled,
                JobState::Done => matches!(once, Once::Done(_)),
                JobState::Failed | JobState::Cancelled => false,
            };
            counts && entry.workspace == *workspace && entry.once.as_ref() == Some(once)
        };
        self.0.iter().find(is_same).map(|entry| &entry.job)
    }

    /// Adds jobs of a workspace that run already, together on a thread of the server: the flags
    /// that cancel them.
    pub(super) fn add_running(&mut self, new: &[NewJob], now: Timestamp) -> Vec<Arc<AtomicBool>> {
        self.forget_old(now);
        let is_earlier = |entry: &Entry| {
            new.iter().any(|new| new.workspace == entry.workspace)
                && entry.job.started_by == Who::SERVER
                && entry.job.state.has_ended()
        };
        self.0.retain(|entry| !is_earlier(entry));
        let mut cancels = Vec::with_capacity(new.len());
        for (n, new) in new.iter().enumerate() {
            let mut entry = Entry { shares_thread: n > 0, ..Entry::new(new.clone(), now) };
            entry.begin(now);
            cancels.push(Arc::clone(&entry.cancel));
            self.0.push_back(entry);
        }
        cancels
    }

    pub(super) fn of(&self, workspace: &WorkspaceId) -> impl DoubleEndedIterator<Item = &Job> {
        self.0.iter().filter(move |entry| entry.workspace == *workspace).map(|entry| &entry.job)
    }

    pub(super) fn file(&self, workspace: &WorkspaceId, id: Uuid) -> Option<Arc<JobFile>> {
        let is_it = |entry: &&Entry| entry.workspace == *workspace && entry.job.id == id;
        self.0.iter().find(is_it)?.file.clone()
    }

    /// Begins the job that has waited longest of those that may run.
    pub(super) fn begin_next(&mut self, now: Timestamp) -> Option<(Uuid, Arc<AtomicBool>, Work)> {
        let running = |entry: &&Entry| entry.job.state == JobState::Running && !entry.shares_thread;
        if self.0.iter().filter(running).count() >= RUNNING_MAX {
            return None;
        }
        let may_run = |entry: &Entry| {
            let of_workspace = |other: &&Entry| other.workspace == entry.workspace;
            let n_running = self.0.iter().filter(running).filter(of_workspace).count();
            entry.work.is_some() && n_running < RUNNING_IN_WORKSPACE_MAX
        };
        let at = self.0.iter().position(may_run)?;
        let entry = &mut self.0[at];
        entry.begin(now);
        Some((entry.job.id, Arc::clone(&entry.cancel), entry.work.take()?))
    }

    pub(super) fn set_progress(&mut self, id: Uuid, progress: JobProgress) {
        if let Some(entry) = self.entry(id) {
            entry.job.progress = progress;
        }
    }

    pub(super) fn end(
        &mut self,
        id: Uuid,
        ended: Result<JobOutcome, ApiError>,
        was_cancelled: bool,
        now: Timestamp,
    ) {
        // A job that is forgotten leaves no file: it is dropped here.
        let Some(entry) = self.entry(id) else { return };
        match ended {
            Ok(JobOutcome { result, file }) => {
                entry.job.state = JobState::Done;
                entry.job.progress = JobProgress { share: 1.0, doing: "done".to_owned() };
                entry.job.result = Some(result);
                entry.file = file.map(Arc::new);
            }
            Err(error) => {
                entry.end_without_result(&error, was_cancelled);
            }
        }
        entry.job.is_being_cancelled = false;
        entry.job.ended_at = Some(now);
        let workspace = entry.workspace.clone();
        self.forget_surplus(&workspace);
    }

    /// The work of a job that will not begin.
    pub(super) fn cancel(
        &mut self,
        workspace: &WorkspaceId,
        id: Uuid,
        now: Timestamp,
    ) -> Option<Work> {
        let entry = self.entry(id).filter(|entry| entry.workspace == *workspace)?;
        if entry.job.state.has_ended() {
            return None;
        }
        entry.cancel.store(true, Ordering::Relaxed);
        entry.job.is_being_cancelled = true;
        let work = entry.work.take()?;
        entry.end_without_result(&ApiError::unavailable("the job was cancelled"), true);
        entry.job.is_being_cancelled = false;
        entry.job.ended_at = Some(now);
        self.forget_surplus(workspace);
        Some(work)
    }

    pub(super) fn forget_workspace(&mut self, workspace: &WorkspaceId) -> Vec<Work> {
        let (own, others) =
            self.0.drain(..).partition::<VecDeque<_>, _>(|entry| entry.workspace == *workspace);
        self.0 = others;
        let cancel = |entry: Entry| {
            entry.cancel.store(true, Ordering::Relaxed);
            entry.work
        };
        own.into_iter().filter_map(cancel).collect()
    }

    pub(super) fn drop_files(&mut self, workspace: &WorkspaceId) -> u64 {
        let own = self.0.iter_mut().filter(|entry| entry.workspace == *workspace);
        own.filter_map(|entry| entry.file.take()).count() as u64
    }

    pub(super) fn forget_old(&mut self, now: Timestamp) {
        let is_old =
            |job: &Job| job.ended_at.is_some_and(|ended_at| now.0 - ended_at.0 > ENDED_KEPT_MS);
        self.0.retain(|entry| !is_old(&entry.job));
    }

    /// Keeps no more of the jobs of a workspace that have ended than may be.
    fn forget_surplus(&mut self, workspace: &WorkspaceId) {
        let own = self.of(workspace);
        let mut ended: Vec<_> = own.filter_map(|job| Some((job.ended_at?, job.id))).collect();
        ended.sort_unstable();
        let n_surplus = ended.len().saturating_sub(ENDED_KEPT_MAX);
        let surplus = &ended[..n_surplus];
        self.0.retain(|entry| !surplus.iter().any(|(_, id)| *id == entry.job.id));
        let has_file = |entry: &&mut Entry| entry.workspace == *workspace && entry.file.is_some();
        let mut with_file: Vec<&mut Entry> = self.0.iter_mut().filter(has_file).collect();
        with_file.sort_unstable_by_key(|entry| Reverse(entry.job.ended_at));
        for entry in with_file.into_iter().skip(FILES_KEPT_MAX) {
            entry.file = None;
        }
    }

    fn entry(&mut self, id: Uuid) -> Option<&mut Entry> {
        self.0.iter_mut().find(|entry| entry.job.id == id)
    }
}

impl Entry {
    fn new(new: NewJob, now: Timestamp) -> Self {
        let NewJob { id, workspace, kind, started_by, n_bytes, once } = new;
        let job = Job {
            id,
            kind,
            started_by,
            state: JobState::Waiting,
            is_being_cancelled: false,
            progress: JobProgress { share: 0.0, doing: "waits for other jobs".to_owned() },
            created_at: now,
            started_at: None,
            ended_at: None,
            result: None,
            error: None,
        };
        let cancel = Arc::default();
        let (work, file, shares_thread) = (None, None, false);
        Self { workspace, job, cancel, work, n_bytes, once, file, shares_thread }
    }

    fn begin(&mut self, now: Timestamp) {
        self.job.state = JobState::Running;
        self.job.started_at = Some(now);
        self.job.progress.doing = "begins".to_owned();
    }

    fn end_without_result(&mut self, error: &ApiError, was_cancelled: bool) {
        self.job.state = if was_cancelled { JobState::Cancelled } else { JobState::Failed };
        self.job.error = Some(Problem::from(error));
    }
}
