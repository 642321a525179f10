//! Journals list impressions in the background. They are the only data that a crash may lose, at
//! most those of the last second.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use domain::UserIdx;
use history::Impression;
use parking_lot::{Condvar, Mutex};
use rustc_hash::FxHashMap;
use serving::WaitingImpressions;
use state::ListImpression;
use state::PreparedEntry;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::shared::Shared;
use crate::writer::Writer;
use crate::{
    BackgroundThread, BackgroundWork, Entry, MemoryBudget, MemoryPart, Next, Reservation, Signals,
    SubmitError, ThreadStatus,
};

/// How long lists are gathered before they are journalled together.
const FLUSH_INTERVAL: Duration = Duration::from_millis(200);
/// The most lists that wait, and their most bytes. Beyond that, new list impressions are not
/// recorded.
const WAITING_MAX: usize = 50_000;
const WAITING_BYTES_MAX: usize = 64 * 1_024 * 1_024;
/// Lists for browsers may take one of so many parts of both limits, so that they do not crowd out
/// the lists for servers.
const PUBLIC_LISTS_ONE_OF: usize = 2;
/// The most bytes of a request that are stored with its list. A list of a longer request cannot be
/// continued.
const REQUEST_BYTES_MAX: usize = 256 * 1_024;
/// The most lists of one entry, so that queries get a turn between entries.
const LISTS_PER_ENTRY: usize = 32;
/// About the most bytes of lists that are journalled together, unless a single list has more. Far
/// below the limit of a record.
const LISTS_BATCH_BYTES_MAX: usize = 256 * 1_024;

/// How long a stopping recorder may take to journal the queued lists. Those that remain are lost.
const STOP_TIME_MAX: Duration = Duration::from_secs(10);

/// A list that is not journalled yet.
struct WaitingList {
    user: Option<UserIdx>,
    impressions: Vec<Impression>,
    list: ListImpression,
    /// Whether it was requested with a public token.
    is_public: bool,
}

impl WaitingList {
    /// Its memory in bytes, which is somewhat more than its size in the journal.
    fn n_bytes(&self) -> usize {
        size_of::<Self>() + self.list.n_bytes() + self.impressions.len() * size_of::<Impression>()
    }
}

struct Queue {
    /// Oldest first.
    waiting: VecDeque<WaitingList>,
    memory: Reservation,
    /// The number of queued lists for browsers, and their bytes.
    n_public: usize,
    public_bytes: usize,
    /// The most lists of the next batch: halved each time the journal refuses a batch as too large.
    batch_lists_max: Option<usize>,
    is_stopping: bool,
    /// The number of queued lists of each recommendation id.
    n_by_id: FxHashMap<Uuid, u32>,
    /// The number of lists that were queued since the start, and of those that have left the queue.
    n_queued: u64,
    n_left: u64,
    /// Callers that wait until this many lists have left.
    flush_waiters: Vec<(u64, oneshot::Sender<()>)>,
}

impl Queue {
    fn new(memory: &Arc<MemoryBudget>) -> Self {
        Self {
            waiting: VecDeque::new(),
            memory: memory.hold(MemoryPart::ImpressionQueues, 0),
            n_public: 0,
            public_bytes: 0,
            batch_lists_max: None,
            is_stopping: false,
            n_by_id: FxHashMap::default(),
            n_queued: 0,
            n_left: 0,
            flush_waiters: Vec::new(),
        }
    }

    fn push(&mut self, waiting: WaitingList) {
        if let Some(id) = waiting.list.recomm_id {
            *self.n_by_id.entry(id).or_default() += 1;
        }
        self.n_queued += 1;
        self.memory.resize(self.memory.n_bytes() + waiting.n_bytes());
        if waiting.is_public {
            self.n_public += 1;
            self.public_bytes += waiting.n_bytes();
        }
        self.waiting.push_back(waiting);
    }

    fn has_room(&self, waiting: &WaitingList) -> bool {
        let n_bytes = waiting.n_bytes();
        let fits = |n: usize, bytes: usize, one_of: usize| {
            n < WAITING_MAX / one_of && bytes + n_bytes <= WAITING_BYTES_MAX / one_of
        };
        fits(self.waiting.len(), self.memory.n_bytes(), 1)
            && (!waiting.is_public || fits(self.n_public, self.public_bytes, PUBLIC_LISTS_ONE_OF))
    }

