//! The reader of one destination: reads on in the journal, maps, sends, and journals how far it
//! came.

mod journalling;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use activation::{Batch, Dispatcher, Failure, Limits, OpenDelivery};
use connectors::Sender;
use domain::{Destination, Timestamp};
use journal::Offset;
use parking_lot::Mutex;
use state::{PreparedEntry, UnderWay};
use tokio::sync::{mpsc, watch};
use xxhash_rust::xxh3::xxh3_64;

use self::journalling::{Journalling, journalled};
use super::handing::{HandOvers, Parcel, entries_before, not_journalled};
use super::jobs::{Deliverable, REASON_UNMAPPED, deliverable, map};
use super::versions::Versions;
use super::{DeliveryStatus, Means, connect};
use crate::pace::Pace;
use crate::{BackgroundWork, EngineError, Entry, Next, Signals, SubmitError};

/// How long a reader may take to end: what is under way is waited for.
pub(super) const STOP_TIME_MAX: Duration = Duration::from_secs(3);
/// The most entries that are read before anything else is looked at.
const ENTRIES_PER_STEP: usize = 500;
/// The longest wait for something to do, after which the signal to stop is looked at.
const WAIT_MAX: Duration = Duration::from_millis(100);
/// The wait after a failure to read the journal or to connect.
const FAILURE_REST: Duration = Duration::from_secs(1);
/// Requests at once, without a setting.
const CONCURRENCY_DEFAULT: u32 = 8;

/// The outcomes of a batch.
type Finished = (u64, Vec<Result<(), Failure>>);

/// The reader of a destination.
pub(super) struct Reader {
    means: Means,
    name: String,
    added_at: u64,
    destination: Arc<Destination>,
    status: Arc<Mutex<DeliveryStatus>>,
    pace: Pace,
    /// None until it has connected, and where it begins anew.
    work: Option<Work>,
}

/// What a reader holds while it works.
struct Work {
    sender: Arc<dyn Sender>,
    dispatcher: Dispatcher<Parcel>,
    hand_overs: HandOvers,
    /// Whether messages of campaigns may be handed over: not once the next reader has begun.
    gate: Arc<Mutex<bool>>,
    /// What is on its way to the journal.
    journalling: Option<Journalling>,
    versions: Versions,
    /// Deliveries that were open when it began and are not read yet.
    reopening: VecDeque<OpenDelivery>,
    /// The offset of the next entry to read.
    place: u64,
    applied: watch::Receiver<u64>,
    finished: (mpsc::UnboundedSender<Finished>, mpsc::UnboundedReceiver<Finished>),
    progress_at: Instant,
}

impl Work {
    fn finish(&mut self, (batch, results): Finished, now: Timestamp) {
        let fates = self.dispatcher.finish(batch, results, now);
        self.hand_overs.note_finished(batch, &fates);
    }
}

impl BackgroundWork for Reader {
    fn name(&self) -> &'static str {
        "destination"
    }

    fn task(&self) -> &'static str {
        "Delivers to a destination"
    }

    fn stop_time_max(&self) -> Duration {
        STOP_TIME_MAX
    }

    fn step(&mut self, signals: &Signals) -> Next {
        if signals.is_stopping() {
            self.finish();
            return Next::End;
        }
        let outcome = self.work();
        if let Err(problem) = &outcome {
            signals.fail(problem);
        }
        self.report(outcome.as_ref().err());
        match outcome {
            Ok(()) => {
                signals.await_work(|| self.wait());
                Next::Step
            }
            Err(_) => Next::Rest(FAILURE_REST),
        }
    }
}

impl Reader {
    pub(super) fn new(
        means: Means,
        name: String,
        added_at: u64,
        destination: Arc<Destination>,
        status: Arc<Mutex<DeliveryStatus>>,
    ) -> Self {
        let pace = Pace::new(Instant::now());
        Self { means, name, added_at, destination, status, pace, work: None }
    }

