//! A journal in segment files.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::block;
use crate::check::{JournalCheck, scan_segment};
use crate::end_record::{EndRecord, JournalEnd, RecordedEnd};
use crate::segment::{self, BlockRead, Owner, Segment};
use crate::{
    AppendError, BATCH_BYTES_MAX, Disk, DiskFile, Journal, Offset, OpenError, RECORD_BYTES_MAX,
    ReadError, Records, SEGMENT_BYTES_MAX,
};

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
            segment_bytes_max: SEGMENT_BYTES_MAX,
            end_record: None,
        }
    }
}

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
    end_record: Option<EndRecord>,
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
                    if segment.first != expected {
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
                create_segment(disk.as_ref(), end, owner).map_err(|source| io(&name, source))?,
            );
        }
        let journal = Self {
            disk,
            owner,
            segment_bytes_max: options.segment_bytes_max,
            segments: RwLock::new(segments),
            tail: Mutex::new(Tail::default()),
            end_record: options.end_record,
        };
        if let Some(record) = &journal.end_record {
            let io = |source| OpenError::Io { place: record.place(), source };
            record.write(journal.journal_end()).and_then(|()| record.sync()).map_err(io)?;
        }
        Ok(journal)
    }

    /// The end of the journal, in the form of an end-of-log record.
    fn journal_end(&self) -> JournalEnd {
        let segments = self.segments.read();
        let last = segments.last().expect("open makes one and none is removed");
        let (offset, segment_bytes) = last.end.expect("open walks the last segment");
        JournalEnd { offset, segment: last.first, segment_bytes }
    }
}

/// The end known to the caller or to the end-of-log record, whichever is later.
fn acknowledged_offset(options: &JournalOptions) -> Offset {
    match options.end_record.as_ref().map(EndRecord::recorded) {
        Some(RecordedEnd::At(end)) => options.acknowledged.max(end.offset),
        _ => options.acknowledged,
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

/// Creates an empty segment and makes its header and name durable. An earlier attempt may have left
/// the file with a part of the header.
fn create_segment(disk: &dyn Disk, first: Offset, owner: Owner) -> io::Result<Segment> {
    let name = segment::file_name(first);
    let file = open_or_create(disk, &name)?;
    if file.size()? > segment::HEADER_BYTES as u64 {
        return Err(io::Error::other(
            "the file exists already and is no empty segment: move it away",
        ));
    }
    file.truncate(0)?;
    file.write_at(&segment::header_bytes(first, owner), 0)?;
    file.sync()?;
    disk.sync()?;
    Ok(Segment::new(&disk.place(), name, first, owner, file.into()))
}

fn open_or_create(disk: &dyn Disk, name: &str) -> io::Result<Box<dyn DiskFile>> {
    match disk.create(name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => disk.open(name),
        other => other,
    }
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
            let segment = segments.last_mut().expect("open makes one and none is removed");
            segment.index_block(first, position);
            segment.end = Some((header.end(), position + bytes.len() as u64));
        }
        self.record_end(&mut tail);
        Ok(first)
    }

    fn end(&self) -> Offset {
        self.journal_end().offset
    }

    fn read_from(&self, from: Offset) -> Records<'_> {
        let end = self.end();
        let mut reader =
            Reader { journal: self, next: from, end, at: None, block: Vec::new().into_iter() };
        Box::new(std::iter::from_fn(move || reader.next_record()))
    }

    fn sync_end(&self) {
        if let Some(Err(error)) = self.end_record.as_ref().map(EndRecord::sync) {
            tracing::warn!(%error, "the end-of-log record could not be synced");
        }
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
    /// Path, file and end (in bytes) of the segment that is written to.
    fn last_segment(&self) -> (String, Arc<dyn DiskFile>, u64) {
        let segments = self.segments.read();
        let segment = segments.last().expect("open makes one and none is removed");
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
        if len < self.segment_bytes_max {
            return Ok(());
        }
        let segment = format!("{}/{}", self.disk.place(), segment::file_name(first));
        let write_error = |source| AppendError::Write { segment, source };
        self.sync_end();
        let segment = create_segment(self.disk.as_ref(), first, self.owner).map_err(write_error)?;
        self.segments.write().push(segment);
        Ok(())
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
        self.sync_end();
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

/// Reads block by block. It holds the lock on the segments only while it reads one block.
struct Reader<'a> {
    journal: &'a FileJournal,
    next: Offset,
    end: Offset,
    /// The next block: index of its segment, first offset, byte position. None before the first
    /// read.
    at: Option<(usize, Offset, u64)>,
    block: std::vec::IntoIter<Vec<u8>>,
}

impl Reader<'_> {
    fn next_record(&mut self) -> Option<Result<(Offset, Vec<u8>), ReadError>> {
        if self.next >= self.end {
            return None;
        }
        loop {
            if let Some(record) = self.block.next() {
                let offset = self.next;
                self.next.0 += 1;
                return Some(Ok((offset, record)));
            }
            if let Err(error) = self.load_block() {
                self.end = self.next;
                return Some(Err(error));
            }
        }
    }

    /// Loads the block that holds `next` and skips the records before it.
    fn load_block(&mut self) -> Result<(), ReadError> {
        let segments = self.journal.segments.read();
        let (mut n, mut offset, mut position) = self.at.unwrap_or_else(|| {
            let n =
                segments.partition_point(|segment| segment.first <= self.next).saturating_sub(1);
            let (offset, position) = segments[n].seek(self.next);
            (n, offset, position)
        });
        loop {
            let segment = &segments[n];
            let (end, _) = segment.end.expect("open walks every segment");
            if offset >= end {
                n += 1;
                assert!(n < segments.len(), "records below the end are in a segment");
                (offset, position) = (segments[n].first, segment::HEADER_BYTES as u64);
                continue;
            }
            let header = match segment.read_block_header(position, offset)? {
                BlockRead::Block(header) => header,
                BlockRead::End => {
                    return Err(
                        segment.damaged(position, "the file ends before the segment's last block")
                    );
                }
                BlockRead::Wrong(what) => return Err(segment.damaged(position, what)),
            };
            let after = position + header.block_bytes();
            if header.end() > self.next {
                let mut records = segment.read_records(position, &header)?.into_iter();
                if self.next > offset {
                    records.nth((self.next.0 - offset.0 - 1) as usize);
                }
                self.block = records;
                self.at = Some((n, header.end(), after));
                return Ok(());
            }
            (offset, position) = (header.end(), after);
        }
    }
}
