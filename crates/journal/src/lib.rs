#![doc = include_str!("../README.md")]

mod block;
mod check;
pub mod disk;
mod end_record;
mod file;
mod memory;
mod rewrite;
mod rewritten_list;
mod segment;

use std::fmt;
use std::io;
use std::ops::ControlFlow;

pub use check::{JournalCheck, SegmentScan, decode_block, scan_segment};
pub use disk::{Disk, DiskFile, RealDisk};
pub use end_record::{EndRecord, JournalEnd, RecordedEnd, end_record_name, read_end_record};
pub use file::{FileJournal, JournalOptions};
pub use memory::MemoryJournal;
pub use rewrite::{Replace, Replacement, RewriteError, RewritePace, Rewritten};
pub use rewritten_list::{REWRITTEN_LIST, read_rewritten_list};

/// The position of a record. Offsets ascend without gaps in files; other journals may skip some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Offset(pub u64);

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The largest record, in bytes.
pub const RECORD_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// The largest batch before compression, in bytes, with four more bytes for each record.
pub const BATCH_BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// A segment is closed when it passes this size, in bytes.
pub const SEGMENT_BYTES_MAX: u64 = 128 * 1_024 * 1_024;

/// An append-only log of records.
pub trait Journal: Send + Sync {
    /// Appends a batch and returns the offset of its first record, once the whole batch is durable.
    /// The other records have the offsets that follow, without a gap.
    ///
    /// # Errors
    /// See [`AppendError`]; no record of the batch is in the journal then.
    fn append(&self, records: &[&[u8]]) -> Result<Offset, AppendError>;

    /// The offset from which on records can be read: everything before was cut.
    fn start(&self) -> Offset {
        Offset(0)
    }

    /// Removes records before `offset`, as many as can be removed together, oldest first, and
    /// returns the new start. A read that is under way goes on at the new start. A crash in between
    /// leaves a journal that begins earlier.
    ///
    /// # Errors
    /// The file system's; some of the records may be removed then.
    fn cut_before(&self, offset: Offset) -> io::Result<Offset>;

    /// The parts that [`Journal::cut_before`] removes whole, oldest first; none of a journal
    /// without such parts. The last one is in use and is never removed.
    fn segments(&self) -> Vec<SegmentPlace> {
        Vec::new()
    }

    /// Ends the segment in use, unless it is empty, so that it can be removed once it is old. Does
    /// nothing in a journal without segments.
    ///
    /// # Errors
    /// As [`Journal::append`].
    fn close_segment(&self) -> Result<(), AppendError> {
        Ok(())
    }

    /// The offset after the last record, the lowest that the next one may get.
    fn end(&self) -> Offset;

    /// The records from `from` to the current end, in order; none past the end, and none before the
    /// start.
    fn read_from(&self, from: Offset) -> Records<'_>;

    /// The record at `offset`; none in a gap, past the end and before the start.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn get(&self, offset: Offset) -> Result<Option<Vec<u8>>, ReadError> {
        let next = self.read_from(offset).next().transpose()?;
        Ok(next.filter(|(found, _)| *found == offset).map(|(_, record)| record))
    }

    /// Calls `notify` with the end of the journal after each append of any writer, as soon as the
    /// records can be read. Does nothing for a journal that only this process appends to.
    fn watch(&self, _notify: Box<dyn Fn(Offset) + Send + Sync>) {}

    /// Replaces records by others. Afterwards the journal holds the other records at the same
    /// offsets, and no byte of the replaced ones: files are written anew, and a log that cannot be
    /// changed in place copies itself into a new generation and drops the old one. Readers under
    /// way go on and may see either. Records that are appended meanwhile are not asked about.
    ///
    /// # Errors
    /// See [`RewriteError`]. After one, or after a crash, some records are replaced and the others
    /// are not: calling it again does the rest.
    fn rewrite(
        &self,
        replace: &mut Replace<'_>,
        pace: &mut RewritePace<'_>,
    ) -> Result<Rewritten, RewriteError>;

    /// Makes the end-of-log record durable, for a clean stop. Records are durable without it.
    fn sync_end(&self) {}

    /// Reads and checks everything up to the current end, and continues after damage where that is
    /// possible. `pace` gets the bytes just read and the total, may wait, and may stop the check.
    fn check(&self, pace: &mut dyn FnMut(u64, u64) -> ControlFlow<()>) -> JournalCheck {
        let mut check = JournalCheck { segments: 1, is_complete: true, ..JournalCheck::default() };
        let end = self.end();
        for record in self.read_from(self.start()) {
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

/// A segment of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentPlace {
    /// The name of its file in the journal's folder.
    pub name: String,
    /// The offset of its first record.
    pub first: Offset,
    /// The offset after its last record.
    pub end: Offset,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Records in order, each with its offset. After an error there are no more.
pub type Records<'a> = Box<dyn Iterator<Item = Result<(Offset, Vec<u8>), ReadError>> + Send + 'a>;

/// Why a batch was not appended. No record of it is in the journal.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// One record is over [`RECORD_BYTES_MAX`].
    #[error("record of {record_bytes} bytes exceeds the limit of {RECORD_BYTES_MAX}")]
    RecordTooLarge {
        /// The size of the record, without its length.
        record_bytes: usize,
    },
    /// The batch is over [`BATCH_BYTES_MAX`].
    #[error("batch of {batch_bytes} bytes exceeds the limit of {BATCH_BYTES_MAX}")]
    BatchTooLarge {
        /// The size before compression, with four bytes for each record.
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
    /// An fsync failed, now or earlier, so the content of the disk is unknown until the journal is
    /// reopened.
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
    /// A segment is damaged or cannot be read.
    #[error(transparent)]
    Damaged(#[from] ReadError),
    /// A segment is missing.
    #[error(
        "segment {segment} starts at offset {found}, expected {expected}: a segment before it is missing or cut"
    )]
    Gap {
        /// The segment after the gap.
        segment: String,
        /// The first offset of that segment.
        found: Offset,
        /// The offset after the segment before.
        expected: Offset,
    },
    /// The journal ends before a record that was acknowledged.
    #[error(
        "entries {end} to {last} are missing: the journal in {place} ends at offset {end}, but everything \
         below {acknowledged} was acknowledged. Restore it from a backup, or give these entries up with \
         `tastemaker accept-loss`",
        last = .acknowledged.0.saturating_sub(1)
    )]
    Truncated {
        /// The journal's folder.
        place: String,
        /// The offset after the last record found.
        end: Offset,
        /// The end known to the caller or the end-of-log record, whichever is later.
        acknowledged: Offset,
    },
    /// The end of the journal is unknown: its record is unreadable, and the caller does not know it
    /// either.
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
        /// The byte in the file.
        position: u64,
        /// The error of the file system.
        #[source]
        source: io::Error,
    },
    /// The bytes are not those that were written.
    #[error(
        "segment {segment} is damaged at byte {position}: {what}. Restore the file from a backup (`tastemaker restore`)"
    )]
    Damaged {
        /// The file, with its folder.
        segment: String,
        /// The byte in the file.
        position: u64,
        /// The kind of damage.
        what: &'static str,
    },
    /// The file was written by another version of the program.
    #[error("segment {segment} has format version {found}, this program reads version {expected}")]
    Version {
        /// The file, with its folder.
        segment: String,
        /// The file's version.
        found: u8,
        /// The version that this program reads.
        expected: u8,
    },
}