    /// Whether the queued lists fill a batch.
    fn has_full_batch(&self) -> bool {
        self.memory.n_bytes() >= LISTS_BATCH_BYTES_MAX
    }

    /// Removes the oldest.
    fn remove_first(&mut self) {
        let Some(waiting) = self.waiting.pop_front() else { return };
        self.memory.resize(self.memory.n_bytes() - waiting.n_bytes());
        if waiting.is_public {
            self.n_public -= 1;
            self.public_bytes -= waiting.n_bytes();
        }
        self.n_left += 1;
        if let Some(id) = waiting.list.recomm_id
            && let Some(n_left) = self.n_by_id.get_mut(&id)
        {
            *n_left -= 1;
            if *n_left == 0 {
                self.n_by_id.remove(&id);
            }
        }
    }

    /// Requests that all queued lists are journalled without delay. The receiver is told when they
    /// are; none if none is queued.
    fn expedite(&mut self) -> Option<oneshot::Receiver<()>> {
        if self.waiting.is_empty() || self.is_stopping {
            return None;
        }
        let (journalled, receiver) = oneshot::channel();
        self.flush_waiters.push((self.n_queued, journalled));
        Some(receiver)
    }

    /// Tells the waiters whose lists have left the queue.
    fn release(&mut self) {
        let n_left = self.n_left;
        for (_, journalled) in
            self.flush_waiters.extract_if(.., |(n_awaited, _)| *n_awaited <= n_left)
        {
            journalled.send(()).ok();
        }
    }
}

struct SharedQueue {
    queue: Mutex<Queue>,
    /// Notified of new lists and of a stop.
    changed: Condvar,
}

impl WaitingImpressions for SharedQueue {
    fn impressions(&self, user: UserIdx) -> Vec<Impression> {
        let queue = self.queue.lock();
        let of_user = queue.waiting.iter().filter(|waiting| waiting.user == Some(user));
        of_user.flat_map(|waiting| waiting.impressions.clone()).collect()
    }
}

/// The queue and its thread.
pub(crate) struct Recorder {
    queue: Arc<SharedQueue>,
    thread: BackgroundThread,
}

impl Recorder {
    pub(crate) fn start(
        shared: &Arc<Shared>,
        writer: &Arc<Writer>,
        memory: &Arc<MemoryBudget>,
    ) -> Self {
        let queue = Arc::new(SharedQueue {
            queue: Mutex::new(Queue::new(memory)),
            changed: Condvar::new(),
        });
        let work = Recording {
            queue: Arc::clone(&queue),
            shared: Arc::clone(shared),
            writer: Arc::clone(writer),
        };
        let thread = BackgroundThread::start(work).expect("threads can be started");
        Self { queue, thread }
    }

    /// Queues the impression of a list, unless the queue is full. A queued list is never dropped
    /// for a new one. Lists for browsers (`is_public`) may take a part of the queue only.
    pub(crate) fn record(
        &self,
        user: Option<UserIdx>,
        impressions: Vec<Impression>,
        mut list: ListImpression,
        is_public: bool,
    ) {
        list.request = list.request.filter(|request| request.len() <= REQUEST_BYTES_MAX);
        let waiting = WaitingList { user, impressions, list, is_public };
        let mut queue = self.queue.queue.lock();
        if queue.has_room(&waiting) {
            queue.push(waiting);
            self.queue.changed.notify_one();
        } else {
            metrics::counter!("list_impressions_lost_total").increment(1);
        }
    }

    /// The impressions of queued lists.
    pub(crate) fn waiting_impressions(&self) -> Arc<dyn WaitingImpressions> {
        Arc::clone(&self.queue) as Arc<dyn WaitingImpressions>
    }

    /// Finds the queued lists of a recommendation, with their users.
    pub(crate) fn find_waiting(&self, id: Uuid) -> Vec<(Option<UserIdx>, ListImpression)> {
        let queue = self.queue.queue.lock();
        if !queue.n_by_id.contains_key(&id) {
            return Vec::new();
        }
        let of_id = queue.waiting.iter().filter(|waiting| waiting.list.recomm_id == Some(id));
        of_id.map(|waiting| (waiting.user, waiting.list.clone())).collect()
    }

