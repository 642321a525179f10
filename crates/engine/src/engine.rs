//! An open workspace.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use domain::{Timestamp, WeakSignalWeights, WorkspaceId};
use journal::{
    Disk, EndRecord, FileJournal, Journal, JournalEnd, JournalOptions, Offset, OpenError, ReadError,
    RealDisk, RecordedEnd,
};
use parking_lot::Mutex;
use recommender::{Cancelled, Model, TrainingSet, weights_in_force};
use serving::{MemoryBudget, QueryError, Serving, Snapshot, features_of};
use state::DecodeError;
use state::PreparedEntry;
use state::Views;
use store::{Store, StoreError};

use crate::artifacts::{Artifacts, ArtifactsError};
use crate::decisions::{Step, next_step};
use crate::follow::replay;
use crate::next::NEXT_LOCKS;
use crate::recorder::Recorder;
use crate::ticker::Ticker;
use crate::training::training_threads;
use crate::training_runs::TrainingRuns;
use crate::writer::{Health, Shared, SubmitError, Writer, with_sources};
use crate::{
    Clock, Command, Computing, Entry, Finding, ManualClock, Outcome, Problem, RequestBudget, SystemClock,
};

/// Memory for what is read from the store aside in which a model is made again, in bytes.
const REMAKE_CACHE_BYTES: u64 = 16 * 1_024 * 1_024;

/// How often a log says how far the journal is folded for a model that is made again.
const REMAKE_TOLD_INTERVAL: Duration = Duration::from_secs(10);

