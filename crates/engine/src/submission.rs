//! Entries on their way into the journal and the state.

use state::PreparedEntry;
use tokio::sync::oneshot;

use crate::Outcome;

/// The most bytes of entries that wait for the journal. Further callers are told to come back
/// later.
pub const QUEUE_BYTES_MAX: usize = 64 * 1_024 * 1_024;

/// Errors of submitting entries. None of the entries is in the journal, except after a failed fsync
/// or fold, when this is unknown. Messages can be sent again: their ids show duplicates.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SubmitError {
    /// Too many entries wait for the journal.
    #[error(
        "{queued_bytes} bytes wait for the journal, the limit is {QUEUE_BYTES_MAX}: come back in a second"
    )]
    QueueFull {
        /// The waiting bytes.
        queued_bytes: usize,
    },
    /// The entries exceed a limit of the journal.
    #[error("{0}")]
    TooLarge(String),
    /// The journal could not be written.
    #[error("{0}")]
    Journal(String),
    /// The entries could not be applied. They are when the workspace is opened again.
    #[error(
        "the fold has stopped: {0}; nothing is lost, it goes on when the workspace is opened again"
    )]
    Fold(String),
    /// The engine is stopping.
    #[error("the engine is stopping")]
    Stopping,
}

type Reply = oneshot::Sender<Result<Vec<Outcome>, SubmitError>>;

/// Entries that one caller submits together.
pub(crate) struct Submission {
    /// The entries for the fold.
    pub(crate) entries: Vec<PreparedEntry>,
    /// The encoded entries for the journal.
    pub(crate) records: Vec<Vec<u8>>,
    /// The length of the records in the journal.
    pub(crate) bytes: usize,
    /// Receives one outcome for each entry.
    pub(crate) reply: Reply,
}

/// A durable batch that the fold must apply. Its entries have consecutive offsets from
/// `first_offset` on.
pub(crate) struct DurableBatch {
    pub(crate) first_offset: u64,
    pub(crate) submissions: Vec<Submission>,
}