    /// If entries cite a queued list, requests that it is journalled without delay. The receiver is
    /// told when it is applied, or is dropped when that fails. None if no queued list is cited.
    pub(crate) fn journal_cited(&self, entries: &[PreparedEntry]) -> Option<oneshot::Receiver<()>> {
        let mut cited = entries.iter().flat_map(PreparedEntry::cited_recommendations).peekable();
        cited.peek()?;
        let mut queue = self.queue.queue.lock();
        if !cited.any(|id| queue.n_by_id.contains_key(&id)) {
            return None;
        }
        let receiver = queue.expedite();
        self.queue.changed.notify_one();
        receiver
    }

    /// Requests that all queued lists are journalled without delay, as [`Recorder::journal_cited`].
    pub(crate) fn journal_all(&self) -> Option<oneshot::Receiver<()>> {
        let receiver = self.queue.queue.lock().expedite();
        self.queue.changed.notify_one();
        receiver
    }

    /// How the thread is doing.
    pub(crate) fn status(&self) -> ThreadStatus {
        self.thread.log().status()
    }

    /// Journals the queued lists and ends the thread.
    pub(crate) fn stop(&self) {
        self.queue.queue.lock().is_stopping = true;
        self.queue.changed.notify_one();
        self.thread.stop();
        // Lists remain if the journal takes no entries.
        let mut queue = self.queue.queue.lock();
        let n_left = queue.waiting.len() as u64;
        if n_left > 0 {
            tracing::error!(
                n_left,
                "list impressions are lost: the journal did not take them in time"
            );
            metrics::counter!("list_impressions_lost_total").increment(n_left);
        }
        while !queue.waiting.is_empty() {
            queue.remove_first();
        }
    }
}

/// The work of the recorder's thread. A new list, or a request for no delay, wakes it.
struct Recording {
    queue: Arc<SharedQueue>,
    shared: Arc<Shared>,
    writer: Arc<Writer>,
}

impl BackgroundWork for Recording {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn task(&self) -> &'static str {
        "Journals the lists that were shown"
    }

    fn stop_time_max(&self) -> Duration {
        STOP_TIME_MAX
    }

    fn step(&mut self, signals: &Signals) -> Next {
        let _release = ReleaseWaiters(&self.queue);
        let lists = signals.await_work(|| await_batch(&self.queue));
        if lists.is_empty() { Next::End } else { self.journal(lists, signals) }
    }
}

/// Releases the waiters when a step ends the recorder or panics.
struct ReleaseWaiters<'a>(&'a SharedQueue);

impl Drop for ReleaseWaiters<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue.lock();
        if queue.is_stopping || std::thread::panicking() {
            queue.flush_waiters.clear();
        }
    }
}

/// Waits for queued lists and copies a batch of them: when the batch is full, a waiter wants no
/// delay, or [`FLUSH_INTERVAL`] has passed. None are left where the recorder stops.
fn await_batch(SharedQueue { queue, changed }: &SharedQueue) -> Vec<ListImpression> {
    let mut queue = queue.lock();
    while queue.waiting.is_empty() && !queue.is_stopping {
        changed.wait(&mut queue);
    }
    let has_time = |queue: &mut Queue| {
        !queue.is_stopping && queue.flush_waiters.is_empty() && !queue.has_full_batch()
    };
    changed.wait_while_for(&mut queue, has_time, FLUSH_INTERVAL);
    let mut n_bytes = 0;
    let fits = |waiting: &&WaitingList| {
        n_bytes += waiting.n_bytes();
        n_bytes <= LISTS_BATCH_BYTES_MAX
    };
    let n = queue.waiting.iter().take_while(fits).count().max(1);
    let n = n.min(queue.batch_lists_max.unwrap_or(n));
    queue.waiting.iter().take(n).map(|waiting| waiting.list.clone()).collect()
}

