//! Opening a journal: its segments are walked, the damage that a crash leaves is mended, and a
//! journal that lost acknowledged records is refused.

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::rewriting::NEW_SUFFIX;
use super::{FileJournal, Tail};
use crate::disk::open_or_create;
use crate::end_record::{EndRecord, RecordedEnd};
use crate::segment::{self, BlockRead, Owner, Segment};
use crate::{Disk, Offset, OpenError, ReadError, SEGMENT_BYTES_MAX};

/// Options for [`FileJournal::open_with`].
pub struct JournalOptions {
    /// The name of the journal. Segments of a journal with another name are refused. Empty for no
    /// name.
    pub name: String,
    /// All records below are known to have been acknowledged: a journal that ends earlier is
    /// refused.
    pub acknowledged: Offset,
    /// Whether `acknowledged` is the known end but for the last batches. Then an unreadable
    /// end-of-log record is replaced; else it is an error.
    pub is_end_known: bool,
    /// Everything below is kept elsewhere, in a snapshot of what was made of it: the journal may
    /// begin there or before. 0 where there is none.
    pub snapshot: Offset,
    /// The size at which segments are closed, in bytes.
    pub segment_bytes_max: u64,
    /// The end-of-log record, which is read when the journal is opened and updated after each
    /// append.
    pub end_record: Option<EndRecord>,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            name: String::new(),
            acknowledged: Offset(0),
            is_end_known: false,
            snapshot: Offset(0),
            segment_bytes_max: SEGMENT_BYTES_MAX,
            end_record: None,
        }
    }
}

impl FileJournal {
    /// Opens the journal in a folder, or creates an empty one. A journal that ends before
    /// `acknowledged` is refused.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(disk: Arc<dyn Disk>, acknowledged: Offset) -> Result<Self, OpenError> {
        Self::open_with(disk, JournalOptions { acknowledged, ..JournalOptions::default() })
    }

    /// As [`FileJournal::open`], with further options.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_with(disk: Arc<dyn Disk>, options: JournalOptions) -> Result<Self, OpenError> {
        let place = |place: &str| format!("{}/{place}", disk.place());
        let io = |name: &str, source| OpenError::Io { place: place(name), source };
        let acknowledged = acknowledged_offset(&options);
        let owner = Owner::from_name(&options.name);
        let mut names = disk.list().map_err(|source| io("", source))?;
        // A crash interrupted the writing of a segment anew: the old one counts.
        for name in names.iter().filter(|name| name.ends_with(NEW_SUFFIX)) {
            disk.remove(name).map_err(|source| io(name, source))?;
        }
        names.retain(|name| name.ends_with(".seg"));
        names.sort_unstable();

        let mut segments: Vec<Segment> = Vec::new();
        let mut headerless = None;
        for (n, name) in names.iter().enumerate() {
            let last = n + 1 == names.len();
            let file = disk.open(name).map_err(|source| io(name, source))?.into();
            match Segment::open(&disk.place(), name.clone(), owner, file)? {
                Some(mut segment) => {
                    let expected = end_offset(&segments);
                    let is_cut_journal = n == 0 && segment.first <= options.snapshot;
                    if segment.first != expected && !is_cut_journal {
                        return Err(OpenError::Gap {
                            segment: place(name),
                            found: segment.first,
                            expected,
                        });
                    }
                    if let Some((position, what)) = segment.walk(last)? {
                        cut_torn_tail(
                            disk.as_ref(),
                            &mut segment,
                            position,
                            what,
                            last,
                            acknowledged,
                        )?;
                    }
                    segments.push(segment);
                }
                None if last => headerless = Some(name.clone()),
                None => {
                    let what = "the segment's header is missing";
                    return Err(
                        ReadError::Damaged { segment: place(name), position: 0, what }.into()
                    );
                }
            }
        }
        let end = end_offset(&segments);
        if end < acknowledged {
            return Err(OpenError::Truncated { place: disk.place(), end, acknowledged });
        }
        if let Some(record) = &options.end_record {
            check_record(record, options.is_end_known, segments.is_empty(), end)?;
        }
        if let Some(last) = segments.last() {
            // From here on these blocks count as durable, though an earlier process may have failed
            // to sync them.
            rewrite_unsynced(last, options.end_record.as_ref())?;
            last.file.sync().and_then(|()| disk.sync()).map_err(|source| io(&last.name, source))?;
        }
        if let Some(name) = headerless.as_ref().filter(|name| **name != segment::file_name(end)) {
            let what = "the offset in the file's name is not the one expected here";
            return Err(ReadError::Damaged { segment: place(name), position: 0, what }.into());
        }
        if segments.is_empty() || headerless.is_some() {
            // A file without a header: a crash came after the file was created and before its
            // header was written.
            let name = segment::file_name(end);
            segments.push(
                Segment::create(disk.as_ref(), end, owner).map_err(|source| io(&name, source))?,
            );
        }
        let journal = Self {
            disk,
            owner,
            segment_bytes_max: options.segment_bytes_max,
            segments: RwLock::new(segments),
            tail: Mutex::new(Tail::default()),
            rewriting: Mutex::new(()),
            end_record: options.end_record,
            cutting: Mutex::new(()),
        };
        if let Some(record) = &journal.end_record {
            let io = |source| OpenError::Io { place: record.place(), source };
            record.write(journal.journal_end()).and_then(|()| record.sync()).map_err(io)?;
        }
        Ok(journal)
    }
}