    fn now(&self) -> Timestamp {
        self.means.shared.clock.now()
    }

    /// Does what can be done now without waiting.
    fn work(&mut self) -> Result<(), String> {
        if self.work.is_none() {
            self.work = self.begin()?;
        }
        self.take_journalled()?;
        self.take_finished();
        self.follow_versions();
        if self.rest().is_zero() {
            let began = Instant::now();
            self.read().map_err(|error| error.to_string())?;
            let delay_share = self.means.shared.run_delay.share();
            self.pace.note(began.elapsed(), delay_share, Instant::now());
        }
        self.send();
        self.journal_progress()
    }

    /// Connects, and begins where the state says that the destination is. None if it is gone.
    fn begin(&self) -> Result<Option<Work>, String> {
        let Means { outgoing, key, workspace, shared, .. } = &self.means;
        let sender = connect(outgoing, key.as_deref(), workspace, &self.destination)?;
        let snapshot = shared.live.snapshot();
        let standing = snapshot.destinations.get(&self.name);
        let Some(standing) = standing.filter(|standing| standing.added_at == self.added_at) else {
            return Ok(None);
        };
        let seed = xxh3_64(format!("{workspace}/{}", self.name).as_bytes());
        let limits = limits(&self.destination, &*sender);
        let mut versions = Versions::default();
        versions.follow(standing);
        let left = snapshot.campaigns.under_way(snapshot.store(), self.added_at);
        let left = left.map_err(|error| error.to_string())?;
        let read_again =
            |offset: u64| offset >= standing.place || standing.open.contains_key(&offset);
        Ok(Some(Work {
            sender,
            dispatcher: Dispatcher::new(limits, seed, standing.place),
            hand_overs: HandOvers::new(left, read_again),
            gate: Arc::new(Mutex::new(true)),
            journalling: None,
            versions,
            reopening: standing.open.values().cloned().collect(),
            place: standing.place,
            applied: shared.outcomes.watch(),
            finished: mpsc::unbounded_channel(),
            progress_at: Instant::now(),
        }))
    }

    /// How long callers have precedence, until more is read.
    fn rest(&self) -> Duration {
        self.pace.rest(Instant::now())
    }

    fn take_finished(&mut self) {
        let now = self.now();
        let Some(work) = &mut self.work else { return };
        while let Ok(finished) = work.finished.1.try_recv() {
            work.finish(finished, now);
        }
    }

    fn follow_versions(&mut self) {
        let Some(work) = &mut self.work else { return };
        let snapshot = self.means.shared.live.snapshot();
        let Some(standing) = snapshot.destinations.get(&self.name) else { return };
        if !work.versions.is_current(standing) {
            work.versions.follow(standing);
        }
        work.dispatcher.set_dead_letters(usize::try_from(standing.n_dead).unwrap_or(usize::MAX));
    }

