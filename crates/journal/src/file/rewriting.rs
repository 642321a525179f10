//! Replacing records in segment files: a segment that holds one is written anew beside the old one
//! and takes its name. A crash leaves the old one or the new one, and no record is missing.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::FileJournal;
use crate::block;
use crate::disk::open_or_create;
use crate::rewrite::{Replace, RewriteError, RewritePace, Rewritten};
use crate::rewritten_list;
use crate::segment::{self, BlockRead, Segment};
use crate::{BATCH_BYTES_MAX, DiskFile, Journal, Offset};

/// The ending of the name of a segment that is being written anew.
pub(super) const NEW_SUFFIX: &str = ".new";

/// A segment that is being written anew.
struct Draft {
    name: String,
    file: Box<dyn DiskFile>,
    position: u64,
}

impl FileJournal {
    pub(super) fn rewrite_files(
        &self,
        replace: &mut Replace<'_>,
        pace: &mut RewritePace<'_>,
    ) -> Result<Rewritten, RewriteError> {
        let _one_at_a_time = self.rewriting.lock();
        self.close_segment_in_use()?;
        let mut rewritten = Rewritten::default();
        let (mut firsts, total_bytes) = {
            let segments = self.segments.read();
            let closed = &segments[..segments.len() - 1];
            let bytes = closed.iter().filter_map(|segment| segment.end).map(|(_, bytes)| bytes);
            (closed.iter().map(|segment| segment.first).collect::<Vec<_>>(), bytes.sum::<u64>())
        };
        firsts.sort_unstable();
        for first in firsts {
            self.rewrite_segment(first, replace, &mut rewritten, &mut |bytes| {
                pace(bytes, total_bytes)
            })?;
        }
        rewritten.torn_files = self.remove_torn_files()?;
        // Also what an earlier attempt has renamed and could not sync.
        let error = |source| RewriteError::Write { segment: self.disk.place(), source };
        self.disk.sync().map_err(error)?;
        Ok(rewritten)
    }

    /// Closes the segment that is written to, so that records are appended to another one. The
    /// end-of-log record must not name bytes of a segment that is written anew.
    fn close_segment_in_use(&self) -> Result<(), RewriteError> {
        self.close_segment().map_err(|error| RewriteError::Write {
            segment: self.disk.place(),
            source: std::io::Error::other(error),
        })?;
        self.record_end(&mut self.tail.lock());
        self.sync_record();
        Ok(())
    }

    /// Reads a closed segment, and writes it anew from the first record on that is replaced.
    fn rewrite_segment(
        &self,
        first: Offset,
        replace: &mut Replace<'_>,
        rewritten: &mut Rewritten,
        pace: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), RewriteError> {
        let Some(old) = self.segment_at(first) else { return Ok(()) };
        let (end, end_position) = old.end.expect("open walks every segment");
        let (mut offset, mut position) = (first, segment::HEADER_BYTES as u64);
        let mut draft: Option<Draft> = None;
        while offset < end {
            let BlockRead::Block(header) = old.read_block_header(position, offset)? else {
                return Err(old.damaged(position, "the block cannot be read").into());
            };
            let records = old.read_records(position, &header)?;
            let mut changed = Vec::new();
            for (n, record) in (0u64..).zip(&records) {
                let at = Offset(offset.0 + n);
                let new = replace(at, record)
                    .map_err(|source| RewriteError::Record { offset: at, source })?;
                changed.extend(new.map(|new| (n as usize, new)));
            }
            rewritten.records += records.len() as u64;
            rewritten.replaced += changed.len() as u64;
            if !changed.is_empty() && draft.is_none() {
                draft = Some(self.begin_draft(&old, position)?);
            }
            if let Some(draft) = &mut draft {
                let bytes = match changed.is_empty() {
                    true => old.read_block(position, &header)?,
                    false => encode_changed(offset, records, changed)
                        .map_err(|source| draft_error(self, draft, source))?,
                };
                draft
                    .file
                    .write_at(&bytes, draft.position)
                    .map_err(|source| draft_error(self, draft, source))?;
                draft.position += bytes.len() as u64;
            }
            (offset, position) = (header.end(), position + header.block_bytes());
            if pace(header.block_bytes()).is_break() {
                return Err(RewriteError::Ended);
            }
        }
        rewritten.read_bytes += end_position;
        if let Some(draft) = draft {
            rewritten.written_bytes += draft.position;
            self.put_in_place(&old, draft)?;
            rewritten.segments += 1;
        }
        Ok(())
    }