/// The end known to the caller, by a snapshot, or to the end-of-log record, whichever is later.
fn acknowledged_offset(options: &JournalOptions) -> Offset {
    let known = options.acknowledged.max(options.snapshot);
    match options.end_record.as_ref().map(EndRecord::recorded) {
        Some(RecordedEnd::At(end)) => known.max(end.offset),
        _ => known,
    }
}

/// Refuses an unreadable record, unless the caller knows the end, or an empty first segment shows
/// that the record was being written for the first time. Warns where a journal with entries gets a
/// new record.
fn check_record(
    record: &EndRecord,
    is_end_known: bool,
    has_no_segment: bool,
    end: Offset,
) -> Result<(), OpenError> {
    let what = match record.recorded() {
        RecordedEnd::At(_) => return Ok(()),
        RecordedEnd::Absent => "missing",
        RecordedEnd::Unreadable if !is_end_known && (has_no_segment || end > Offset(0)) => {
            return Err(OpenError::EndRecordUnreadable { place: record.place() });
        }
        RecordedEnd::Unreadable => "unreadable",
    };
    if end > Offset(0) {
        let record = record.place();
        tracing::warn!(
            record,
            what,
            "there is no right end-of-log record beside a journal, and it is written anew"
        );
    }
    Ok(())
}

fn end_offset(segments: &[Segment]) -> Offset {
    segments.last().and_then(|segment| segment.end).map_or(Offset(0), |end| end.0)
}

/// Cuts a torn tail and keeps its bytes in a `.torn` file. Any other damage is an error.
fn cut_torn_tail(
    disk: &dyn Disk,
    segment: &mut Segment,
    position: u64,
    what: &'static str,
    last: bool,
    acknowledged: Offset,
) -> Result<(), OpenError> {
    let end = segment.end.map_or(segment.first, |end| end.0);
    let tail = segment.read_tail(position)?;
    if !last || !segment::is_torn(&tail, position) {
        return Err(segment.damaged(position, what).into());
    }
    if end < acknowledged {
        return Err(OpenError::Truncated { place: disk.place(), end, acknowledged });
    }
    let io = |source| OpenError::Io { place: segment.place.clone(), source };
    // A crash during this write leaves a part of the copy; the tail is intact and copied again by
    // the next open.
    let name = format!("{}.{position}.torn", segment.name);
    let kept = open_or_create(disk, &name).map_err(io)?;
    kept.truncate(0)
        .and_then(|()| kept.write_at(&tail, 0))
        .and_then(|()| kept.sync())
        .and_then(|()| disk.sync())
        .map_err(io)?;
    segment.file.truncate(position).map_err(io)?;
    segment.file.sync().map_err(io)
}

/// Writes the blocks again that lie beyond the end-of-log record. After a failed fsync an operating
/// system may mark its cached pages as clean although the disk does not have them; a later fsync
/// alone would do nothing.
fn rewrite_unsynced(segment: &Segment, record: Option<&EndRecord>) -> Result<(), OpenError> {
    let Some(RecordedEnd::At(durable)) = record.map(EndRecord::recorded) else { return Ok(()) };
    let (end, _) = segment.end.expect("open walks the last segment");
    let (mut offset, mut position) = (durable.offset, durable.segment_bytes);
    if durable.segment != segment.first {
        (offset, position) = (segment.first, segment::HEADER_BYTES as u64);
    }
    while offset < end {
        let BlockRead::Block(header) = segment.read_block_header(position, offset)? else {
            return Err(segment.damaged(position, "the block reads differently each time").into());
        };
        let bytes = segment.read_block(position, &header)?;
        segment
            .file
            .write_at(&bytes, position)
            .map_err(|source| OpenError::Io { place: segment.place.clone(), source })?;
        (offset, position) = (header.end(), position + header.block_bytes());
    }
    Ok(())
}
