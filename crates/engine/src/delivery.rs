//! Delivery: a reader of the journal for each destination that is on, each with a thread, a place
//! and a dispatcher of its own. One thread starts and ends them as the configuration says.

mod handing;
mod jobs;
mod reader;
mod versions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use activation::Status;
use connectors::{InstanceKey, Kind, Outgoing, Sender};
use domain::{Destination, Timestamp, WorkspaceId};
use parking_lot::Mutex;
use serde_json::Value;
use state::{Remaining, without_suppressed};

pub(crate) use self::jobs::{Deliverable, deliverable, edit, map};
use self::reader::{Reader, STOP_TIME_MAX};
pub(crate) use self::versions::Compiled;
use crate::shared::Shared;
use crate::writer::Writer;
use crate::{BackgroundThread, BackgroundWork, Entry, Next, Signals, ThreadStatus};

/// How often the configuration is looked at, without a call.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// How a destination's delivery is doing in this process.
#[derive(Debug, Clone)]
pub struct DeliveryStatus {
    /// What the dispatcher says; none before the first step.
    pub dispatcher: Option<Status>,
    /// The offset of the next entry that is read.
    pub read_to: u64,
    /// When the entry arrived that was read last.
    pub read_at: Option<Timestamp>,
    /// Why nothing can be sent at all, such as a secret that cannot be read.
    pub problem: Option<String>,
    /// Messages that the rules of the destination withheld, by reason, since the process began.
    pub withheld: BTreeMap<&'static str, u64>,
}

/// What the readers need of the process.
#[derive(Clone)]
pub(crate) struct Means {
    pub(crate) workspace: WorkspaceId,
    pub(crate) shared: Arc<Shared>,
    pub(crate) writer: Arc<Writer>,
    pub(crate) outgoing: Arc<Outgoing>,
    pub(crate) key: Option<Arc<InstanceKey>>,
}

impl Means {
    /// Entries without what would be about people whose new data is refused.
    fn without_suppressed(&self, entries: Vec<Entry>) -> Vec<Entry> {
        let suppressed = self.shared.suppressed.load();
        if suppressed.is_empty() {
            return entries;
        }
        let rules = self.shared.live.snapshot().setup.identity.clone();
        let taken = |entry| match without_suppressed(entry, &**suppressed, rules.as_deref()) {
            Remaining::Nothing => None,
            Remaining::Whole(entry) | Remaining::Part(entry) => Some(entry),
        };
        entries.into_iter().filter_map(taken).collect()
    }
}

/// A reader at work.
struct Running {
    added_at: u64,
    /// The destination whose settings it sends with.
    connected: Arc<Destination>,
    thread: BackgroundThread,
    status: Arc<Mutex<DeliveryStatus>>,
}

type Readers = Arc<Mutex<BTreeMap<String, Running>>>;

/// The readers of a workspace and the thread that starts and ends them.
pub(crate) struct Delivery {
    readers: Readers,
    /// How many callers want no reader to be at work.
    n_pauses: Arc<AtomicUsize>,
    thread: BackgroundThread,
}

impl Delivery {
    pub(crate) fn start(means: Means) -> Self {
        let readers = Readers::default();
        let n_pauses = Arc::new(AtomicUsize::new(0));
        let work =
            Supervising { means, readers: Arc::clone(&readers), n_pauses: Arc::clone(&n_pauses) };
        let thread = BackgroundThread::start(work).expect("threads can be started");
        Self { readers, n_pauses, thread }
    }

    /// Ends all readers, which begin anew where they are when the pause is dropped: what they have
    /// prepared to be sent is forgotten.
    pub(crate) fn pause(&self) -> Paused<'_> {
        self.n_pauses.fetch_add(1, Ordering::SeqCst);
        let running = std::mem::take(&mut *self.readers.lock());
        let threads: Vec<BackgroundThread> =
            running.into_values().map(|running| running.thread).collect();
        BackgroundThread::stop_all(&threads);
        Paused(self)
    }

    /// Looks at the configuration soon.
    pub(crate) fn wake(&self) {
        self.thread.wake();
    }

    /// How the delivery to a destination is doing; none while it is off.
    pub(crate) fn status(&self, name: &str) -> Option<DeliveryStatus> {
        self.readers.lock().get(name).map(|running| running.status.lock().clone())
    }

    /// How the threads are doing.
    pub(crate) fn threads(&self) -> Vec<ThreadStatus> {
        let readers = self.readers.lock();
        let of_readers = readers.values().map(|running| running.thread.log().status());
        std::iter::once(self.thread.log().status()).chain(of_readers).collect()
    }

    /// Ends all threads: what is under way is waited for a moment.
    pub(crate) fn stop(&self) {
        self.thread.stop();
        let running = std::mem::take(&mut *self.readers.lock());
        let threads: Vec<BackgroundThread> =
            running.into_values().map(|running| running.thread).collect();
        BackgroundThread::stop_all(&threads);
    }
}

/// A pause of all readers, which ends when this is dropped.
pub(crate) struct Paused<'a>(&'a Delivery);

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.0.n_pauses.fetch_sub(1, Ordering::SeqCst);
        self.0.wake();
    }
}

/// The work of the thread that starts and ends readers.
struct Supervising {
    n_pauses: Arc<AtomicUsize>,
    means: Means,
    readers: Readers,
}

