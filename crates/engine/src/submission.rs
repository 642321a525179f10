//! Entries on their way into the journal and the state.

use state::PreparedEntry;
use tokio::sync::oneshot;

use crate::Outcome;

/// The most bytes of entries that wait for the journal; beyond it callers are told to come back.
pub const QUEUE_BYTES_MAX: usize = 64 * 1_024 * 1_024;

/// Errors of submitting entries. None of the entries is in the journal, except after a failed fsync
/// or fold, when this is unknown: message ids tell when they are sent again.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SubmitError {
    /// Too much is waiting.
    #[error(
        "{queued_bytes} bytes wait for the journal, the limit is {QUEUE_BYTES_MAX}: come back in a second"
    )]
    QueueFull {
        /// The waiting bytes.
        queued_bytes: usize,
    },
    /// The entries are over a limit of the journal.
    #[error("{0}")]
    TooLarge(String),
    /// The journal could not be written.
    #[error("{0}")]
    Journal(String),
    /// The state could not be changed; opening the workspace again makes it from the journal.
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
    /// As the fold takes them.
    pub(crate) entries: Vec<PreparedEntry>,
    /// As the journal takes them.
    pub(crate) records: Vec<Vec<u8>>,
    /// The length of the records in the journal.
    pub(crate) bytes: usize,
    /// Gets one outcome for each entry.
    pub(crate) reply: Reply,
}

/// A batch that is durable and to be applied. Its entries are those that the journal has from the
/// first offset on: they need not be read and decoded again.
pub(crate) struct DurableBatch {
    pub(crate) first_offset: u64,
    pub(crate) submissions: Vec<Submission>,
}
