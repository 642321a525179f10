//! What was served is journalled in the background: the one thing that a crash may forget, for less than a second.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use domain::UserIdx;
use parking_lot::{Condvar, Mutex};
use recommender::Shown;

use crate::shown::ServedList;
use crate::writer::{Shared, Writer};
use crate::{Entry, SubmitError};

/// How long lists are gathered before they are journalled together.
const FLUSH_INTERVAL: Duration = Duration::from_millis(200);
/// The most lists that wait; where the journal takes none for so long, the oldest are forgotten.
const WAITING_MAX: usize = 50_000;
/// The most bytes of items' ids in one entry.
const ENTRY_BYTES_MAX: usize = 256 * 1_024;

/// A list that is not journalled yet.
#[derive(Clone)]
struct Waiting {
    user: UserIdx,
    shown: Vec<Shown>,
    list: ServedList,
}

#[derive(Default)]
struct Queue {
    /// Oldest first.
    waiting: VecDeque<Waiting>,
    /// How many of the first are on their way to the journal.
    n_under_way: usize,
    is_stopping: bool,
}

/// The queue and its thread.
pub(crate) struct Recorder {
    queue: Arc<(Mutex<Queue>, Condvar)>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Recorder {
    pub(crate) fn start(shared: &Arc<Shared>, writer: &Arc<Writer>) -> Self {
        let queue: Arc<(Mutex<Queue>, Condvar)> = Arc::default();
        let (of_thread, shared, writer) = (Arc::clone(&queue), Arc::clone(shared), Arc::clone(writer));
        let run = move || while flush(&of_thread, &shared, &writer) {};
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(run);
        Self { queue, thread: Mutex::new(Some(thread.expect("threads can be started"))) }
    }

    /// Notes a list that a user is given now.
    pub(crate) fn note(&self, user: UserIdx, shown: Vec<Shown>, list: ServedList) {
        let mut queue = self.queue.0.lock();
        if queue.waiting.len() >= WAITING_MAX {
            // The oldest that is not on its way.
            let oldest = queue.n_under_way;
            queue.waiting.remove(oldest);
            metrics::counter!("served_lists_forgotten_total").increment(1);
        }
        queue.waiting.push_back(Waiting { user, shown, list });
        self.queue.1.notify_one();
    }

    /// What a user was shown that the journal does not say yet.
    pub(crate) fn shown(&self, user: UserIdx) -> Vec<Shown> {
        let queue = self.queue.0.lock();
        queue
            .waiting
            .iter()
            .filter(|waiting| waiting.user == user)
            .flat_map(|waiting| waiting.shown.clone())
            .collect()
    }

    /// Journals what waits, and ends.
    pub(crate) fn stop(&self) {
        self.queue.0.lock().is_stopping = true;
        self.queue.1.notify_one();
        if self.thread.lock().take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the recorder panicked");
        }
    }
}

/// Waits until there is something and journals it; false when there is nothing more to do.
fn flush((queue, wake): &(Mutex<Queue>, Condvar), shared: &Shared, writer: &Writer) -> bool {
    let (lists, is_last) = {
        let mut queue = queue.lock();
        while queue.waiting.is_empty() && !queue.is_stopping {
            wake.wait(&mut queue);
        }
        if !queue.is_stopping {
            wake.wait_while_for(&mut queue, |queue| !queue.is_stopping, FLUSH_INTERVAL);
        }
        let mut n_bytes = 0;
        let fits = |waiting: &&Waiting| {
            n_bytes += waiting.list.items.iter().map(String::len).sum::<usize>();
            n_bytes <= ENTRY_BYTES_MAX
        };
        let n = queue.waiting.iter().take_while(fits).count().max(1).min(queue.waiting.len());
        queue.n_under_way = n;
        let lists: Vec<ServedList> =
            queue.waiting.iter().take(n).map(|waiting| waiting.list.clone()).collect();
        (lists, queue.is_stopping && n == queue.waiting.len())
    };
    if lists.is_empty() {
        return false;
    }
    let submitted = writer.submit(shared, vec![Entry::Served { lists }]);
    let outcome =
        submitted.and_then(|receiver| receiver.blocking_recv().unwrap_or(Err(SubmitError::Stopping)));
    let mut queue = queue.lock();
    let n = std::mem::take(&mut queue.n_under_way);
    match outcome {
        Ok(_) => drop(queue.waiting.drain(..n)),
        // They stay, and are tried again.
        Err(error) => {
            tracing::debug!(%error, n_lists = queue.waiting.len(), "served lists wait for the journal");
            return !queue.is_stopping;
        }
    }
    !is_last
}
