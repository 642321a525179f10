//! Reads the past of people for audiences and computed traits that ask for properties of events,
//! and journals what it comes to. The state says whose past is unread, so a kill in between is
//! continued at the next start, and what two engines of one journal read is taken once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Message, Timestamp, UserIdx};
use journal::Offset;
use parking_lot::{Mutex, MutexGuard};
use rustc_hash::FxHashMap;
use state::{
    HistoryRequest, PEOPLE_PER_ENTRY_MAX, PersonHistory, PreparedEntry, ReadHistory,
    encoded_history_bytes,
};

use crate::pace::Pace;
use crate::shared::{Health, Shared};
use crate::timeline_message::decode_message;
use crate::writer::Writer;
use crate::{
    BackgroundThread, BackgroundWork, EngineError, Entry, Next, Signals, SubmitError, ThreadStatus,
};

/// How many entries are journalled together.
const ENTRIES_PER_BATCH: usize = 10;
/// About the most bytes of one entry.
const ENTRY_BYTES: usize = 1_024 * 1_024;
/// The most bytes of the past of one person: thousands of times for each of a hundred parts of a
/// condition. A longer one does not count.
const PERSON_BYTES_MAX: usize = 2 * 1_024 * 1_024;
/// How many records of the journal are passed over to reach the next one.
const SKIPPED_MAX: u64 = 1_000;
/// How long nothing is looked for after nothing was found.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// The wait after a failure.
const FAILURE_REST: Duration = Duration::from_secs(1);
/// How long the thread may take to stop.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);

/// The thread that reads the past of people of a workspace.
pub(crate) struct HistoryReading {
    /// Held while messages are read and what they come to is journalled.
    at_work: Arc<Mutex<()>>,
    thread: BackgroundThread,
}

impl HistoryReading {
    pub(crate) fn start(shared: &Arc<Shared>, writer: &Arc<Writer>) -> Self {
        let at_work = Arc::default();
        let reader = Reader {
            shared: Arc::clone(shared),
            writer: Arc::clone(writer),
            at_work: Arc::clone(&at_work),
            after: None,
            pace: Pace::new(Instant::now()),
        };
        let thread = BackgroundThread::start(reader).expect("threads can be started");
        Self { at_work, thread }
    }

    /// Nothing is read or journalled until this is dropped.
    pub(crate) fn pause(&self) -> MutexGuard<'_, ()> {
        self.at_work.lock()
    }

    /// How the thread is doing.
    pub(crate) fn status(&self) -> ThreadStatus {
        self.thread.log().status()
    }

    pub(crate) fn stop(&self) {
        self.thread.stop();
    }
}

/// The work of the thread.
struct Reader {
    shared: Arc<Shared>,
    writer: Arc<Writer>,
    at_work: Arc<Mutex<()>>,
    /// The last person who was looked at in this pass.
    after: Option<UserIdx>,
    pace: Pace,
}

impl BackgroundWork for Reader {
    fn name(&self) -> &'static str {
        "history"
    }

    fn task(&self) -> &'static str {
        "Reads past events for audiences and computed traits"
    }

    fn stop_time_max(&self) -> Duration {
        STOP_TIME_MAX
    }

    fn step(&mut self, signals: &Signals) -> Next {
        if signals.is_stopping() {
            return Next::End;
        }
        // The journal's own thread tries again after a full disk.
        if self.shared.health() != Health::Ready {
            return Next::Rest(FAILURE_REST);
        }
        let at_work = Arc::clone(&self.at_work);
        let Some(_lock) = at_work.try_lock() else { return Next::Rest(LOOK_INTERVAL) };
        let began = Instant::now();
        match self.read_step(signals) {
            Ok(true) => {
                self.pace.note(began.elapsed(), self.shared.run_delay.share(), Instant::now());
                match self.pace.rest(Instant::now()) {
                    Duration::ZERO => Next::Step,
                    rest => Next::Rest(rest),
                }
            }
            Ok(false) => Next::Rest(LOOK_INTERVAL),
            Err(error) => {
                signals.fail(&error.to_string());
                tracing::warn!(%error, "past events were not read: it is tried again");
                Next::Rest(FAILURE_REST)
            }
        }
    }
}

