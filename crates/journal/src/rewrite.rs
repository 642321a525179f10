//! Replacing records: what a journal promises of it, whatever it is kept in.

use std::error::Error;
use std::io;
use std::ops::ControlFlow;

use crate::{Offset, ReadError};

/// What becomes of a record: none if it stays, else the record that takes its place.
pub type Replacement = Result<Option<Vec<u8>>, Box<dyn Error + Send + Sync>>;

/// Says what becomes of the record at an offset.
pub type Replace<'a> = dyn FnMut(Offset, &[u8]) -> Replacement + 'a;

/// The result of replacing records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rewritten {
    /// Records that were read.
    pub records: u64,
    /// Records that were replaced.
    pub replaced: u64,
    /// Segments that were written anew; 1 for a journal that copies itself as a whole.
    pub segments: u64,
    /// Bytes that were read, as they are stored.
    pub read_bytes: u64,
    /// Bytes that were written.
    pub written_bytes: u64,
    /// Files with the bytes of torn tails that were removed.
    pub torn_files: u64,
}

/// Why records were not all replaced. What was replaced stays so; doing it again does the rest.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// A segment cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file system refused.
    #[error("cannot write segment {segment} anew")]
    Write {
        /// The file, with its folder.
        segment: String,
        /// The error of the file system.
        #[source]
        source: io::Error,
    },
    /// The caller cannot say what becomes of a record.
    #[error("cannot tell what becomes of entry {offset}")]
    Record {
        /// The record.
        offset: Offset,
        /// Why not.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The caller ended it.
    #[error("the rewriting was ended before its end")]
    Ended,
}

/// Told the bytes just read and those of the whole journal; may wait, and may end the rewriting.
pub type RewritePace<'a> = dyn FnMut(u64, u64) -> ControlFlow<()> + 'a;
