//! Damage that checks of stored data find, and how far a check has come.

use domain::Timestamp;
use serde::Serialize;

/// Damage in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Finding {
    /// A part of a journal is damaged or missing.
    #[error("{text}")]
    Journal {
        /// The file, the position, the damage, and the way out.
        text: String,
    },
    /// The end-of-log record is unreadable.
    #[error(
        "end-of-log record {file} is unreadable; the next start writes it anew where the store vouches for the journal"
    )]
    EndRecord {
        /// The record's file.
        file: String,
    },
    /// The store cannot be read.
    #[error("{text}")]
    Store {
        /// The part that cannot be read, and the way out.
        text: String,
    },
    /// The store differs from a fresh fold of the journal.
    #[error(
        "keyspace {keyspace} of the store differs from the journal: {different} values differ, {missing} are \
         missing, {extra} are too many; the first is at key {first_key}. Stop the server and delete the folder \
         `store`: the next start makes it again"
    )]
    StoreDiffers {
        /// The keyspace.
        keyspace: &'static str,
        /// Keys with another value.
        different: u64,
        /// Keys that are missing.
        missing: u64,
        /// Keys that should not be there.
        extra: u64,
        /// The first of all these keys, escaped.
        first_key: String,
    },
    /// A snapshot of the state cannot be read.
    #[error("{text}")]
    Snapshot {
        /// The file, the damage, and the way out.
        text: String,
    },
    /// A model artifact cannot be read.
    #[error("{text}; the model is made again from the journal when it is needed")]
    Model {
        /// The file, and the problem.
        text: String,
    },
}

/// How far the last check of a journal has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CheckProgress {
    /// When it began.
    pub started_at: Timestamp,
    /// The share of the journal that is read, from 0 to 1.
    pub share: f64,
    /// When it ended; none while it is under way.
    pub ended_at: Option<Timestamp>,
    /// Whether it has read the whole journal.
    pub is_complete: bool,
}