impl BackgroundWork for Supervising {
    fn name(&self) -> &'static str {
        "delivery"
    }

    fn task(&self) -> &'static str {
        "Starts and ends the readers of destinations"
    }

    fn stop_time_max(&self) -> Duration {
        STOP_TIME_MAX * 2
    }

    fn step(&mut self, _: &Signals) -> Next {
        let wanted = self.wanted();
        let is_wanted = |name: &str, running: &Running| {
            wanted.get(name).is_some_and(|(added_at, destination)| {
                running.added_at == *added_at && is_same_sender(&running.connected, destination)
            })
        };
        let ended: Vec<Running> = self
            .readers
            .lock()
            .extract_if(.., |name, running| !is_wanted(name, running))
            .map(|(_, running)| running)
            .collect();
        ended.iter().for_each(|running| running.thread.start_stopping());
        // The next reader of the name begins where this one says that it came.
        for running in &ended {
            running.thread.stop();
        }
        for (name, (added_at, destination)) in wanted {
            let mut readers = self.readers.lock();
            // Under the lock by which a pause takes them.
            if self.n_pauses.load(Ordering::SeqCst) == 0 && !readers.contains_key(&name) {
                let running = self.start(&name, added_at, destination);
                readers.insert(name, running);
            }
        }
        Next::Rest(LOOK_INTERVAL)
    }
}

impl Supervising {
    /// The destinations that are on, with the offsets of the entries that added them.
    fn wanted(&self) -> BTreeMap<String, (u64, Arc<Destination>)> {
        let snapshot = self.means.shared.live.snapshot();
        let on = snapshot.destinations.iter().filter_map(|(name, standing)| {
            let destination = &standing.versions.last()?.destination;
            let wanted = (standing.added_at, Arc::clone(destination));
            destination.enabled.then(|| (name.to_owned(), wanted))
        });
        on.collect()
    }

    fn start(&self, name: &str, added_at: u64, destination: Arc<Destination>) -> Running {
        let status = Arc::new(Mutex::new(DeliveryStatus {
            dispatcher: None,
            read_to: 0,
            read_at: None,
            problem: None,
            withheld: BTreeMap::new(),
        }));
        let reader = Reader::new(
            self.means.clone(),
            name.to_owned(),
            added_at,
            Arc::clone(&destination),
            Arc::clone(&status),
        );
        let thread = BackgroundThread::start(reader).expect("threads can be started");
        Running { added_at, connected: destination, thread, status }
    }
}

/// Whether a sender for one destination does for another: mappings and rules are none of it.
fn is_same_sender(a: &Destination, b: &Destination) -> bool {
    a.kind == b.kind && a.settings == b.settings && a.delivery == b.delivery
}

/// The kind of a destination.
///
/// # Errors
/// If this build does not know it.
pub(crate) fn kind_of(destination: &Destination) -> Result<&'static Kind, String> {
    let name = destination.kind.as_deref().unwrap_or_default();
    connectors::kind(name).ok_or_else(|| {
        let known: Vec<&str> = connectors::kinds().iter().map(|kind| kind.name).collect();
        format!("kind should be one of {} but it is {name:?}", known.join(", "))
    })
}

/// The place for which the secret of a destination is sealed.
fn secret_context(workspace: &WorkspaceId, destination: &str, setting: &str) -> String {
    format!("{workspace}/{destination}/{setting}")
}

/// Seals the secrets of a destination that are open.
///
/// # Errors
/// If there is a secret and no key.
pub(crate) fn seal_secrets(
    key: Option<&InstanceKey>,
    workspace: &WorkspaceId,
    destination: &mut Destination,
) -> Result<(), String> {
    let kind = kind_of(destination)?;
    for (name, value) in &mut destination.settings {
        let Value::String(text) = &*value else { continue };
        if kind.settings.is_secret(name) && !text.is_empty() {
            let key = key.ok_or("secrets can be set in a data folder only")?;
            *value = key.seal(&secret_context(workspace, &destination.name, name), text);
        }
    }
    Ok(())
}

/// The settings of a destination with its secrets open.
///
/// # Errors
/// If a secret cannot be read.
pub(crate) fn open_settings(
    key: Option<&InstanceKey>,
    workspace: &WorkspaceId,
    destination: &Destination,
) -> Result<BTreeMap<String, Value>, String> {
    let mut settings = destination.settings.clone();
    for (name, value) in &mut settings {
        if connectors::is_sealed(value) {
            let key = key.ok_or_else(|| format!("{name} cannot be read without a data folder"))?;
            let context = secret_context(workspace, &destination.name, name);
            let open = key.open_sealed(&context, value);
            *value = Value::String(open.map_err(|error| format!("{name} {error}"))?);
        }
    }
    Ok(settings)
}

/// Makes the sender of a destination.
///
/// # Errors
/// If a setting is wrong, or a secret cannot be read.
pub(crate) fn connect(
    outgoing: &Arc<Outgoing>,
    key: Option<&InstanceKey>,
    workspace: &WorkspaceId,
    destination: &Destination,
) -> Result<Arc<dyn Sender>, String> {
    let kind = kind_of(destination)?;
    let settings = open_settings(key, workspace, destination)?;
    kind.connect(&settings, outgoing).map_err(|error| error.to_string())
}
