//! The loop of a replay, by a clock of the test.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use domain::{Arrival, Destination, Envelope, Timestamp, WorkspaceId};
use engine::{ConfigChange, Expected, ManualClock, MessageFilter};
use serde_json::json;
use web::jobs::{Attended, JobKind, JobOutcome, Jobs, NewJob};
use web::workspaces::Workspaces;

use super::*;

/// The rests after which a test is given up.
const RESTS_MAX: usize = 1_000;

/// A time that passes while the replay rests; `at_rest` is told which rest it is.
struct TestTime<'a> {
    now: Cell<Duration>,
    n_rests: Cell<usize>,
    at_rest: RefCell<Box<dyn FnMut(usize, Duration) + 'a>>,
}

impl<'a> TestTime<'a> {
    fn new(at_rest: impl FnMut(usize, Duration) + 'a) -> Self {
        let at_rest: Box<dyn FnMut(usize, Duration) + 'a> = Box::new(at_rest);
        let now = Cell::default();
        Self { now, n_rests: Cell::new(0), at_rest: RefCell::new(at_rest) }
    }
}

impl Time for TestTime<'_> {
    fn elapsed(&self) -> Duration {
        self.now.get()
    }

    fn rest(&self, how_long: Duration) {
        assert!(!how_long.is_zero() && how_long <= REST, "{how_long:?}");
        self.n_rests.set(self.n_rests.get() + 1);
        assert!(self.n_rests.get() < RESTS_MAX, "the replay never ends");
        (self.at_rest.borrow_mut())(self.n_rests.get(), self.now.get());
        self.now.set(self.now.get() + how_long);
    }
}

/// A workspace with messages, another one, and the jobs of the server.
struct House {
    shop: Arc<Engine>,
    copy: Arc<Engine>,
    handle: WorkspaceHandle,
    jobs: Jobs,
}

fn open(folder: &Path, id: &str) -> Arc<Engine> {
    let folder = folder.join(id);
    fs_err::create_dir(&folder).unwrap();
    Arc::new(Engine::open(WorkspaceId::new(id).unwrap(), &folder, &|_, _| {}).unwrap())
}

impl House {
    fn new(folder: &Path, n_messages: u32) -> Self {
        let (shop, copy) = (open(folder, "shop"), open(folder, "copy"));
        let received_at = Timestamp(1_700_000_000_000);
        let arrival = Arrival { source: "web", received_at, peer_ip: None };
        let message = |n: u32| {
            let message = json!({ "type": "track", "messageId": format!("m{n}"), "userId": "ann",
                "event": "Product Viewed", "properties": { "product_id": "lamp" } });
            let checked =
                domain::check_message(&message.to_string(), None, &Envelope::default(), &arrival);
            Entry::Message(Box::new(checked.unwrap()))
        };
        shop.submit_blocking((0..n_messages).map(message).collect()).unwrap();
        let workspaces = Arc::new(Workspaces::new([Arc::clone(&shop), Arc::clone(&copy)]));
        let handle = workspaces.handle("copy").unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp(0)));
        let jobs = Jobs::new(clock, Arc::new(AtomicBool::new(false)));
        Self { shop, copy, handle, jobs }
    }

    /// Journals that a replay begins.
    fn start(&self, request: &NewReplay) -> (Uuid, Span) {
        let span = self.shop.find_span(None, None, MessageFilter::default()).unwrap();
        let id = Uuid::new_v4();
        let destination = request.destination.clone();
        self.shop.start_replay(id, destination, "{}".to_owned(), &span).unwrap();
        (id, span)
    }

    fn to_copy(&self) -> To {
        To::Workspace { handle: self.handle.clone(), source: None, takes_catalog: false }
    }

    /// Runs a replay as a job of the server.
    fn run(&self, new: NewJob, run: Run, time: &dyn Time) -> Result<Replayed, ApiError> {
        self.jobs.attend(new, |control| {
            let done = run.run(control, time, &|| Ok(Arc::clone(&self.shop)));
            let ended = match &done {
                Ok(replayed) => Ok(JobOutcome::of(replayed)),
                Err(error) => Err(ApiError::new(error.kind, error.message.clone())),
            };
            Attended { ended, value: done }
        })
    }

    fn job(&self) -> NewJob {
        NewJob::of_server(self.shop.id().clone(), JobKind::Replay)
    }

    fn n_copied(&self) -> u64 {
        self.copy.counts().message_ids
    }
}

