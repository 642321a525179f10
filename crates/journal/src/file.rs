//! The journal as segment files.

use std::io;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::block;
use crate::segment::{self, At, Segment};
use crate::{
    AppendError, BATCH_BYTES_MAX, Disk, DiskFile, Journal, Offset, OpenError, RECORD_BYTES_MAX, ReadError,
    Records, SEGMENT_BYTES_MAX,
};

/// A journal in a folder of segment files. One process may write it; see the crate's page for the format.
pub struct FileJournal {
    disk: Arc<dyn Disk>,
    segment_bytes_max: u64,
    /// Ascending; the last one is written to. Readers share it, the writer holds it to add blocks.
    segments: RwLock<Vec<Segment>>,
    /// Held by the one append under way; the name of the segment whose fsync failed.
    poisoned: Mutex<Option<String>>,
}

impl FileJournal {
    /// Opens the journal of a folder, making an empty one where there is none. Everything below `acknowledged` is known to
    /// have been there: a journal that ends earlier is refused.
    pub fn open(disk: Arc<dyn Disk>, acknowledged: Offset) -> Result<Self, OpenError> {
        Self::open_with_segment_bytes(disk, acknowledged, SEGMENT_BYTES_MAX)
    }

    /// As [`FileJournal::open`], with another size at which segments are closed.
    pub fn open_with_segment_bytes(
        disk: Arc<dyn Disk>,
        acknowledged: Offset,
        segment_bytes_max: u64,
    ) -> Result<Self, OpenError> {
        let place = |place: &str| format!("{}/{place}", disk.place());
        let io = |name: &str, source| OpenError::Io { place: place(name), source };
        let mut names = disk.list().map_err(|source| io("", source))?;
        names.retain(|name| name.ends_with(".seg"));
        names.sort_unstable();

        let mut segments: Vec<Segment> = Vec::new();
        let mut unborn = None;
        for (n, name) in names.iter().enumerate() {
            let last = n + 1 == names.len();
            let file = disk.open(name).map_err(|source| io(name, source))?;
            match Segment::open(name.clone(), file)? {
                Some(mut segment) => {
                    let expected =
                        segments.last().and_then(|segment| segment.end).map_or(Offset(0), |end| end.0);
                    if segment.first != expected {
                        return Err(OpenError::Gap { segment: name.clone(), found: segment.first, expected });
                    }
                    if let Some((position, what)) = segment.walk(last)? {
                        mend_tail(disk.as_ref(), &mut segment, position, what, last, acknowledged)?;
                    }
                    segments.push(segment);
                }
                None if last => unborn = Some(name),
                None => {
                    let what = "the segment's header is missing";
                    return Err(ReadError::Damaged { segment: name.clone(), position: 0, what }.into());
                }
            }
        }
        let end = segments.last().and_then(|segment| segment.end).map_or(Offset(0), |end| end.0);
        if end < acknowledged {
            let segment = place(names.last().map_or("", |name| name.as_str()));
            return Err(OpenError::Truncated { segment, end, acknowledged });
        }
        if let Some(name) = unborn {
            // A header of zeros under another name, or before other bytes, is no trace of a crash.
            let is_next = *name == segment::file_name(end);
            let file = disk.open(name).map_err(|source| io(name, source))?;
            if !is_next || file.size().map_err(|source| io(name, source))? > segment::HEADER_BYTES as u64 {
                let what = "the segment's header is missing";
                return Err(ReadError::Damaged { segment: name.clone(), position: 0, what }.into());
            }
            // The crash came between making the file and writing its header.
            file.truncate(0).map_err(|source| io(name, source))?;
            start_segment(file.as_ref(), end).map_err(|source| io(name, source))?;
            segments.push(Segment::new(name.clone(), end, file));
        } else if segments.is_empty() {
            segments.push(create_segment(disk.as_ref(), end).map_err(|(name, source)| io(&name, source))?);
        }
        Ok(Self { disk, segment_bytes_max, segments: RwLock::new(segments), poisoned: Mutex::new(None) })
    }
}

/// Cuts a torn tail, keeping what is cut; any other wrong bytes are an error.
fn mend_tail(
    disk: &dyn Disk,
    segment: &mut Segment,
    position: u64,
    what: &'static str,
    last: bool,
    acknowledged: Offset,
) -> Result<(), OpenError> {
    let end = segment.end.map_or(segment.first, |end| end.0);
    let torn =
        last && end >= acknowledged && segment.is_torn(position)? && !segment.has_block_after(position)?;
    if !torn {
        return Err(ReadError::Damaged { segment: segment.name.clone(), position, what }.into());
    }
    let io = |source| OpenError::Io { place: format!("{}/{}", disk.place(), segment.name), source };
    let mut cut = vec![0; (segment.file.size().map_err(io)? - position) as usize];
    segment.file.read_at(&mut cut, position).map_err(io)?;
    // A crash while this is written leaves a part of it, and the tail is still there to be written again.
    let name = format!("{}.{position}.torn", segment.name);
    let kept = match disk.create(&name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => disk.open(&name),
        other => other,
    }
    .map_err(io)?;
    kept.truncate(0).and_then(|()| kept.append(&cut)).and_then(|()| kept.sync()).map_err(io)?;
    segment.file.truncate(position).map_err(io)?;
    segment.file.sync().map_err(io)
}

