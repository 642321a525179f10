//! Reading the records of a journal in order.

use super::FileJournal;
use crate::segment::{self, BlockRead};
use crate::{Offset, ReadError};

/// Reads block by block. It holds the lock on the segments only while it reads one block.
pub(super) struct Reader<'a> {
    journal: &'a FileJournal,
    next: Offset,
    end: Offset,
    /// The next block. None before the first read. Segments may be cut off or written anew
    /// meanwhile.
    at: Option<Place>,
    block: std::vec::IntoIter<Vec<u8>>,
}

/// The place of a block.
#[derive(Clone, Copy)]
struct Place {
    /// The first offset of its segment.
    segment: Offset,
    /// The file of the segment that the position is of.
    generation: u64,
    first: Offset,
    position: u64,
}

impl<'a> Reader<'a> {
    /// Reads the records from `next` until before `end`.
    pub(super) fn new(journal: &'a FileJournal, next: Offset, end: Offset) -> Self {
        Self { journal, next, end, at: None, block: Vec::new().into_iter() }
    }

    pub(super) fn next_record(&mut self) -> Option<Result<(Offset, Vec<u8>), ReadError>> {
        while self.next < self.end {
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
        None
    }

    /// Loads the block that holds `next`, or the first one that is not cut, and skips the records
    /// before.
    fn load_block(&mut self) -> Result<(), ReadError> {
        let segments = self.journal.segments.read();
        self.next = self.next.max(segments[0].first);
        if self.next >= self.end {
            return Ok(());
        }
        let index_of = |offset: Offset| {
            segments.partition_point(|segment| segment.first <= offset).saturating_sub(1)
        };
        let at = self.at.map(|at| (index_of(at.segment), at));
        let (mut n, mut offset, mut position) = match at {
            // A segment that was written anew has its blocks at other places.
            Some((n, at))
                if segments[n].first == at.segment && segments[n].generation == at.generation =>
            {
                (n, at.first, at.position)
            }
            _ => {
                let n = index_of(self.next);
                let (offset, position) = segments[n].seek(self.next);
                (n, offset, position)
            }
        };
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
                self.at = Some(Place {
                    segment: segment.first,
                    generation: segment.generation,
                    first: header.end(),
                    position: after,
                });
                return Ok(());
            }
            (offset, position) = (header.end(), after);
        }
    }
}
