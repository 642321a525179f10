//! An open workspace.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use connectors::{Archive, InstanceKey, Outgoing};
use domain::{Timestamp, WorkspaceId};
use journal::{Disk, EndRecord, Journal, JournalEnd, Offset, OpenError, RealDisk, RecordedEnd};
use parking_lot::Mutex;
use recommender::Cancelled;
use serving::{MemoryBudget, Serving, Snapshot};
use state::PreparedEntry;

use crate::artifacts::Artifacts;
use crate::campaigns::CampaignSending;
use crate::decisions::{Step, next_step};
use crate::delivery::{Delivery, DeliveryStatus, Means};
use crate::error::describe_error;
use crate::history_reading::HistoryReading;
use crate::opening::{KnownEnd, Parts, find_snapshot_problem, open_files};
use crate::recorder::Recorder;
use crate::shared::{Health, Shared};
use crate::state_snapshot::Snapshots;
use crate::submission::SubmitError;
use crate::suppression::with_refused;
use crate::sync::Syncing;
use crate::ticker::Ticker;
use crate::training_runs::TrainingRuns;
use crate::writer::Writer;
use crate::{
    CheckProgress, Clock, Command, Computing, DiskUse, EngineError, Entry, Finding, ManualClock,
    Outcome, Problem, RequestBudget, SystemClock, ThreadStatus,
};

/// The number of locks by which calls that continue the same recommendation wait for each other.
pub(crate) const NEXT_LOCKS: usize = 64;

/// The options of opening a workspace.
#[derive(Clone)]
pub struct EngineOptions {
    /// The memory budget that all workspaces of the process share.
    pub memory: Arc<MemoryBudget>,
    /// Memory for what is read from the store, in bytes.
    pub store_cache_bytes: u64,
    /// Whether a workspace opens without its model when the artifact is lost, until
    /// [`Engine::remake_lost_model`] has made it again. If not, opening makes the model.
    pub opens_without_model: bool,
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// The client by which destinations are reached. Without it nothing is delivered.
    pub outgoing: Option<Arc<Outgoing>>,
    /// The key that secrets of destinations are sealed with.
    pub instance_key: Option<Arc<InstanceKey>>,
    /// Where segments go before they are cut from the journal. Without it they are just removed.
    pub archive: Option<Arc<Archive>>,
}

impl EngineOptions {
    /// Options for opening a copy to read it: the clock stands still, so that no timer fires.
    pub(crate) fn with_frozen_clock() -> Self {
        Self { clock: Arc::new(ManualClock::new(Timestamp(0))), ..Self::default() }
    }
}

impl Default for EngineOptions {
    /// Options for the only workspace of a process.
    fn default() -> Self {
        Self {
            memory: Arc::default(),
            store_cache_bytes: store::CACHE_BYTES,
            opens_without_model: false,
            clock: Arc::new(SystemClock),
            outgoing: None,
            instance_key: None,
            archive: None,
        }
    }
}

/// An open workspace.
pub struct Engine {
    id: WorkspaceId,
    folder: PathBuf,
    pub(crate) shared: Arc<Shared>,
    pub(crate) writer: Arc<Writer>,
    pub(crate) recorder: Recorder,
    pub(crate) ticker: Ticker,
    pub(crate) history_reading: HistoryReading,
    /// None where nothing is delivered.
    pub(crate) delivery: Option<Delivery>,
    /// None where nothing is delivered.
    pub(crate) syncing: Option<Syncing>,
    campaign_sending: Option<CampaignSending>,
    pub(crate) outgoing: Option<Arc<Outgoing>>,
    pub(crate) instance_key: Option<Arc<InstanceKey>>,
    pub(crate) archive: Option<Arc<Archive>>,
    pub(crate) artifacts: Artifacts,
    pub(crate) serving: Arc<Serving>,
    pub(crate) next_locks: [Mutex<()>; NEXT_LOCKS],
    pub(crate) training_lock: Mutex<()>,
    /// Held while the lists of two models are compared.
    pub(crate) comparison_lock: Mutex<()>,
    pub(crate) training_runs: Arc<TrainingRuns>,
    pub(crate) import_lock: Mutex<()>,
    pub(crate) config_lock: Mutex<()>,
    /// Held while changed mappings are applied to the past.
    pub(crate) back_fill_lock: Mutex<()>,
    /// Held while a regulation is run.
    pub(crate) privacy_lock: Mutex<()>,
    /// Set while the model in use cannot be read.
    pub(crate) lost_model: Mutex<Option<Problem>>,
    /// Problems that last until the workspace is opened again.
    pub(crate) reported: Mutex<Vec<Problem>>,
    pub(crate) snapshots: Snapshots,
    /// Held while a snapshot of the state is taken.
    pub(crate) snapshot_lock: Mutex<()>,
    /// Held while the journal is cut.
    pub(crate) retention_lock: Mutex<()>,
    pub(crate) schedule_lock: Mutex<()>,
    /// What keeps the journal whole, until a snapshot is taken.
    pub(crate) snapshot_problem: Mutex<Option<Problem>>,
    /// The damage that checks of the stored data have found.
    pub(crate) findings: Mutex<Vec<Finding>>,
    /// The last check of the journal.
    pub(crate) journal_check: Mutex<Option<CheckProgress>>,
    /// What the workspace takes on disk, and when that was measured.
    pub(crate) measured_disk: Mutex<Option<(Instant, DiskUse)>>,
    /// Once set, computing for requests ends early.
    is_stopping: Arc<AtomicBool>,
    /// Once set, the training run under way ends early, and no further one begins.
    is_training_cut: AtomicBool,
}