fn create_segment(disk: &dyn Disk, first: Offset) -> Result<Segment, (String, io::Error)> {
    let name = segment::file_name(first);
    let file = disk.create(&name).map_err(|source| (name.clone(), source))?;
    start_segment(file.as_ref(), first).map_err(|source| (name.clone(), source))?;
    Ok(Segment::new(name, first, file))
}

fn start_segment(file: &dyn DiskFile, first: Offset) -> io::Result<()> {
    file.append(&segment::header_bytes(first))?;
    file.sync()
}

impl Journal for FileJournal {
    fn append(&self, records: &[&[u8]]) -> Result<Offset, AppendError> {
        let mut poisoned = self.poisoned.lock();
        if let Some(segment) = poisoned.as_ref() {
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
        self.close_full_segment(first, &mut poisoned)?;

        // Readers see only what lies before `end`, so the write and the fsync need no lock against them.
        let segments = self.segments.read();
        let segment = segments.last().expect("open makes one and none is removed");
        let (_, position) = segment.end.expect("open walks the last segment");
        let write_error = |source| AppendError::Write { segment: segment.name.clone(), source };
        let (header, bytes) = block::encode(first, records).map_err(write_error)?;
        if let Err(source) = segment.file.append(&bytes) {
            // Part of the block may be there: the next append must start where this one did.
            if segment.file.truncate(position).is_err() {
                *poisoned = Some(segment.name.clone());
            }
            return Err(write_error(source));
        }
        if segment.file.sync().is_err() {
            *poisoned = Some(segment.name.clone());
            return Err(AppendError::Poisoned { segment: segment.name.clone() });
        }
        drop(segments);

        let mut segments = self.segments.write();
        let segment = segments.last_mut().expect("open makes one and none is removed");
        segment.note_block(first, position);
        segment.end = Some((header.end(), position + bytes.len() as u64));
        Ok(first)
    }

    fn end(&self) -> Offset {
        let segments = self.segments.read();
        segments.last().and_then(|segment| segment.end).expect("open walks the last segment").0
    }

    fn read_from(&self, from: Offset) -> Records<'_> {
        let end = self.end();
        let mut reader = Reader { journal: self, next: from, end, at: None, block: Vec::new().into_iter() };
        Box::new(std::iter::from_fn(move || reader.next_record()))
    }
}

impl FileJournal {
    /// Starts a new segment where the last one has reached its size.
    fn close_full_segment(&self, first: Offset, poisoned: &mut Option<String>) -> Result<(), AppendError> {
        let full = {
            let segments = self.segments.read();
            segments
                .last()
                .and_then(|segment| segment.end)
                .is_some_and(|(_, len)| len >= self.segment_bytes_max)
        };
        if !full {
            return Ok(());
        }
        let name = segment::file_name(first);
        let segment = match create_segment(self.disk.as_ref(), first) {
            // An earlier try made the file but could not write its header.
            Err((_, error)) if error.kind() == io::ErrorKind::AlreadyExists => self
                .disk
                .open(&name)
                .and_then(|file| {
                    file.truncate(0)?;
                    start_segment(file.as_ref(), first)?;
                    Ok(Segment::new(name.clone(), first, file))
                })
                .map_err(|error| (name.clone(), error)),
            other => other,
        };
        match segment {
            Ok(segment) => {
                self.segments.write().push(segment);
                Ok(())
            }
            Err((segment, source)) if source.kind() == io::ErrorKind::StorageFull => {
                Err(AppendError::Write { segment, source })
            }
            Err((segment, _)) => {
                *poisoned = Some(segment.clone());
                Err(AppendError::Poisoned { segment })
            }
        }
    }
}

/// Reads block by block; holds the journal's lock only while it reads one.
struct Reader<'a> {
    journal: &'a FileJournal,
    next: Offset,
    end: Offset,
    /// The segment's place in the list and the position of the next block in it, with its first offset.
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

    /// Loads the block that holds `next` and passes over the records before it.
    fn load_block(&mut self) -> Result<(), ReadError> {
        let segments = self.journal.segments.read();
        let (mut n, mut offset, mut position) = self.at.unwrap_or_else(|| {
            let n = segments.partition_point(|segment| segment.first <= self.next).saturating_sub(1);
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
            let header = match segment.at(position, offset)? {
                At::Block(header) => header,
                At::End => {
                    return Err(damaged(segment, position, "the file ends before the segment's last block"));
                }
                At::Wrong(what) => return Err(damaged(segment, position, what)),
            };
            let after = position + header.block_bytes();
            if header.end() > self.next {
                let mut records = segment.records(position, &header)?.into_iter();
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

fn damaged(segment: &Segment, position: u64, what: &'static str) -> ReadError {
    ReadError::Damaged { segment: segment.name.clone(), position, what }
}