    /// Reads on, as far as there is room.
    fn read(&mut self) -> Result<(), EngineError> {
        let now = self.now();
        let Self { means: Means { shared, workspace, .. }, name, status, work, .. } = self;
        let Some(work) = work else { return Ok(()) };
        while work.dispatcher.has_room()
            && let Some(open) = work.reopening.pop_front()
        {
            let found = shared.journal.get(Offset(open.offset))?;
            let found = found.map(|bytes| decode(open.offset, &bytes)).transpose()?;
            let found =
                found.map(|entry| deliverable(shared, name, open.offset, entry)).transpose()?;
            let found = found.flatten();
            let compiled = work.versions.at(open.offset);
            let mapped = found.zip(compiled).map(|(found, compiled)| {
                map(compiled, &*work.sender, workspace, open.offset, &found, &open.mappings)
            });
            // What is withheld or no longer mapped is done.
            let jobs = match mapped {
                Some(Ok(mapped)) => mapped.jobs,
                Some(Err(_)) | None => Vec::new(),
            };
            let left = work.hand_overs.take_left(open.offset);
            let jobs = work.hand_overs.without_lost(left, jobs, &mut work.dispatcher, now);
            work.dispatcher.reopen(&open, jobs, now);
        }
        let end = *work.applied.borrow_and_update();
        if work.place >= end || !work.reopening.is_empty() {
            return Ok(());
        }
        let until = end.min(work.place.saturating_add(ENTRIES_PER_STEP as u64));
        let skipped = shared.live.snapshot().destinations.skipped(work.place, until);
        let skipped: BTreeSet<u64> = skipped.into_iter().collect();
        for record in shared.journal.read_from(Offset(work.place)) {
            let (Offset(offset), bytes) = record?;
            if offset >= until || !work.dispatcher.has_room() {
                work.place = offset.min(until);
                break;
            }
            work.place = offset + 1;
            let entry = decode(offset, &bytes)?;
            let arrived_at = entry.time();
            let found = match skipped.contains(&offset) {
                true => None,
                false => deliverable(shared, name, offset, entry)?,
            };
            let left = work.hand_overs.take_left(offset);
            match found {
                Some(found) => add(work, workspace, status, (offset, &found, left), now),
                None => work.hand_overs.give_up(left),
            }
            let mut status = status.lock();
            status.read_at = arrived_at.or(status.read_at);
        }
        work.dispatcher.read_to(work.place);
        Ok(())
    }

    /// Sends what is to be sent now. Messages of campaigns leave once the journal knows of them.
    fn send(&mut self) {
        let now = self.now();
        let Some(work) = &mut self.work else { return };
        let Means { outgoing, writer, shared, .. } = &self.means;
        let (mut announced, mut messages) = (Vec::new(), Vec::new());
        while let Some(batch) = work.dispatcher.next_batch(now) {
            let of_campaigns = work.hand_overs.note_leaving(&batch);
            if of_campaigns.is_empty() {
                let (sender, finished) = (Arc::clone(&work.sender), work.finished.0.clone());
                outgoing.runtime().spawn(hand_over(sender, finished, batch));
            } else {
                messages.extend(of_campaigns);
                announced.push(batch);
            }
        }
        if announced.is_empty() {
            return;
        }
        let entries = entries_before(now, &self.name, self.added_at, &messages);
        let prepared = entries.into_iter().map(PreparedEntry::unmapped).collect();
        let submitted = writer.submit(shared, prepared);
        let (sender, finished) = (Arc::clone(&work.sender), work.finished.0.clone());
        let gate = Arc::clone(&work.gate);
        outgoing.runtime().spawn(async move {
            let journalled = match submitted {
                Ok(receiver) => receiver.await.unwrap_or(Err(SubmitError::Stopping)).map(drop),
                Err(error) => Err(error),
            };
            let is_open = gate.lock();
            for batch in announced {
                let why = match &journalled {
                    Ok(()) if *is_open => {
                        tokio::spawn(hand_over(Arc::clone(&sender), finished.clone(), batch));
                        continue;
                    }
                    Ok(()) => SubmitError::Stopping.to_string(),
                    Err(error) => error.to_string(),
                };
                let results = vec![Err(not_journalled(why)); batch.jobs.len()];
                finished.send((batch.id, results)).ok();
            }
        });
    }

    /// Waits for an entry, the end of a batch, or a time at which something is due.
    fn wait(&mut self) {
        let (now, rest) = (self.now(), self.rest());
        let Some(work) = &mut self.work else { return std::thread::sleep(WAIT_MAX) };
        let is_behind = work.place < *work.applied.borrow() && work.dispatcher.has_room();
        let mut due = work.dispatcher.wait(now).map(Duration::from_millis).unwrap_or(WAIT_MAX);
        if is_behind {
            due = due.min(rest);
        }
        if due.is_zero() {
            return;
        }
        let Work { applied, finished, dispatcher, journalling, .. } = work;
        let has_room = dispatcher.has_room();
        let received = self.means.outgoing.runtime().block_on(async {
            tokio::select! {
                received = finished.1.recv() => received,
                () = journalled(journalling) => None,
                _ = applied.changed(), if has_room && rest.is_zero() => None,
                () = tokio::time::sleep(due.min(WAIT_MAX)) => None,
            }
        });
        let now = self.now();
        if let (Some(finished), Some(work)) = (received, &mut self.work) {
            work.finish(finished, now);
        }
    }