impl Reader {
    /// Reads the past of the next people. Returns whether there were any.
    fn read_step(&mut self, signals: &Signals) -> Result<bool, EngineError> {
        let step = {
            let snapshot = self.shared.live.snapshot();
            snapshot.unread_history(snapshot.store(), self.after)?
        };
        let offsets = step.requests.iter().flat_map(HistoryRequest::offsets).collect();
        let Some(messages) = self.read_messages(&offsets, signals)? else { return Ok(true) };
        let mut entries = Entries { list: Vec::new(), bytes: 0, at: self.shared.clock.now() };
        for request in step.requests {
            let pasts = request.read(&messages).into_iter();
            pasts.for_each(|past| entries.add(past));
            if entries.list.len() >= ENTRIES_PER_BATCH {
                if signals.is_stopping() {
                    return Ok(true);
                }
                self.journal(std::mem::take(&mut entries.list))?;
            }
        }
        self.journal(entries.list)?;
        self.after = step.last;
        Ok(self.after.is_some())
    }

    /// Journals what was read, and waits until the state has it.
    fn journal(&self, read: Vec<ReadHistory>) -> Result<(), EngineError> {
        if read.is_empty() {
            return Ok(());
        }
        let entries = read.into_iter().map(|read| Entry::ReadHistory(Box::new(read)));
        let entries: Vec<_> = entries.map(PreparedEntry::unmapped).collect();
        let submitted = self.writer.submit(&self.shared, entries)?;
        submitted.blocking_recv().unwrap_or(Err(SubmitError::Stopping))?;
        Ok(())
    }

    /// The messages at these offsets, read in the order of the journal: a block that holds several
    /// is unpacked once. None where the thread should end.
    fn read_messages(
        &self,
        offsets: &BTreeSet<u64>,
        signals: &Signals,
    ) -> Result<Option<FxHashMap<u64, Message>>, EngineError> {
        let journal = &self.shared.journal;
        let mut messages = FxHashMap::default();
        let mut records = journal.read_from(Offset(0)).peekable();
        let mut next = None;
        for offset in offsets.range(journal.start().0..).copied() {
            if signals.is_stopping() {
                return Ok(None);
            }
            if next.is_none_or(|next| offset - next > SKIPPED_MAX) {
                records = journal.read_from(Offset(offset)).peekable();
            }
            next = Some(offset);
            let is_before = |at: u64| at < offset;
            while records.next_if(|one| one.as_ref().is_ok_and(|(at, _)| is_before(at.0))).is_some()
            {
            }
            let is_here = |at: u64| at == offset;
            let found = records.next_if(|one| one.as_ref().map_or(true, |(at, _)| is_here(at.0)));
            if let Some((_, bytes)) = found.transpose()? {
                messages.extend(decode_message(offset, &bytes)?.map(|message| (offset, message)));
            }
        }
        Ok(Some(messages))
    }
}

/// Entries that are filled one after the other.
struct Entries {
    list: Vec<ReadHistory>,
    /// How large the last entry is so far.
    bytes: usize,
    at: Timestamp,
}

impl Entries {
    fn add(&mut self, past: PersonHistory) {
        let (past, bytes) = within_bounds(past);
        let has_room = |last: &&mut ReadHistory| {
            last.people.len() < PEOPLE_PER_ENTRY_MAX && self.bytes + bytes <= ENTRY_BYTES
        };
        match self.list.last_mut().filter(has_room) {
            Some(last) => {
                last.people.push(past);
                self.bytes += bytes;
            }
            None => {
                self.list.push(ReadHistory { at: self.at, people: vec![past] });
                self.bytes = bytes;
            }
        }
    }
}

/// The past of a person and its size in bytes; an empty one where it is too large.
fn within_bounds(person: PersonHistory) -> (PersonHistory, usize) {
    let bytes = encoded_history_bytes(&person);
    if bytes <= PERSON_BYTES_MAX {
        return (person, bytes);
    }
    tracing::warn!(
        audience_or_trait = person.key,
        bytes,
        "the past of a person is too long to be counted: the condition has too many parts"
    );
    let person = PersonHistory { events: None, ..person };
    let bytes = encoded_history_bytes(&person);
    (person, bytes)
}