impl Recording {
    /// Journals a batch, the first lists of the queue.
    fn journal(&self, lists: Vec<ListImpression>, signals: &Signals) -> Next {
        let Self { queue: shared_queue, shared, writer } = self;
        let SharedQueue { queue, changed } = &**shared_queue;
        let n = lists.len();
        let entries = lists
            .chunks(LISTS_PER_ENTRY)
            .map(|lists| Entry::ListImpressions { lists: lists.to_vec() });
        let submitted = writer.submit(shared, entries.map(PreparedEntry::unmapped).collect());
        let outcome = submitted
            .and_then(|receiver| receiver.blocking_recv().unwrap_or(Err(SubmitError::Stopping)));
        let mut queue = queue.lock();
        match outcome {
            Ok(_) => {
                (0..n).for_each(|_| queue.remove_first());
                queue.batch_lists_max = None;
            }
            Err(SubmitError::TooLarge(_)) if n > 1 => queue.batch_lists_max = Some(n / 2),
            // A single list over the limit of a record would be refused again and again.
            Err(SubmitError::TooLarge(error)) => {
                signals.fail(&format!("a list impression is lost: {error}"));
                tracing::error!(error, "a list impression is lost");
                metrics::counter!("list_impressions_lost_total").increment(1);
                queue.remove_first();
            }
            // The lists stay in the queue and are tried again.
            Err(error) => {
                if !matches!(error, SubmitError::Stopping) {
                    signals.fail(&error.to_string());
                }
                queue.flush_waiters.clear();
                tracing::debug!(%error, n_lists = queue.waiting.len(), "list impressions wait for the journal");
                changed.wait_while_for(&mut queue, |queue| !queue.is_stopping, FLUSH_INTERVAL);
                return if queue.is_stopping { Next::End } else { Next::Step };
            }
        }
        queue.release();
        if queue.is_stopping && queue.waiting.is_empty() { Next::End } else { Next::Step }
    }
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;
    use crate::Place;

    fn waiting(n: u128, request_bytes: usize, is_public: bool) -> WaitingList {
        WaitingList {
            user: None,
            is_public,
            impressions: Vec::new(),
            list: ListImpression {
                recomm_id: Some(Uuid::from_u128(n)),
                user: None,
                at: Timestamp(0),
                items: vec!["item".to_owned()],
                place: Place::Trait("top".to_owned()),
                group: None,
                model: None,
                rotates: false,
                n_next: 0,
                request: Some("r".repeat(request_bytes)),
            },
        }
    }

    /// Pushes lists until there is no room; how many there were.
    fn fill(queue: &mut Queue, is_public: bool) -> u128 {
        let first = queue.n_queued as u128;
        for n in 0.. {
            let waiting = waiting(first + n, REQUEST_BYTES_MAX, is_public);
            if !queue.has_room(&waiting) {
                return n;
            }
            queue.push(waiting);
        }
        0
    }

    #[test]
    fn browsers_leave_room_for_the_lists_of_servers() {
        let mut queue = Queue::new(&MemoryBudget::new(usize::MAX));
        let n_public = fill(&mut queue, true);
        assert!((120..=128).contains(&n_public), "{n_public}");
        let n_private = fill(&mut queue, false);
        assert!(n_private >= 120, "{n_private}");
        (0..n_public).for_each(|_| queue.remove_first());
        assert_eq!((queue.n_public, queue.public_bytes), (0, 0));
        assert_eq!(fill(&mut queue, true), n_public, "they may again once theirs are gone");
    }

    #[test]
    fn a_full_queue_takes_nothing_new_and_keeps_what_it_has() {
        let memory = MemoryBudget::new(usize::MAX);
        let mut queue = Queue::new(&memory);
        let n_pushed = fill(&mut queue, false);
        assert!((200..=256).contains(&n_pushed), "{n_pushed}");
        let n_bytes = || memory.bytes_by_part()[MemoryPart::ImpressionQueues as usize].1;
        assert!(
            (WAITING_BYTES_MAX - REQUEST_BYTES_MAX - 1_000..=WAITING_BYTES_MAX)
                .contains(&n_bytes())
        );
        assert_eq!(queue.n_by_id.len() as u128, n_pushed);
        (0..n_pushed).for_each(|_| queue.remove_first());
        assert_eq!((n_bytes(), queue.n_by_id.len(), queue.n_left as u128), (0, 0, n_pushed));
    }
}
