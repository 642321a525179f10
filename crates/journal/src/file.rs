//! A journal in segment files.

mod opening;
mod reader;
mod rewriting;

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::block;
use crate::check::{JournalCheck, scan_segment};
use crate::end_record::{EndRecord, JournalEnd};
use crate::rewrite::{Replace, RewriteError, RewritePace, Rewritten};
use crate::segment::{self, Owner, Segment};
use crate::{
    AppendError, BATCH_BYTES_MAX, Disk, DiskFile, Journal, Offset, RECORD_BYTES_MAX, Records,
    SegmentPlace,
};

pub use self::opening::JournalOptions;
use self::reader::Reader;

/// A journal in a folder of segment files. Only one process may write to it. The crate's README has
/// the format.
pub struct FileJournal {
    disk: Arc<dyn Disk>,
    owner: Owner,
    segment_bytes_max: u64,
    /// Ascending; the last one is written to. Readers share the lock, the writer takes it to add
    /// blocks.
    segments: RwLock<Vec<Segment>>,
    /// Held during an append: one runs at a time.
    tail: Mutex<Tail>,
    /// Held while segments are written anew.
    rewriting: Mutex<()>,
    end_record: Option<EndRecord>,
    /// Held while segments are removed.
    cutting: Mutex<()>,
}

/// The state that earlier appends left behind.
#[derive(Default)]
struct Tail {
    /// The segment whose fsync failed.
    poisoned: Option<String>,
    /// A write failed, and the part of it after the last block is not cut off yet.
    has_partial_write: bool,
    /// The last write of the end-of-log record failed.
    is_record_behind: bool,
}

impl Journal for FileJournal {
    fn append(&self, records: &[&[u8]]) -> Result<Offset, AppendError> {
        let mut tail = self.tail.lock();
        if let Some(segment) = tail.poisoned.as_ref() {
            return Err(AppendError::Poisoned { segment: segment.clone() });
        }
        if let Some(record) = records.iter().find(|record| record.len() > RECORD_BYTES_MAX) {
            return Err(AppendError::RecordTooLarge { record_bytes: record.len() });
        }
        let batch_bytes = records.iter().map(|record| record.len() + 4).sum();
        if batch_bytes > BATCH_BYTES_MAX {
            return Err(AppendError::BatchTooLarge { batch_bytes });
        }
        let first = self.end();
        if records.is_empty() {
            return Ok(first);
        }
        if tail.has_partial_write {
            self.cut_partial_write(&mut tail)?;
        }
        self.close_full_segment(first)?;

        // Readers stop at `end`, so the write and the fsync need no lock against them.
        let (name, file, position) = self.last_segment();
        let write_error = |source| AppendError::Write { segment: name.clone(), source };
        let (header, bytes) = block::encode(first, records).map_err(write_error)?;
        if let Err(source) = file.write_at(&bytes, position) {
            // A part of the block may be written: the next append must start at the same position.
            tail.has_partial_write = true;
            self.cut_partial_write(&mut tail).ok();
            return Err(write_error(source));
        }
        sync_or_poison(&name, file.as_ref(), &mut tail)?;
        {
            let mut segments = self.segments.write();
            let segment = segments.last_mut().expect("open makes one and the last one stays");
            segment.index_block(first, position);
            segment.end = Some((header.end(), position + bytes.len() as u64));
        }
        self.record_end(&mut tail);
        Ok(first)
    }

    fn start(&self) -> Offset {
        self.segments.read().first().expect("open makes one and the last one stays").first
    }

    fn cut_before(&self, offset: Offset) -> io::Result<Offset> {
        let _one_at_a_time = self.cutting.lock();
        loop {
            // Before each: a loss of power must not bring back one before another that stays away.
            self.disk.sync()?;
            let Some(name) = self.first_segment_before(offset) else { return Ok(self.start()) };
            match self.disk.remove(&name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.segments.write().remove(0),
            };
        }
    }

    fn segments(&self) -> Vec<SegmentPlace> {
        let place = |segment: &Segment| {
            let (end, bytes) = segment.end.expect("open walks every segment");
            SegmentPlace { name: segment.name.clone(), first: segment.first, end, bytes }
        };
        self.segments.read().iter().map(place).collect()
    }

    fn close_segment(&self) -> Result<(), AppendError> {
        let mut tail = self.tail.lock();
        if let Some(segment) = tail.poisoned.as_ref() {
            return Err(AppendError::Poisoned { segment: segment.clone() });
        }
        if tail.has_partial_write {
            self.cut_partial_write(&mut tail)?;
        }
        let JournalEnd { offset, segment, .. } = self.journal_end();
        if offset > segment { self.start_segment(offset) } else { Ok(()) }
    }

    fn end(&self) -> Offset {
        self.journal_end().offset
    }

