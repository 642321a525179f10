use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use domain::Timestamp;
use engine::ManualClock;

use super::*;

/// Jobs with a clock that stands still, and the flag that the server stops.
struct Office {
    jobs: Jobs,
    clock: Arc<ManualClock>,
    is_stopping: Arc<AtomicBool>,
}

fn shop() -> WorkspaceId {
    WorkspaceId::new("shop").unwrap()
}

impl Office {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp(1)));
        let is_stopping = Arc::<AtomicBool>::default();
        let jobs = Jobs::new(clock.clone(), Arc::clone(&is_stopping));
        Self { jobs, clock, is_stopping }
    }

    /// Starts a job that goes on until it is told to end, or cancelled.
    fn start(&self, workspace: &WorkspaceId) -> Result<(Job, Sender<()>), ApiError> {
        let (end, ends): (Sender<()>, Receiver<()>) = channel();
        let new = NewJob::new(workspace.clone(), JobKind::Export, Actor::CommandLine);
        let work = move |control: &JobControl| {
            control.tell(0.5, "waits for the test");
            while ends.recv_timeout(Duration::from_millis(1)).is_err() {
                control.check()?;
            }
            Ok(JobOutcome::of(&"made"))
        };
        Ok((self.jobs.start(new, work)?, end))
    }

    fn state(&self, id: Uuid) -> Option<JobState> {
        self.jobs.find(&shop(), id).map(|job| job.state)
    }

    fn ended(&self, id: Uuid) -> Job {
        loop {
            let job = self.jobs.find(&shop(), id).expect("the job is kept");
            if job.state.has_ended() {
                return job;
            }
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_few_jobs_run_at_once_others_wait_and_too_many_are_refused() {
    let office = Office::new();
    let started: Vec<_> = (0..RUNNING_IN_WORKSPACE_MAX + WAITING_IN_WORKSPACE_MAX)
        .map(|_| office.start(&shop()).unwrap())
        .collect();
    let (running, waiting) = started.split_at(RUNNING_IN_WORKSPACE_MAX);
    assert!(running.iter().all(|(job, _)| job.state == JobState::Running));
    assert!(waiting.iter().all(|(job, _)| job.state == JobState::Waiting));
    let refused = office.start(&shop()).expect_err("too many wait");
    assert_eq!(refused.kind, crate::error::ErrorKind::TooManyRequests);
    // Another workspace has its own share.
    let (other, _end) = office.start(&WorkspaceId::new("other").unwrap()).unwrap();
    assert_eq!(other.state, JobState::Running);

    running[0].1.send(()).unwrap();
    let done = office.ended(running[0].0.id);
    assert_eq!((done.state, done.result), (JobState::Done, Some("made".into())));
    let next = waiting[0].0.id;
    while office.state(next) != Some(JobState::Running) {
        std::thread::yield_now();
    }
    office.is_stopping.store(true, Ordering::Relaxed);
}

#[test]
fn a_cancelled_job_ends_and_one_that_waits_never_begins() {
    let office = Office::new();
    let started: Vec<_> =
        (0..RUNNING_IN_WORKSPACE_MAX + 1).map(|_| office.start(&shop()).unwrap()).collect();
    let (running, waiting) = (started[0].0.id, started[RUNNING_IN_WORKSPACE_MAX].0.id);
    let cancelled = office.jobs.cancel(&shop(), waiting).unwrap();
    assert_eq!((cancelled.state, cancelled.started_at), (JobState::Cancelled, None));
    assert!(office.jobs.cancel(&WorkspaceId::new("other").unwrap(), running).is_none());
    assert_eq!(office.state(running), Some(JobState::Running), "it is of another workspace");
    office.jobs.cancel(&shop(), running);
    let ended = office.ended(running);
    assert_eq!((ended.state, ended.result), (JobState::Cancelled, None));
    assert_eq!(ended.error.unwrap().detail, "the job was cancelled");

    office.is_stopping.store(true, Ordering::Relaxed);
    let stopped = office.ended(started[1].0.id);
    assert_eq!(stopped.error.unwrap().detail, "the server stopped before the job had ended");
    assert!(office.start(&shop()).is_err_and(|error| error.is_unavailable()));
}

#[test]
fn what_has_ended_is_kept_for_a_day_with_its_file_and_not_more_than_a_few() {
    let office = Office::new();
    let folder = std::env::temp_dir().join(format!("jobs-{}", Uuid::new_v4()));
    fs_err::create_dir(&folder).unwrap();
    let mut ids = Vec::new();
    for n in 0..=ENDED_KEPT_MAX {
        office.clock.set(Timestamp(n as i64));
        let path = folder.join(n.to_string());
        let new = NewJob::new(shop(), JobKind::Export, Actor::CommandLine);
        let id = new.id;
        let work = move |_: &JobControl| {
            fs_err::write(&path, "a file").unwrap();
            let file = JobFile { path, name: "file".to_owned(), media_type: "text/csv" };
            Ok(JobOutcome { file: Some(file), ..JobOutcome::of(&n) })
        };
        office.jobs.start(new, work).unwrap();
        office.ended(id);
        ids.push(id);
    }
    let n_files = || fs_err::read_dir(&folder).unwrap().count();
    assert_eq!((office.state(ids[0]), n_files()), (None, FILES_KEPT_MAX));
    assert!(office.jobs.file(&shop(), ids[ENDED_KEPT_MAX]).is_some());
    assert!(office.jobs.file(&shop(), ids[1]).is_none());
    let panics = NewJob::new(shop(), JobKind::Import, Actor::CommandLine);
    let id = panics.id;
    office.jobs.start(panics, |_| panic!("a defect")).unwrap();
    assert_eq!(office.ended(id).error.unwrap().code, "internal");
    office.clock.set(Timestamp(ENDED_KEPT_MS + ENDED_KEPT_MAX as i64 + 1));
    office.jobs.forget_old();
    assert_eq!((office.jobs.list(&shop()).len(), n_files()), (0, 0));
    fs_err::remove_dir(&folder).unwrap();
}

#[test]
fn what_a_background_thread_does_is_a_job_that_can_be_cancelled_and_only_the_last_is_kept() {
    let office = Office::new();
    let mut earlier = None;
    for _ in 0..3 {
        let new = NewJob::of_server(shop(), JobKind::Training);
        let id = new.id;
        let was_cancelled = office.jobs.attend(new, |control| {
            assert_eq!(office.state(id), Some(JobState::Running));
            assert!(!control.is_cancelled());
            office.jobs.cancel(&shop(), id);
            Attended {
                ended: control.check().map(|()| JobOutcome::of(&"")),
                value: control.is_cancelled(),
            }
        });
        assert!(was_cancelled);
        assert_eq!(office.state(id), Some(JobState::Cancelled));
        assert_eq!(earlier.and_then(|earlier| office.state(earlier)), None);
        earlier = Some(id);
    }
    let new = NewJob::of_server(shop(), JobKind::Training);
    let id = new.id;
    let attend = || office.jobs.attend(new, |_| -> Attended<()> { panic!("a defect") });
    assert!(catch_unwind(AssertUnwindSafe(attend)).is_err());
    assert_eq!(office.state(id), Some(JobState::Failed));
}

#[test]
fn the_same_work_has_one_job() {
    let office = Office::new();
    let (end, ends): (Sender<()>, Receiver<()>) = channel();
    let ends = Arc::new(Mutex::new(ends));
    let ask = |once: Once, fails: bool| {
        let new =
            NewJob { once: Some(once), ..NewJob::new(shop(), JobKind::Export, Actor::CommandLine) };
        let ends = Arc::clone(&ends);
        let work = move |_: &JobControl| {
            ends.lock().recv().unwrap();
            if fails { Err(ApiError::invalid("a wrong file")) } else { Ok(JobOutcome::of(&"made")) }
        };
        office.jobs.start(new, work).unwrap().id
    };
    let export = || Once::UnderWay("people as CSV".to_owned());
    let import = || Once::Done("draft 1".to_owned());
    let first = ask(export(), false);
    assert_eq!(ask(export(), false), first, "it is under way");
    end.send(()).unwrap();
    office.ended(first);
    let second = ask(export(), false);
    assert_ne!(second, first, "the first has ended: what changed since is in the second");
    end.send(()).unwrap();
    office.ended(second);
    let failed = ask(import(), true);
    assert_eq!(ask(import(), true), failed);
    end.send(()).unwrap();
    office.ended(failed);
    let done = ask(import(), false);
    assert_ne!(done, failed, "what failed may be repeated");
    end.send(()).unwrap();
    office.ended(done);
    assert_eq!(ask(import(), false), done);
    assert_eq!(office.jobs.find_once(&shop(), &import()).map(|job| job.id), Some(done));
    assert_eq!(office.jobs.list(&shop()).len(), 4);
}

#[test]
fn work_that_is_several_jobs_takes_the_place_of_one_and_each_ends_as_it_says() {
    let office = Office::new();
    let new: Vec<NewJob> =
        (0..=RUNNING_MAX).map(|_| NewJob::of_server(shop(), JobKind::Privacy)).collect();
    let ids: Vec<Uuid> = new.iter().map(|new| new.id).collect();
    let other = office.jobs.attend_all(new, |controls| {
        controls.iter().for_each(|control| control.tell(0.5, "together"));
        // Another job of the workspace begins beside them.
        let (job, end) = office.start(&shop()).unwrap();
        assert_eq!(job.state, JobState::Running);
        end.send(()).unwrap();
        let outcome = |n: usize| match n {
            0 => Err(ApiError::internal()),
            n => Ok(JobOutcome::of(&n)),
        };
        ((0..controls.len()).map(outcome).collect(), job.id)
    });
    assert_eq!(office.ended(other).state, JobState::Done);
    assert_eq!(office.state(ids[0]), Some(JobState::Failed));
    assert!(ids[1..].iter().all(|id| office.state(*id) == Some(JobState::Done)));
}
