#![doc = include_str!("../README.md")]

mod block;
pub mod disk;
mod file;
mod memory;
mod segment;

use std::fmt;
use std::io;

pub use disk::{Disk, DiskFile, RealDisk};
pub use file::FileJournal;
pub use memory::MemoryJournal;

/// The position of a record: the number of records before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Offset(pub u64);

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The largest record, in bytes.
pub const RECORD_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// The largest batch before compression, in bytes with four for each record.
pub const BATCH_BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// A segment is closed when it passes this size, in bytes.
pub const SEGMENT_BYTES_MAX: u64 = 128 * 1_024 * 1_024;

/// A log of records.
pub trait Journal: Send + Sync {
    /// Appends a batch and returns the offset of its first record, when all of it is durable.
    fn append(&self, records: &[&[u8]]) -> Result<Offset, AppendError>;

    /// The offset that the next record will get.
    fn end(&self) -> Offset;

    /// The records from `from` up to the end as it is now, in order. Past the end there are none.
    fn read_from(&self, from: Offset) -> Records<'_>;

    /// The record at `offset`, or none past the end.
    fn get(&self, offset: Offset) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.read_from(offset).next().transpose()?.map(|(_, record)| record))
    }
}

/// Records in order, each with its offset. After an error there are no more.
pub type Records<'a> = Box<dyn Iterator<Item = Result<(Offset, Vec<u8>), ReadError>> + Send + 'a>;

/// Why a batch was not appended. Nothing of it is in the journal.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// One record is over the limit.
    #[error("record of {record_bytes} bytes exceeds the limit of {RECORD_BYTES_MAX}")]
    RecordTooLarge {
        /// Its size.
        record_bytes: usize,
    },
    /// The batch is over the limit.
    #[error("batch of {batch_bytes} bytes exceeds the limit of {BATCH_BYTES_MAX}")]
    BatchTooLarge {
        /// Its size.
        batch_bytes: usize,
    },
    /// The file system refused; later appends may succeed.
    #[error("cannot write segment {segment}")]
    Write {
        /// The file.
        segment: String,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
    /// An fsync failed, now or earlier, so nobody knows what is on disk.
    #[error(
        "journal refuses appends because an fsync of segment {segment} failed: restart after mending the disk"
    )]
    Poisoned {
        /// The file.
        segment: String,
    },
}

/// Why the journal could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file system refused.
    #[error("cannot open the journal at {place}")]
    Io {
        /// The folder or file.
        place: String,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
    /// A part of the journal is wrong.
    #[error(transparent)]
    Damaged(#[from] ReadError),
    /// A segment is missing.
    #[error(
        "segment {segment} starts at offset {found}, expected {expected}: a segment before it is missing or cut"
    )]
    Gap {
        /// The segment after the gap.
        segment: String,
        /// Where it starts.
        found: Offset,
        /// Where it should start.
        expected: Offset,
    },
    /// The journal ends before what was acknowledged.
    #[error(
        "journal ends at offset {end}, but everything below {acknowledged} was acknowledged: the end of {segment} is missing. \
         Restore the file from a backup"
    )]
    Truncated {
        /// The last segment.
        segment: String,
        /// Where the journal ends.
        end: Offset,
        /// What the caller knows to have been there.
        acknowledged: Offset,
    },
}

/// Why records could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system refused.
    #[error("cannot read segment {segment} at byte {position}")]
    Io {
        /// The file.
        segment: String,
        /// Where in it.
        position: u64,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
    /// The bytes are not what was written.
    #[error("segment {segment} is damaged at byte {position}: {what}. Restore the file from a backup")]
    Damaged {
        /// The file.
        segment: String,
        /// Where in it.
        position: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// The file was written by another version of the program.
    #[error("segment {segment} has format version {found}, this program reads version {expected}")]
    Version {
        /// The file.
        segment: String,
        /// The file's version.
        found: u8,
        /// This program's.
        expected: u8,
    },
}