    /// Waits for what is under way, for a moment, and journals the last progress. From then on no
    /// message of a campaign is handed over that the next reader does not know of.
    fn finish(&mut self) {
        let until = Instant::now() + STOP_TIME_MAX / 2;
        loop {
            self.take_finished();
            let now = self.now();
            let Some(work) = &mut self.work else { return };
            if work.dispatcher.status(now).in_flight_batches == 0 || Instant::now() >= until {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        if let Some(work) = &self.work {
            *work.gate.lock() = false;
        }
        self.take_finished();
        let journalled = self
            .await_journalled()
            .and_then(|()| self.put_progress())
            .and_then(|()| self.await_journalled());
        if let Err(error) = journalled {
            tracing::warn!(
                destination = self.name,
                error,
                "the last progress was not journalled: what was sent since is sent again"
            );
        }
    }

    fn report(&self, problem: Option<&String>) {
        let now = self.now();
        let mut status = self.status.lock();
        status.problem = problem.cloned();
        if let Some(work) = &self.work {
            status.dispatcher = Some(work.dispatcher.status(now));
            status.read_to = work.place;
        }
    }
}

/// Sends a batch, whatever becomes of it.
async fn hand_over(
    sender: Arc<dyn Sender>,
    finished: mpsc::UnboundedSender<Finished>,
    batch: Batch<Parcel>,
) {
    let payloads = batch.jobs.into_iter().map(|job| job.payload.prepared).collect();
    let results = sender.send(payloads).await;
    finished.send((batch.id, results)).ok();
}

/// Adds the jobs of a message to the dispatcher, with what an earlier reader left of them.
fn add(
    work: &mut Work,
    workspace: &domain::WorkspaceId,
    status: &Mutex<DeliveryStatus>,
    (offset, found, left): (u64, &Deliverable, Vec<UnderWay>),
    now: Timestamp,
) {
    let compiled = work.versions.at(offset).filter(|compiled| compiled.destination.enabled);
    let mapped =
        compiled.map(|compiled| map(compiled, &*work.sender, workspace, offset, found, &[]));
    match mapped {
        Some(Ok(mapped)) => {
            for (mapping, why) in mapped.failed {
                work.dispatcher.refuse(offset, &mapping, REASON_UNMAPPED, &why, now);
                if let Some(notification) = &found.notification {
                    work.hand_overs.note_unmapped(offset, &mapping, REASON_UNMAPPED, notification);
                }
            }
            let jobs = work.hand_overs.without_lost(left, mapped.jobs, &mut work.dispatcher, now);
            if !jobs.is_empty() {
                work.dispatcher.add(offset, jobs, now);
            }
        }
        Some(Err(withheld)) => {
            *status.lock().withheld.entry(withheld.label()).or_default() += 1;
            work.hand_overs.give_up(left);
        }
        None => work.hand_overs.give_up(left),
    }
}

fn decode(offset: u64, bytes: &[u8]) -> Result<Entry, EngineError> {
    Entry::decode(bytes).map_err(|source| EngineError::Entry { offset, source })
}

fn limits(destination: &Destination, sender: &dyn Sender) -> Limits {
    let batching = sender.batching();
    let settings = &destination.delivery;
    Limits {
        batch_jobs: batching.n_max,
        batch_bytes: batching.bytes_max,
        batch_age_ms: batching.age_ms,
        concurrency: settings.concurrency.unwrap_or(CONCURRENCY_DEFAULT) as usize,
        batches_per_second: settings.requests_per_second,
        is_atomic: batching.is_atomic,
        ..Limits::default()
    }
}