    /// Begins a segment that is written anew with what comes before `until` in the old one.
    fn begin_draft(&self, old: &Segment, until: u64) -> Result<Draft, RewriteError> {
        let name = format!("{}{NEW_SUFFIX}", old.name);
        let error = |source| RewriteError::Write { segment: old.place.clone(), source };
        let file = open_or_create(self.disk.as_ref(), &name).map_err(error)?;
        file.truncate(0).map_err(error)?;
        file.write_at(&segment::header_bytes(old.first, old.owner), 0).map_err(error)?;
        let mut draft = Draft { name, file, position: segment::HEADER_BYTES as u64 };
        let mut offset = old.first;
        while draft.position < until {
            let BlockRead::Block(header) = old.read_block_header(draft.position, offset)? else {
                return Err(old.damaged(draft.position, "the block cannot be read").into());
            };
            let bytes = old.read_block(draft.position, &header)?;
            draft.file.write_at(&bytes, draft.position).map_err(error)?;
            draft.position += bytes.len() as u64;
            offset = header.end();
        }
        Ok(draft)
    }

    /// Checks a new segment, gives it the name of the old one, and takes it into use.
    fn put_in_place(&self, old: &Segment, draft: Draft) -> Result<(), RewriteError> {
        let error = |source| RewriteError::Write { segment: old.place.clone(), source };
        draft.file.sync().map_err(error)?;
        let mut new = Segment::open_written(&self.disk.place(), old, Arc::from(draft.file))?;
        if let Some((position, what)) = new.walk(true)? {
            return Err(new.damaged(position, what).into());
        }
        let same_end = new.end.map(|(offset, _)| offset) == old.end.map(|(offset, _)| offset);
        assert!(same_end, "a segment that is written anew has the records of the old one");
        // Backups take a segment anew that is in this list, though it does not begin as before.
        rewritten_list::add(self.disk.as_ref(), &old.name).map_err(error)?;
        let mut segments = self.segments.write();
        let Some(place) = segments.iter().position(|segment| segment.first == old.first) else {
            // It was cut off meanwhile.
            return self.disk.remove(&draft.name).map_err(error);
        };
        self.disk.rename(&draft.name, &old.name).map_err(error)?;
        new.generation = old.generation + 1;
        segments[place] = new;
        drop(segments);
        self.disk.sync().map_err(error)
    }

    /// Removes the bytes of torn tails, which no entry needs: they were never acknowledged.
    fn remove_torn_files(&self) -> Result<u64, RewriteError> {
        let error = |source| RewriteError::Write { segment: self.disk.place(), source };
        let names = self.disk.list().map_err(error)?;
        let torn: Vec<String> = names.into_iter().filter(|name| name.ends_with(".torn")).collect();
        for name in &torn {
            self.disk.remove(name).map_err(error)?;
        }
        Ok(torn.len() as u64)
    }

    fn segment_at(&self, first: Offset) -> Option<Segment> {
        self.segments.read().iter().find(|segment| segment.first == first).map(Segment::share)
    }
}

fn draft_error(journal: &FileJournal, draft: &Draft, source: std::io::Error) -> RewriteError {
    RewriteError::Write { segment: format!("{}/{}", journal.disk.place(), draft.name), source }
}

/// The block with some records replaced; more than one where they have grown over the limit of one.
fn encode_changed(
    first: Offset,
    mut records: Vec<Vec<u8>>,
    changed: Vec<(usize, Vec<u8>)>,
) -> std::io::Result<Vec<u8>> {
    for (n, record) in changed {
        records[n] = record;
    }
    let (mut blocks, mut from) = (Vec::new(), 0);
    while from < records.len() {
        let (mut until, mut bytes) = (from, 0);
        while until < records.len()
            && (until == from || bytes + records[until].len() + 4 <= BATCH_BYTES_MAX)
        {
            bytes += records[until].len() + 4;
            until += 1;
        }
        let part: Vec<&[u8]> = records[from..until].iter().map(Vec::as_slice).collect();
        let (_, block) = block::encode(Offset(first.0 + from as u64), &part)?;
        blocks.extend_from_slice(&block);
        from = until;
    }
    Ok(blocks)
}