fn at_rate(rate: u32) -> NewReplay {
    NewReplay { messages_per_second: Some(rate), ..NewReplay::default() }
}

#[test]
fn a_replay_keeps_to_its_rate_step_by_step_and_notes_how_far_it_came() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path(), 100);
    let request = at_rate(20);
    let (id, span) = house.start(&request);
    let sent = RefCell::new(Vec::new());
    let time = TestTime::new(|_, now: Duration| {
        let replay = house.shop.replay(id).unwrap();
        assert_eq!(replay.replayed, house.n_copied(), "each step is noted");
        sent.borrow_mut().push((now.as_millis(), replay.replayed));
    });
    let run = Run::new(id, &request, house.to_copy(), span.clone(), span.from);
    let done = house.run(house.job(), run, &time).unwrap();
    assert_eq!((done.replayed, done.duplicates), (100, 0));
    // A tenth of a second has two messages, and no rest is longer.
    let expected: Vec<(u128, u64)> =
        (0..sent.borrow().len() as u64).map(|n| (u128::from(n) * 100, 2 + 2 * n)).collect();
    assert_eq!(*sent.borrow(), expected);
    assert_eq!(house.n_copied(), 100);
    assert!(house.shop.replay(id).unwrap().is_done);

    let (id, span) = house.start(&request);
    let run = Run::new(id, &at_rate(100_000), house.to_copy(), span.clone(), span.from);
    let again = house.run(house.job(), run, &TestTime::new(|_, _| {})).unwrap();
    assert_eq!((again.replayed, again.duplicates), (100, 100), "the copy has them already");
}

#[test]
fn one_that_is_cancelled_goes_on_behind_what_it_has_sent() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path(), 50);
    let request = at_rate(10);
    let (id, span) = house.start(&request);
    let job = house.job();
    let job_id = job.id;
    let time = TestTime::new(|n, _| {
        if n == 20 {
            house.jobs.cancel(house.shop.id(), job_id).unwrap();
        }
    });
    let run = Run::new(id, &request, house.to_copy(), span.clone(), span.from);
    let error = house.run(job, run, &time).unwrap_err();
    assert_eq!(error.message, "the job was cancelled");
    let stopped = house.shop.replay(id).unwrap();
    assert_eq!((stopped.replayed, stopped.is_done), (house.n_copied(), false));
    assert_eq!(stopped.replayed, 20, "one in each of the rests");

    let run = Run::new(id, &request, house.to_copy(), span, stopped.reached);
    let done = house.run(house.job(), run, &TestTime::new(|_, _| {})).unwrap();
    assert_eq!((done.replayed, done.duplicates), (50, 0), "nothing is sent twice, nothing is lost");
    assert_eq!(house.n_copied(), 50);
}

#[test]
fn it_waits_for_a_destination_that_reads_nothing_and_ends_where_it_is_off_or_gone() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path(), 10);
    let hook = json!({ "name": "crm", "kind": "webhook", "enabled": true,
        "settings": { "url": "https://crm.example/hook" } });
    let hook: Destination = serde_json::from_value(hook).unwrap();
    let put = |hook: &Destination| {
        house.shop.change_config(ConfigChange::put_destination(hook), Expected::Anything).unwrap();
    };
    put(&hook);
    let request = NewReplay { destination: Some("crm".to_owned()), ..at_rate(1_000) };
    let (id, span) = house.start(&request);
    let run = || {
        let to = To::Destination("crm".to_owned());
        Run::new(id, &request, to, span.clone(), span.from)
    };
    let job = house.job();
    let job_id = job.id;
    let time = TestTime::new(|n, _| {
        let doing = house.jobs.find(house.shop.id(), job_id).unwrap().progress.doing;
        assert_eq!(doing, "waits for the destination, which has much to send");
        assert_eq!(house.shop.replay(id).unwrap().replayed, 0);
        if n == 5 {
            put(&Destination { enabled: false, ..hook.clone() });
        }
    });
    let off = house.run(job, run(), &time).unwrap_err();
    assert!(off.message.contains("is off: turn it on"), "{}", off.message);
    assert_eq!(time.n_rests.get(), 5);
    let remove = ConfigChange::RemoveDestination { name: "crm".to_owned() };
    house.shop.change_config(remove, Expected::Anything).unwrap();
    let gone = house.run(house.job(), run(), &TestTime::new(|_, _| {})).unwrap_err();
    assert!(gone.message.contains("is gone"), "{}", gone.message);
    assert!(!house.shop.replay(id).unwrap().is_done, "it can go on");
}