impl Engine {
    /// Opens a workspace in its folder, making an empty one where there is none: catches the store
    /// up with the journal, rebuilds the views, and loads or makes again the model in use.
    /// `progress` gets applied and total entries of the replay.
    pub fn open(
        id: WorkspaceId,
        folder: &Path,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Self, EngineError> {
        Self::open_with(id, folder, &EngineOptions::default(), progress)
    }

    /// As [`Engine::open`], with options.
    pub fn open_with(
        id: WorkspaceId,
        folder: &Path,
        options: &EngineOptions,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Self, EngineError> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(folder.join("journal"))?);
        Self::open_over_disk(id, folder, disk, options, progress)
    }

    /// As [`Engine::open_with`], with an end-of-log record, which is updated with each append.
    pub(crate) fn open_recorded(
        id: WorkspaceId,
        folder: &Path,
        end_record: EndRecord,
        options: &EngineOptions,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Self, EngineError> {
        let journal = folder.join("journal");
        if !journal.is_dir() {
            // Nothing is created for a stray file or a lost journal, which may be put back.
            match end_record.recorded() {
                RecordedEnd::Unreadable => {
                    return Err(OpenError::EndRecordUnreadable { place: end_record.place() }.into());
                }
                RecordedEnd::At(JournalEnd { offset: acknowledged, .. }) if acknowledged.0 > 0 => {
                    let place = journal.display().to_string();
                    return Err(OpenError::Truncated { place, end: Offset(0), acknowledged }.into());
                }
                RecordedEnd::Absent | RecordedEnd::At(_) => {}
            }
        }
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(journal)?);
        let open = |end| open_files(&id, disk, Some(end_record), end);
        Self::open_parts(id.clone(), folder, open, options, progress)
    }