    fn read_from(&self, from: Offset) -> Records<'_> {
        let end = self.end();
        let mut reader = Reader::new(self, from, end);
        Box::new(std::iter::from_fn(move || reader.next_record()))
    }

    fn rewrite(
        &self,
        replace: &mut Replace<'_>,
        pace: &mut RewritePace<'_>,
    ) -> Result<Rewritten, RewriteError> {
        self.rewrite_files(replace, pace)
    }

    fn sync_end(&self) {
        self.sync_record();
    }

    fn check(&self, pace: &mut dyn FnMut(u64, u64) -> ControlFlow<()>) -> JournalCheck {
        let parts: Vec<(String, Arc<dyn DiskFile>, u64)> = {
            let segments = self.segments.read();
            let end = |segment: &Segment| segment.end.expect("open walks every segment").1;
            segments
                .iter()
                .map(|segment| (segment.name.clone(), Arc::clone(&segment.file), end(segment)))
                .collect()
        };
        let total_bytes = parts.iter().map(|(_, _, bytes)| bytes).sum();
        let mut check = JournalCheck { is_complete: true, ..JournalCheck::default() };
        for (name, file, until) in parts {
            let scan =
                scan_segment(&self.disk.place(), &name, "", file, Some(until), &mut |bytes| {
                    pace(bytes.len() as u64, total_bytes)
                });
            check.segments += 1;
            match scan {
                Ok(scan) => {
                    check.bytes += scan.bytes;
                    check.damaged.extend(scan.damage);
                    check.is_complete = scan.is_complete;
                }
                Err(error) => check.damaged.push(error),
            }
            if !check.is_complete {
                break;
            }
        }
        check
    }
}

impl FileJournal {
    /// The end of the journal, in the form of an end-of-log record.
    fn journal_end(&self) -> JournalEnd {
        let segments = self.segments.read();
        let last = segments.last().expect("open makes one and the last one stays");
        let (offset, segment_bytes) = last.end.expect("open walks the last segment");
        JournalEnd { offset, segment: last.first, segment_bytes }
    }

    /// The name of the first segment, if all its records lie before `offset` and it is not the one
    /// in use.
    fn first_segment_before(&self, offset: Offset) -> Option<String> {
        let segments = self.segments.read();
        segments.get(1).filter(|second| second.first <= offset)?;
        Some(segments[0].name.clone())
    }

    /// Path, file and end (in bytes) of the segment that is written to.
    fn last_segment(&self) -> (String, Arc<dyn DiskFile>, u64) {
        let segments = self.segments.read();
        let segment = segments.last().expect("open makes one and the last one stays");
        let (_, position) = segment.end.expect("open walks the last segment");
        (segment.place.clone(), Arc::clone(&segment.file), position)
    }

    /// Cuts off the part of a failed write after the last block, and syncs the cut: after a crash
    /// it must not reappear in the middle of a later block.
    fn cut_partial_write(&self, tail: &mut Tail) -> Result<(), AppendError> {
        let (name, file, position) = self.last_segment();
        file.truncate(position)
            .map_err(|source| AppendError::Write { segment: name.clone(), source })?;
        sync_or_poison(&name, file.as_ref(), tail)?;
        tail.has_partial_write = false;
        Ok(())
    }

    /// Starts a new segment where the last one has reached its size. A failure here affects no
    /// acknowledged byte, so the next append tries again.
    fn close_full_segment(&self, first: Offset) -> Result<(), AppendError> {
        let (_, _, len) = self.last_segment();
        if len < self.segment_bytes_max { Ok(()) } else { self.start_segment(first) }
    }

    /// Starts a new segment whose first record is `first`, behind the last one.
    fn start_segment(&self, first: Offset) -> Result<(), AppendError> {
        let segment = format!("{}/{}", self.disk.place(), segment::file_name(first));
        let write_error = |source| AppendError::Write { segment, source };
        self.sync_record();
        let segment =
            Segment::create(self.disk.as_ref(), first, self.owner).map_err(write_error)?;
        self.segments.write().push(segment);
        Ok(())
    }

    fn sync_record(&self) {
        if let Some(Err(error)) = self.end_record.as_ref().map(EndRecord::sync) {
            tracing::warn!(%error, "the end-of-log record could not be synced");
        }
    }

    /// Updates the end-of-log record. The batch is durable, so a failure does not fail the append:
    /// a record that is behind does no harm.
    fn record_end(&self, tail: &mut Tail) {
        let Some(record) = &self.end_record else { return };
        let written = record.write(self.journal_end());
        if let (Err(error), false) = (&written, tail.is_record_behind) {
            tracing::warn!(%error, record = record.place(), "the end-of-log record is behind");
        }
        tail.is_record_behind = written.is_err();
    }
}

impl Drop for FileJournal {
    fn drop(&mut self) {
        self.sync_record();
    }
}

/// Syncs a segment that holds acknowledged bytes. After a failure the content of the disk is
/// unknown, so the journal accepts no further appends.
fn sync_or_poison(name: &str, file: &dyn DiskFile, tail: &mut Tail) -> Result<(), AppendError> {
    file.sync().map_err(|source| {
        tail.poisoned = Some(name.to_owned());
        tracing::error!(segment = name, error = %source, "an fsync of the journal failed");
        AppendError::Poisoned { segment: name.to_owned() }
    })
}