/// Why a workspace could not be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The journal is damaged, ends too early, or its files cannot be opened.
    #[error("cannot open the journal")]
    Journal(#[from] OpenError),
    /// A block of the journal cannot be read.
    #[error("cannot read the journal")]
    Read(#[from] ReadError),
    /// The bytes of an entry are no entry that this program knows.
    #[error("cannot read the journal at offset {offset}")]
    Entry {
        /// The offset of the entry.
        offset: u64,
        /// What its bytes are not.
        #[source]
        source: DecodeError,
    },
    /// The store is damaged, or its files cannot be used at the moment.
    #[error("cannot use the store at {folder}")]
    Store {
        /// The folder of the store.
        folder: PathBuf,
        /// What failed; [`StoreError::is_damage`] tells the two apart.
        #[source]
        source: StoreError,
    },
    /// The version was never there, or it is too long ago.
    #[error("catalog version {version} is not kept; there are: {known}")]
    NoSuchCatalog {
        /// Which.
        version: u32,
        /// Those that there are.
        known: String,
    },
    /// Of a query.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A model artifact cannot be used.
    #[error(transparent)]
    Artifacts(#[from] ArtifactsError),
    /// Of the writer.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// Nobody has trained such a model, or it is forgotten.
    #[error("no model {version}: `tastemaker models` lists those there are")]
    NoSuchModel {
        /// Which.
        version: String,
    },
    /// Another training run of the workspace goes on.
    #[error("a training run is under way: {id}, since {started_at}")]
    TrainingUnderWay {
        /// The run that goes on.
        id: uuid::Uuid,
        /// When it began.
        started_at: Timestamp,
    },
    /// A training run or an evaluation has nothing to learn from.
    #[error("the workspace has no interactions to learn from: send events or import interactions first")]
    NoInteractions,
    /// A training run, or the making of a lost model, was cut short since the workspace is being closed.
    #[error("the workspace is being closed; the next training run makes another model")]
    TrainingCancelled(#[from] Cancelled),
    /// Of a training run.
    #[error("cannot start the threads of a training run")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// Of files of its own.
    #[error("cannot use the data folder")]
    Io(#[from] std::io::Error),
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        Self::Query(error.into())
    }
}

impl EngineError {
    /// Whether the workspace may open later though nobody mends its data: a full disk gets room, a folder that is missing is mounted or put
    /// back.
    pub fn may_pass(&self) -> bool {
        use std::io::ErrorKind::{
            NotFound, QuotaExceeded, ResourceBusy, StaleNetworkFileHandle, StorageFull, TimedOut,
        };
        // The folder of the journal is there, or not, and nothing is in it.
        if matches!(self, Self::Journal(OpenError::Truncated { end: Offset(0), .. })) {
            return true;
        }
        let passing = [NotFound, QuotaExceeded, ResourceBusy, StaleNetworkFileHandle, StorageFull, TimedOut];
        let first: &(dyn std::error::Error + 'static) = self;
        std::iter::successors(Some(first), |error| error.source())
            .filter_map(|error| error.downcast_ref::<std::io::Error>())
            .any(|error| passing.contains(&error.kind()))
    }

    /// The error with all that it comes from, in one line.
    pub fn full_text(&self) -> String {
        with_sources(self)
    }
}

/// What a workspace is opened with beside its folder.
#[derive(Clone)]
pub struct EngineOptions {
    /// What it shares with the other workspaces of the process.
    pub memory: Arc<MemoryBudget>,
    /// Memory for what is read from the store, in bytes.
    pub store_cache_bytes: u64,
    /// Whether a model that is lost may wait for [`Engine::remake_lost_model`]; where not, opening takes as long as making it again.
    pub opens_without_model: bool,
    /// What tells it the time.
    pub clock: Arc<dyn Clock>,
}

impl EngineOptions {
    /// Of a copy that is opened to be looked at: for it time stands still, so that nothing becomes due.
    pub(crate) fn with_frozen_clock() -> Self {
        Self { clock: Arc::new(ManualClock::new(Timestamp(0))), ..Self::default() }
    }
}

impl Default for EngineOptions {
    /// Of a workspace that is alone.
    fn default() -> Self {
        Self {
            memory: Arc::default(),
            store_cache_bytes: store::CACHE_BYTES,
            opens_without_model: false,
            clock: Arc::new(SystemClock),
        }
    }
}

/// One workspace at work.
pub struct Engine {
    id: WorkspaceId,
    folder: PathBuf,
    pub(crate) shared: Arc<Shared>,
    writer: Arc<Writer>,
    pub(crate) recorder: Recorder,
    pub(crate) ticker: Ticker,
    pub(crate) artifacts: Artifacts,
    pub(crate) serving: Serving,
    pub(crate) next_locks: [Mutex<()>; NEXT_LOCKS],
    pub(crate) training_lock: Mutex<()>,
    pub(crate) training_runs: Arc<TrainingRuns>,
    pub(crate) import_lock: Mutex<()>,
    pub(crate) config_lock: Mutex<()>,
    /// That the model in use could not be read yet.
    pub(crate) lost_model: Mutex<Option<Problem>>,
    /// Problems that last until the workspace is opened again.
    pub(crate) reported: Mutex<Vec<Problem>>,
    /// What checks of the stored data have found.
    pub(crate) findings: Mutex<Vec<Finding>>,
    /// Computing for requests ends early once it is set.
    is_stopping: Arc<AtomicBool>,
    /// No model is made any more once it is set.
    is_training_cut: AtomicBool,
}

impl Engine {
    /// Opens a workspace in its folder, making an empty one where there is none: catches the store up with the journal, rebuilds
    /// the views, and loads or makes again the model in use. `progress` gets applied and total entries of the replay.
    pub fn open(id: WorkspaceId, folder: &Path, progress: &dyn Fn(u64, u64)) -> Result<Self, EngineError> {
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
        let open = |end| open_files(&id, disk, None, end);
        Self::open_parts(id.clone(), folder, open, options, progress)
    }

    /// As [`Engine::open_with`], with a record of the journal's end, which is kept up.
    pub(crate) fn open_recorded(
        id: WorkspaceId,
        folder: &Path,
        end_record: EndRecord,
        options: &EngineOptions,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Self, EngineError> {
        let journal = folder.join("journal");
        if !journal.is_dir() {
            // Nothing is made for a stray file, nor for a journal that is gone: it may be put back.
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
        let open = |end| open_files(&id, disk, None, end);
        Self::open_parts(id.clone(), folder, open, &EngineOptions::default(), progress)
    }

    /// As [`Engine::open`], over a journal of the caller's, into which others may write as well; the folder holds
    /// the store and the models.
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
            end if end < acknowledged => {
                Err(OpenError::Truncated { place: "a journal that is shared".to_owned(), end, acknowledged })
            }
            _ => Ok(journal),
        };
        Self::open_parts(id, folder, open, &EngineOptions::default(), progress)
    }

    /// As [`Engine::open_with`], with the journal on a disk of the caller's and a record of its end.
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
        let (state, position) = match open_state(&store_folder, options.store_cache_bytes, &id) {
            Err(error) if is_store_damage(&error) => {
                (remake_state(&store_folder, options.store_cache_bytes, &id, &error)?, 0)
            }
            state => {
                let (store, views) = state?;
                let position = store.position().map_err(store_error_in(&store_folder))?;
                ((store, views), position)
            }
        };
        let artifacts = Artifacts::open(folder.join("models"))?;
        let acknowledged = Offset(position.max(artifacts.journal_end()?));
        let journal = open_journal(KnownEnd { acknowledged, is_vouched_for: position > 0 })?;
        let clock = || Arc::clone(&options.clock);
        let shared = Shared::new(journal, state.0, state.1, clock());
        let end = shared.journal.end().0;
        let progress = |done, total| {
            progress(done, total);
            Ok(())
        };
        let shared = match replay(&shared, &store_folder, end, &progress) {
            Err(error) if is_store_damage(&error) => {
                let Shared { journal, live, .. } = shared;
                drop(live);
                let (store, views) = remake_state(&store_folder, options.store_cache_bytes, &id, &error)?;
                let shared = Shared::new(journal, store, views, clock());
                replay(&shared, &store_folder, end, &progress)?;
                shared
            }
            replayed => {
                replayed?;
                shared
            }
        };
        let shared = Arc::new(shared);

        let writer = Arc::new(Writer::start(&shared, &store_folder));
        let recorder = Recorder::start(&shared, &writer, &memory);
        let ticker = Ticker::start(&shared, &writer);
        let engine = Self {
            id,
            folder: folder.to_owned(),
            writer,
            shared,
            artifacts,
            serving: Serving::new(Arc::clone(&memory), recorder.waiting_impressions()),
            recorder,
            ticker,
            next_locks: [const { Mutex::new(()) }; NEXT_LOCKS],
            training_lock: Mutex::new(()),
            training_runs: Arc::default(),
            import_lock: Mutex::new(()),
            config_lock: Mutex::new(()),
            lost_model: Mutex::new(None),
            reported: Mutex::new(Vec::new()),
            findings: Mutex::new(Vec::new()),
            is_stopping: Arc::default(),
            is_training_cut: AtomicBool::new(false),
        };
        engine.load_model(options.opens_without_model)?;
        Ok(engine)
    }

    /// The state as it is now, held until the snapshot is dropped. Whoever holds one takes no second one.
    pub fn snapshot(&self) -> Snapshot<'_> {
        self.shared.live.snapshot()
    }

    /// The time by its clock.
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
    /// Where the journal does not take them; then none of those that stood together is in it.
    pub async fn submit(&self, entries: Vec<Entry>) -> Result<Vec<Outcome>, SubmitError> {
        let mut outcomes = Vec::with_capacity(entries.len());
        let mut rest = entries.into_iter().peekable();
        while let Some(step) = next_step(&mut rest, &|| self.snapshot(), self.now()) {
            match step {
                Step::Refuse(refusal) => outcomes.push(Outcome::Refused(refusal)),
                Step::Append { entries, n_scenario_notes: n_noted } => {
                    let applied = self.append(entries).await?;
                    outcomes.extend(applied.into_iter().skip(n_noted));
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
        let entries: Vec<PreparedEntry> = entries.into_iter().map(PreparedEntry::new).collect();
        if let Some(journalled) = self.recorder.journal_cited(&entries) {
            // Nobody answers where the journal did not take it; then this is not refused for that.
            journalled.await.ok();
        }
        self.writer.submit(&self.shared, entries)?.await.unwrap_or(Err(SubmitError::Stopping))
    }

    /// Forgets everything but the configuration.
    pub fn reset(&self) -> Result<(), SubmitError> {
        // What was served before must not come after.
        if let Some(journalled) = self.recorder.journal_all() {
            journalled.blocking_recv().ok();
        }
        self.submit_one(Entry::Reset { received_at: self.now() })?;
        self.serving.clear();
        Ok(())
    }

    /// Submits an entry whose outcome says nothing.
    pub(crate) fn submit_one(&self, entry: Entry) -> Result<(), SubmitError> {
        self.submit_blocking(vec![entry]).map(|_| ())
    }

    /// Submits a command of this moment.
    pub(crate) fn submit_command(&self, command: Command) -> Result<Outcome, SubmitError> {
        let entry = Entry::Command { received_at: self.now(), command: Box::new(command) };
        Ok(self.submit_blocking(vec![entry])?.remove(0))
    }

    /// The memory budget that it shares with the other workspaces of the process.
    pub fn memory(&self) -> &Arc<MemoryBudget> {
        self.serving.memory()
    }

    /// What the store takes in memory, in bytes: blocks that were read, and writes that are in no table yet. Both are bounded beside the
    /// memory budget, by [`EngineOptions::store_cache_bytes`].
    pub fn store_bytes(&self) -> (u64, u64) {
        self.shared.live.store().memory_bytes()
    }

    /// What the ids of messages of the last one to two days take in memory, in bytes; bounded beside the memory budget, by how many there
    /// may be.
    pub fn message_ids_bytes(&self) -> u64 {
        self.snapshot().message_ids.n_bytes()
    }

    /// The folders that it writes to as it works: of its journal and of its store.
    pub fn folders(&self) -> [PathBuf; 2] {
        ["journal", "store"].map(|part| self.folder.join(part))
    }

    /// Whether entries are taken.
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// Starts to compute for a request: that ends early where the budget is used up, and where the workspace is stopped.
    pub fn start_computing<'a>(&self, budget: &'a RequestBudget) -> Computing<'a> {
        budget.start_computing(&self.is_stopping)
    }

    /// Ends a training run under way, and the making of a lost model, after the step that they are at; none is begun any more.
    pub fn cut_training_short(&self) {
        self.is_training_cut.store(true, Ordering::Relaxed);
    }

    /// Whether a model may be made on.
    ///
    /// # Errors
    /// [`Cancelled`] after [`Engine::cut_training_short`].
    pub(crate) fn check_training(&self) -> Result<(), Cancelled> {
        if self.is_training_cut.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }

    /// Takes nothing more, finishes what waits, cuts training runs and computing for requests short, and lets go of all files.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        self.cut_training_short();
        self.recorder.stop();
        self.ticker.stop();
        self.writer.stop();
        self.shared.journal.sync_end();
        if let Err(error) = self.shared.live.store().flush() {
            tracing::warn!(
                error = with_sources(&error),
                "the store could not be flushed; the journal has everything"
            );
        }
    }

    /// Loads the model that the journal says is in use.
    fn load_model(&self, may_be_lost: bool) -> Result<(), EngineError> {
        let Some(training) = self.training() else { return Ok(()) };
        let model = match self.read_model(&training) {
            Ok(model) => model,
            Err(why) if may_be_lost => {
                let lost = Problem::ModelLost { version: training.version, why, last_error: None };
                tracing::error!(workspace = %self.id, problem = %lost, "a workspace opens without its model");
                *self.lost_model.lock() = Some(lost);
                return Ok(());
            }
            Err(why) => self.remake_and_write(&training, &why)?,
        };
        self.use_model(model);
        Ok(())
    }

    /// Makes the model again without which the workspace was opened, behind everything else that wants the processors; false where there
    /// is nothing to do.
    ///
    /// # Errors
    /// Where it cannot be made, for lack of space, say: then it may be tried again.
    pub fn remake_lost_model(&self) -> Result<bool, EngineError> {
        let _one_at_a_time = self.training_lock.lock();
        let Some(Problem::ModelLost { version, why, .. }) = self.lost_model.lock().clone() else {
            return Ok(false);
        };
        // Another one may be in use since.
        let Some(training) = self.training().filter(|training| training.version == version) else {
            *self.lost_model.lock() = None;
            return Ok(false);
        };
        let made = training_threads(true)?.install(|| self.remake_and_write(&training, &why));
        match made {
            Ok(model) => self.use_model(model),
            Err(error) => {
                let last_error = Some(error.full_text());
                *self.lost_model.lock() = Some(Problem::ModelLost { version, why, last_error });
                return Err(error);
            }
        }
        tracing::info!(workspace = %self.id, training.version = %training.version, "the lost model is there again");
        Ok(true)
    }

    /// The model of a run, made again where its artifact is lost.
    pub(crate) fn read_or_remake(&self, training: &crate::Training) -> Result<Model, EngineError> {
        self.read_model(training).or_else(|why| self.remake_and_write(training, &why))
    }

    /// The model of a run, or why its artifact cannot be used.
    fn read_model(&self, training: &crate::Training) -> Result<Model, String> {
        match self.artifacts.read(&training.version) {
            Ok(Some(model)) => Ok(model),
            Ok(None) => Err("its artifact is missing".to_owned()),
            Err(error) => Err(with_sources(&error)),
        }
    }

    fn remake_and_write(&self, training: &crate::Training, why: &str) -> Result<Model, EngineError> {
        tracing::warn!(why, version = training.version, "the model is made again from the journal");
        let model = self.remake_model(training)?;
        // It is in memory; the next start makes it once more.
        if let Err(error) = self.artifacts.write(&model) {
            tracing::warn!(error = with_sources(&error), "the artifact of a model could not be written");
        }
        Ok(model)
    }

    /// Folds the journal up to a training run's offset into a store aside and fits with the run's parameters.
    fn remake_model(&self, training: &crate::Training) -> Result<Model, EngineError> {
        let aside = self.folder.join("remake");
        let remove = || match fs_err::remove_dir_all(&aside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        remove()?;
        let (store, views) = open_state(&aside, REMAKE_CACHE_BYTES, &self.id)?;
        let shared =
            Shared::new(Arc::clone(&self.shared.journal), store, views, Arc::clone(&self.shared.clock));
        let told_at = Cell::new(Instant::now());
        replay(&shared, &aside, training.offset, &|entries, total| {
            if told_at.get().elapsed() >= REMAKE_TOLD_INTERVAL {
                told_at.set(Instant::now());
                tracing::info!(workspace = %self.id, entries, total, "the journal is folded for a model");
            }
            Ok(self.check_training()?)
        })?;
        let set = {
            let views = shared.live.snapshot();
            TrainingSet::snapshot(views.interactions.histories(), views.catalog.n_items())
                .with_weak_signals(views.weak_signals.all_by_user(), WeakSignalWeights::NONE)
        };
        let features = features_of(&shared.live, set.n_items());
        drop(shared);
        remove()?;
        let parameters = &training.search.parameters;
        let mut set = set.with_features(features).with_interaction_weights(parameters.interaction_weights);
        set.set_weak_weights(weights_in_force(&training.weak_signals));
        Ok(recommender::fit_model(&set, parameters, &training.version, &|| self.check_training())?)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(crate) fn open_store(folder: &Path, cache_bytes: u64) -> Result<Store, EngineError> {
    Store::open_with_cache(folder, &Views::KEYSPACES.concat(), cache_bytes).map_err(store_error_in(folder))
}

/// What is known of where a journal ends, before it is opened.
struct KnownEnd {
    /// Everything below was there.
    acknowledged: Offset,
    /// As [`JournalOptions::is_end_known`].
    is_vouched_for: bool,
}

/// Opens the journal of a workspace that is kept in files.
fn open_files(
    id: &WorkspaceId,
    disk: Arc<dyn Disk>,
    end_record: Option<EndRecord>,
    KnownEnd { acknowledged, is_vouched_for }: KnownEnd,
) -> Result<Arc<dyn Journal>, OpenError> {
    let name = id.as_str().to_owned();
    let options = JournalOptions {
        name,
        acknowledged,
        is_end_known: is_vouched_for,
        end_record,
        ..JournalOptions::default()
    };
    Ok(Arc::new(FileJournal::open_with(disk, options)?))
}

pub(crate) fn store_error_in(folder: &Path) -> impl Fn(StoreError) -> EngineError {
    move |source| EngineError::Store { folder: folder.to_owned(), source }
}

/// Whether the store is to be made again.
fn is_store_damage(error: &EngineError) -> bool {
    matches!(error, EngineError::Store { source, .. } if source.is_damage())
}

/// A store and its views.
fn open_state(folder: &Path, cache_bytes: u64, id: &WorkspaceId) -> Result<(Store, Views), EngineError> {
    let store = open_store(folder, cache_bytes)?;
    let views = Views::load(&store, id).map_err(store_error_in(folder))?;
    Ok((store, views))
}

/// An empty store in place of one that is damaged: it holds nothing that the journal does not say.
fn remake_state(
    folder: &Path,
    cache_bytes: u64,
    id: &WorkspaceId,
    why: &EngineError,
) -> Result<(Store, Views), EngineError> {
    let why = why.full_text();
    tracing::warn!(workspace = %id, folder = %folder.display(), why, "a store is removed and made again from the journal");
    fs_err::remove_dir_all(folder)?;
    open_state(folder, cache_bytes, id)
}