    /// As [`Engine::open`], with the journal on a disk of the caller's.
    pub fn open_on(
        id: WorkspaceId,
        folder: &Path,
        disk: Arc<dyn Disk>,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Self, EngineError> {
        Self::open_over_disk(id, folder, disk, &EngineOptions::default(), progress)
    }

    /// As [`Engine::open_with`], with the journal on a disk of the caller's.
    pub(crate) fn open_over_disk(
        id: WorkspaceId,
        folder: &Path,
        disk: Arc<dyn Disk>,
        options: &EngineOptions,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Self, EngineError> {
        let open = |end| open_files(&id, disk, None, end);
        Self::open_parts(id.clone(), folder, open, options, progress)
    }

    /// As [`Engine::open`], with a journal of the caller's, which other processes may write to as
    /// well. The folder holds the store and the models.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn open_over(
        id: WorkspaceId,
        folder: &Path,
        journal: Arc<dyn Journal>,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Self, EngineError> {
        let open = |KnownEnd { acknowledged, .. }| match journal.end() {
            end if end < acknowledged => Err(OpenError::Truncated {
                place: "a journal that is shared".to_owned(),
                end,
                acknowledged,
            }),
            _ => Ok(journal),
        };
        Self::open_parts(id, folder, open, &EngineOptions::default(), progress)
    }

    /// As [`Engine::open_with`], with the journal on a disk of the caller's and a record of its
    /// end.
    fn open_parts(
        id: WorkspaceId,
        folder: &Path,
        open_journal: impl FnOnce(KnownEnd) -> Result<Arc<dyn Journal>, OpenError>,
        options: &EngineOptions,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Self, EngineError> {
        let memory = Arc::clone(&options.memory);
        journal::disk::create_private_folder(folder)?;
        let store_folder = folder.join("store");
        let artifacts = Artifacts::open(folder.join("models"))?;
        let snapshots = Snapshots::of(folder, &id);
        let parts = Parts {
            id: &id,
            store_folder: &store_folder,
            cache_bytes: options.store_cache_bytes,
            snapshots: &snapshots,
        };
        let clock = || Arc::clone(&options.clock);
        let shared = parts.open(artifacts.find_journal_end()?, open_journal, &clock, progress)?;
        let snapshot_problem = find_snapshot_problem(shared.journal.start().0, snapshots.newest()?);
        let shared = Arc::new(shared);

        let writer = Arc::new(Writer::start(&shared, &store_folder));
        let recorder = Recorder::start(&shared, &writer, &memory);
        let ticker = Ticker::start(&shared, &writer);
        let history_reading = HistoryReading::start(&shared, &writer);
        let means = |outgoing: &Arc<Outgoing>| Means {
            workspace: id.clone(),
            shared: Arc::clone(&shared),
            writer: Arc::clone(&writer),
            outgoing: Arc::clone(outgoing),
            key: options.instance_key.clone(),
        };
        let serving = Arc::new(Serving::new(memory, recorder.waiting_impressions()));
        let delivery = options.outgoing.as_ref().map(|outgoing| Delivery::start(means(outgoing)));
        let syncs = options.outgoing.is_some();
        let engine = Self {
            syncing: syncs.then(|| Syncing::start(&shared, &writer, &serving)),
            campaign_sending: options.outgoing.as_ref().map(|outgoing| {
                let key = options.instance_key.as_ref();
                CampaignSending::start(&shared, &writer, &serving, outgoing, key)
            }),
            delivery,
            outgoing: options.outgoing.clone(),
            instance_key: options.instance_key.clone(),
            archive: options.archive.clone(),
            id,
            folder: folder.to_owned(),
            writer,
            shared,
            artifacts,
            serving,
            recorder,
            ticker,
            history_reading,
            next_locks: [const { Mutex::new(()) }; NEXT_LOCKS],
            training_lock: Mutex::new(()),
            comparison_lock: Mutex::new(()),
            training_runs: Arc::default(),
            import_lock: Mutex::new(()),
            config_lock: Mutex::new(()),
            back_fill_lock: Mutex::new(()),
            lost_model: Mutex::new(None),
            reported: Mutex::new(Vec::new()),
            snapshots,
            snapshot_lock: Mutex::new(()),
            retention_lock: Mutex::new(()),
            schedule_lock: Mutex::new(()),
            snapshot_problem: Mutex::new(snapshot_problem),
            findings: Mutex::new(Vec::new()),
            journal_check: Mutex::new(None),
            measured_disk: Mutex::new(None),
            privacy_lock: Mutex::new(()),
            is_stopping: Arc::default(),
            is_training_cut: AtomicBool::new(false),
        };
        engine.load_model(options.opens_without_model)?;
        Ok(engine)
    }

    /// Locks the state until the snapshot is dropped. A thread must not hold two snapshots.
    pub fn snapshot(&self) -> Snapshot<'_> {
        self.shared.live.snapshot()
    }

    /// The time of the workspace's clock.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// The workspace's name.
    pub fn id(&self) -> &WorkspaceId {
        &self.id
    }

    /// Appends entries, applies them, and gives one outcome each.
    ///
    /// # Errors
    /// If the journal does not take them. Entries that are appended together are then all missing.
    pub async fn submit(&self, entries: Vec<Entry>) -> Result<Vec<Outcome>, SubmitError> {
        let mut outcomes = Vec::with_capacity(entries.len());
        let mut rest = entries.into_iter().peekable();
        while let Some(step) = next_step(&mut rest, &|| self.snapshot(), self.now()) {
            match step {
                Step::Refuse(refusal) => outcomes.push(Outcome::Refused(refusal)),
                Step::Append { entries, n_scenario_notes } => {
                    let applied = self.append(entries).await?;
                    outcomes.extend(applied.into_iter().skip(n_scenario_notes));
                }
            }
        }
        Ok(outcomes)
    }

    /// As [`Engine::submit`], for threads that may wait.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub fn submit_blocking(&self, entries: Vec<Entry>) -> Result<Vec<Outcome>, SubmitError> {
        pollster::block_on(self.submit(entries))
    }

    async fn append(&self, entries: Vec<Entry>) -> Result<Vec<Outcome>, SubmitError> {
        let (mut entries, refused) = self.refuse_suppressed(entries);
        if entries.is_empty() {
            return Ok(with_refused(Vec::new(), refused));
        }
        self.enrich(&mut entries);
        Ok(with_refused(self.append_taken(entries).await?, refused))
    }

    async fn append_taken(&self, entries: Vec<Entry>) -> Result<Vec<Outcome>, SubmitError> {
        let mappings = self.shared.mappings.load();
        let prepare = |entry| PreparedEntry::new(entry, &mappings);
        let entries: Vec<PreparedEntry> = entries.into_iter().map(prepare).collect();
        drop(mappings);
        if let Some(journalled) = self.recorder.journal_cited(&entries) {
            // No answer means that the journal did not take it, which is no reason to refuse these
            // entries.
            journalled.await.ok();
        }
        self.writer.submit(&self.shared, entries)?.await.unwrap_or(Err(SubmitError::Stopping))
    }

    /// Journals a tick if a timer is due that no entry has fired, and returns whether it did. A
    /// background thread does the same within a second.
    ///
    /// # Errors
    /// If the journal does not take the entry.
    pub fn tick(&self) -> Result<bool, SubmitError> {
        self.ticker.tick()
    }

    /// Forgets everything but the configuration.
    pub fn reset(&self) -> Result<(), SubmitError> {
        // List impressions from before the reset must not follow it in the journal.
        if let Some(journalled) = self.recorder.journal_all() {
            journalled.blocking_recv().ok();
        }
        self.submit_one(Entry::Reset { received_at: self.now() })?;
        self.serving.clear();
        Ok(())
    }

    /// Submits an entry whose outcome does not matter.
    pub(crate) fn submit_one(&self, entry: Entry) -> Result<(), SubmitError> {
        self.submit_blocking(vec![entry]).map(|_| ())
    }

    /// Submits a command with the present time.
    pub(crate) fn submit_command(&self, command: Command) -> Result<Outcome, SubmitError> {
        let entry = Entry::Command { received_at: self.now(), command: Box::new(command) };
        Ok(self.submit_blocking(vec![entry])?.remove(0))
    }

    /// The memory budget that it shares with the other workspaces of the process.
    pub fn memory(&self) -> &Arc<MemoryBudget> {
        self.serving.memory()
    }

    /// The folders of its journal and of its store, which it writes to.
    pub fn folders(&self) -> [PathBuf; 2] {
        ["journal", "store"].map(|part| self.folder.join(part))
    }

    /// The folder of the workspace.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether entries are taken.
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// How the background threads of the workspace are doing. What keeps the threads that journal
    /// and apply entries from their work is among its problems.
    pub fn threads(&self) -> Vec<ThreadStatus> {
        let mut threads =
            vec![self.recorder.status(), self.ticker.status(), self.history_reading.status()];
        threads.extend(self.syncing.iter().map(Syncing::thread_status));
        threads.extend(self.campaign_sending.iter().map(CampaignSending::thread_status));
        threads.extend(self.delivery.iter().flat_map(Delivery::threads));
        threads
    }

    /// How the delivery to a destination is doing; none while it is off, and where this process
    /// delivers nothing.
    pub fn delivery_status(&self, name: &str) -> Option<DeliveryStatus> {
        self.delivery.as_ref()?.status(name)
    }

    /// Starts to compute for a request. Computing ends early when the budget is used up or the
    /// workspace is stopped.
    pub fn start_computing<'a>(&self, budget: &'a RequestBudget) -> Computing<'a> {
        budget.start_computing(&self.is_stopping)
    }

    /// Ends a training run under way, or the making of a lost model, after its present step. No
    /// further one begins.
    pub fn cut_training_short(&self) {
        self.is_training_cut.store(true, Ordering::Relaxed);
    }

    /// Checks that training may go on.
    ///
    /// # Errors
    /// [`Cancelled`] after [`Engine::cut_training_short`].
    pub(crate) fn check_training(&self) -> Result<(), Cancelled> {
        if self.is_training_cut.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }

    /// Stops the workspace: takes no further entries, journals and applies those that wait, ends
    /// training runs and computing for requests early, and closes all files.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        self.cut_training_short();
        if let Some(syncing) = &self.syncing {
            syncing.stop();
        }
        if let Some(sending) = &self.campaign_sending {
            sending.stop();
        }
        if let Some(delivery) = &self.delivery {
            delivery.stop();
        }
        self.history_reading.stop();
        self.recorder.stop();
        self.ticker.stop();
        self.writer.stop();
        self.shared.journal.sync_end();
        if let Err(error) = self.shared.live.store().flush() {
            tracing::warn!(
                error = describe_error(&error),
                "the store could not be flushed; the journal has everything"
            );
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}
