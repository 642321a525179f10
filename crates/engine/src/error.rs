//! Errors of workspaces and of their models.

use std::path::{Path, PathBuf};

use domain::Timestamp;
use journal::{Offset, OpenError, ReadError};
use recommender::Cancelled;
use serving::{ListError, QueryError};
use state::DecodeError;
use store::StoreError;

use crate::artifacts::ArtifactsError;
use crate::snapshot_error::SnapshotError;
use crate::submission::SubmitError;

/// Errors of opening and using a workspace.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The journal is damaged, ends too early, or its files cannot be opened.
    #[error("cannot open the journal")]
    Journal(#[from] OpenError),
    /// A block of the journal cannot be read.
    #[error("cannot read the journal")]
    Read(#[from] ReadError),
    /// An entry cannot be decoded: it is damaged, or a later build wrote it.
    #[error("cannot read the journal at offset {offset}")]
    Entry {
        /// The offset of the entry.
        offset: u64,
        /// The decoding error.
        #[source]
        source: DecodeError,
    },
    /// The store is damaged, or its files cannot be used at the moment.
    #[error("cannot use the store at {folder}")]
    Store {
        /// The folder of the store.
        folder: PathBuf,
        /// The error; [`StoreError::is_damage`] tells damage from other failures.
        #[source]
        source: StoreError,
    },
    /// A snapshot of the state cannot be taken or read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The version never existed, or is no longer kept.
    #[error("catalog version {version} is not kept; there are: {known}")]
    NoSuchCatalog {
        /// The requested version.
        version: u32,
        /// The kept versions.
        known: String,
    },
    /// There is no item of the id.
    #[error("there is no item {0:?}")]
    NoSuchItem(String),
    /// A query failed.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Items or people cannot be ranked.
    #[error(transparent)]
    List(#[from] ListError),
    /// A model artifact cannot be used.
    #[error(transparent)]
    Artifacts(#[from] ArtifactsError),
    /// The journal did not take an entry.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// A training run or a model failed.
    #[error(transparent)]
    Training(#[from] TrainingError),
    /// A file operation failed.
    #[error("cannot use the data folder")]
    Io(#[from] std::io::Error),
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        Self::Query(error.into())
    }
}

impl From<Cancelled> for EngineError {
    fn from(error: Cancelled) -> Self {
        TrainingError::from(error).into()
    }
}

impl From<rayon::ThreadPoolBuildError> for EngineError {
    fn from(error: rayon::ThreadPoolBuildError) -> Self {
        TrainingError::from(error).into()
    }
}

impl EngineError {
    /// Whether the workspace may open later without a repair of its data: a full disk gets room, a
    /// missing folder is mounted or put back.
    pub fn may_pass(&self) -> bool {
        use std::io::ErrorKind::{
            NotFound, QuotaExceeded, ResourceBusy, StaleNetworkFileHandle, StorageFull, TimedOut,
        };
        // The folder of the journal is missing or empty: its file system may not be mounted yet.
        if matches!(self, Self::Journal(OpenError::Truncated { end: Offset(0), .. })) {
            return true;
        }
        let passing =
            [NotFound, QuotaExceeded, ResourceBusy, StaleNetworkFileHandle, StorageFull, TimedOut];
        let first: &(dyn std::error::Error + 'static) = self;
        std::iter::successors(Some(first), |error| error.source())
            .filter_map(|error| error.downcast_ref::<std::io::Error>())
            .any(|error| passing.contains(&error.kind()))
    }

    /// Describes the error with its sources, in one line.
    pub fn describe(&self) -> String {
        describe_error(self)
    }
}

/// Errors of training runs and of activating models.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// No run has this version, or it is no longer kept.
    #[error("no model {version}: `tastemaker models` lists those there are")]
    NoSuchModel {
        /// The requested version.
        version: String,
    },
    /// The artifact of a model is not on disk, or cannot be read, so that no list can be made with
    /// it.
    #[error("no list can be made by model {version}: {why}; there are artifacts of: {usable}")]
    ModelUnusable {
        /// The requested version.
        version: String,
        /// What is wrong with its artifact.
        why: String,
        /// The versions whose artifacts are on disk.
        usable: String,
    },
    /// The lists of two models of the workspace are being compared for somebody else.
    #[error("lists of two models are being compared: ask again in a moment")]
    ComparisonUnderWay,
    /// Another training run of the workspace is under way.
    #[error("a training run is under way: {id}, since {started_at}")]
    AlreadyRunning {
        /// The run under way.
        id: uuid::Uuid,
        /// When it began.
        started_at: Timestamp,
    },
    /// A training run or an evaluation has nothing to learn from.
    #[error(
        "the workspace has no interactions to learn from: send events or import interactions first"
    )]
    NoInteractions,
    /// A training run, or the making of a lost model, was cut short: because the workspace is being
    /// closed, or somebody has cancelled it.
    #[error("it was cut short; the next training run makes another model")]
    Cancelled(#[from] Cancelled),
    /// The operating system gives no threads.
    #[error("cannot start the threads of a training run")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// Returns a function that adds the store's folder to its errors.
pub(crate) fn store_error(folder: &Path) -> impl Fn(StoreError) -> EngineError {
    move |source| EngineError::Store { folder: folder.to_owned(), source }
}

/// Describes an error with its sources, in one line.
pub fn describe_error(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}
