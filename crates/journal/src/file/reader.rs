//! Reading the records of a journal in order.

use super::FileJournal;
use crate::segment::{self, BlockRead};
use crate::{Offset, ReadError};

/// Reads block by block. It holds the lock on the segments only while it reads one block.
pub(super) struct Reader<'a> {
    journal: &'a FileJournal,
    next: Offset,
    end: Offset,
    /// The next block: index of its segment, first offset, byte position. None before the first
    /// read.
    at: Option<(usize, Offset, u64)>,
    block: std::vec::IntoIter<Vec<u8>>,
}

impl<'a> Reader<'a> {
    /// Reads the records from `next` until before `end`.
    pub(super) fn new(journal: &'a FileJournal, next: Offset, end: Offset) -> Self {
        Self { journal, next, end, at: None, block: Vec::new().into_iter() }
    }

    pub(super) fn next_record(&mut self) -> Option<Result<(Offset, Vec<u8>), ReadError>> {
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
