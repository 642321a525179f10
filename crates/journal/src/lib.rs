#![doc = include_str!("../README.md")]

mod block;
mod check;
pub mod disk;
mod end_record;
mod file;
mod memory;
mod segment;

use std::fmt;
use std::io;
use std::ops::ControlFlow;

pub use check::{JournalCheck, SegmentScan, decode_block, scan_segment};
pub use disk::{Disk, DiskFile, RealDisk};
pub use end_record::{EndRecord, JournalEnd, RecordedEnd, end_record_name, read_end_record};
pub use file::{FileJournal, JournalOptions};
pub use memory::MemoryJournal;

/// The position of a record. Offsets ascend; in a journal that is not made of files some may belong to no record.
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
    /// Appends a batch and returns the offset of its first record, when all of it is durable. The others have the
    /// offsets that follow, without a gap.
    fn append(&self, records: &[&[u8]]) -> Result<Offset, AppendError>;

    /// The lowest offset that the next record may get: all records are below.
    fn end(&self) -> Offset;

    /// The records from `from` up to the end as it is now, in order. Past the end there are none.
    fn read_from(&self, from: Offset) -> Records<'_>;

    /// The record at `offset`, or none in a gap and past the end.
    fn get(&self, offset: Offset) -> Result<Option<Vec<u8>>, ReadError> {
        let next = self.read_from(offset).next().transpose()?;
        Ok(next.filter(|(found, _)| *found == offset).map(|(_, record)| record))
    }

    /// Has `told` called with the end of the journal after each append of whoever writes to it, as soon as the
    /// records can be read. A journal that one process alone appends to has nothing to tell it.
    fn watch(&self, _told: Box<dyn Fn(Offset) + Send + Sync>) {}

    /// Makes durable what is kept beside the records, such as where they end. For a stop: records are durable
    /// without it.
    fn sync_end(&self) {}

    /// Reads everything up to the end as it is now and checks it, going on after damage where it can. `pace`
    /// gets the bytes just read and those in all, may wait, and may stop the check.
    fn check(&self, pace: &mut dyn FnMut(u64, u64) -> ControlFlow<()>) -> JournalCheck {
        let mut check = JournalCheck { segments: 1, is_complete: true, ..JournalCheck::default() };
        let end = self.end();
        for record in self.read_from(Offset(0)) {
            match record {
                Ok((offset, bytes)) => {
                    check.bytes += bytes.len() as u64;
                    if pace(bytes.len() as u64, end.0 - offset.0).is_break() {
                        check.is_complete = false;
                        break;
                    }
                }
                Err(error) => check.damaged.push(error),
            }
        }
        check
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
    /// The file system refused; the next append tries again.
    #[error("cannot write segment {segment}")]
    Write {
        /// The file, with its folder.
        segment: String,
        /// The error of the file system.
        #[source]
        source: io::Error,
    },
    /// An fsync failed, now or earlier, so nobody knows what is on disk.
    #[error(
        "journal refuses appends because an fsync of segment {segment} failed: nobody knows what is on disk until it is opened again"
    )]
    Poisoned {
        /// The file, with its folder.
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
        /// The error of the file system.
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
        "entries {end} to {last} are missing: the journal in {place} ends at offset {end}, but everything \
         below {acknowledged} was acknowledged. Restore it from a backup, or give these entries up with \
         `tastemaker accept-loss`",
        last = .acknowledged.0.saturating_sub(1)
    )]
    Truncated {
        /// The journal's folder.
        place: String,
        /// Where the journal ends.
        end: Offset,
        /// The end that the caller or the end-of-log record vouches for.
        acknowledged: Offset,
    },
    /// Nobody knows where the journal should end.
    #[error(
        "end-of-log record {place} is unreadable, and no store says how far the journal went. \
         Restore from a backup, or accept the journal as it is with `tastemaker accept-loss`"
    )]
    EndRecordUnreadable {
        /// The record's file.
        place: String,
    },
}

/// Why records could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system refused.
    #[error("cannot read segment {segment} at byte {position}")]
    Io {
        /// The file, with its folder.
        segment: String,
        /// Where in it.
        position: u64,
        /// The error of the file system.
        #[source]
        source: io::Error,
    },
    /// The bytes are not what was written.
    #[error(
        "segment {segment} is damaged at byte {position}: {what}. Restore the file from a backup (`tastemaker restore`)"
    )]
    Damaged {
        /// The file, with its folder.
        segment: String,
        /// Where in it.
        position: u64,
        /// The damage.
        what: &'static str,
    },
    /// The file was written by another version of the program.
    #[error("segment {segment} has format version {found}, this program reads version {expected}")]
    Version {
        /// The file, with its folder.
        segment: String,
        /// The file's version.
        found: u8,
        /// This program's.
        expected: u8,
    },
}
