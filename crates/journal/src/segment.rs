//! One segment file: its header, its blocks, and a sparse index over them.

use crate::block::{self, Header};
use crate::{DiskFile, Offset, ReadError};

const MAGIC: [u8; 4] = *b"TMJ1";
const VERSION: u8 = 1;
/// Size of a segment's header, in bytes.
pub(crate) const HEADER_BYTES: usize = 20;
/// Blocks this far apart get an index entry, in bytes: 2,048 entries for a full segment.
const INDEX_STRIDE_BYTES: u64 = 64 * 1_024;
/// A disk writes sectors of this size whole or not at all, in bytes.
const SECTOR_BYTES: u64 = 512;

/// A segment file that is open.
pub(crate) struct Segment {
    pub(crate) name: String,
    pub(crate) first: Offset,
    pub(crate) file: Box<dyn DiskFile>,
    /// Offsets and positions of some blocks, ascending; the first block is always among them.
    index: Vec<(Offset, u64)>,
    /// The offset after the last record and the byte after the last block, where known.
    pub(crate) end: Option<(Offset, u64)>,
}

/// What is at a position of a segment.
pub(crate) enum At {
    /// A block's header.
    Block(Header),
    /// The end of the file.
    End,
    /// Bytes that are no whole, right block.
    Wrong(&'static str),
}

/// The file name of a segment.
pub(crate) fn file_name(first: Offset) -> String {
    format!("{:020}.seg", first.0)
}

/// The bytes that a segment starts with.
pub(crate) fn header_bytes(first: Offset) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4] = VERSION;
    bytes[8..16].copy_from_slice(&first.0.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..16]);
    bytes[16..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

impl Segment {
    /// A segment whose header has just been written.
    pub(crate) fn new(name: String, first: Offset, file: Box<dyn DiskFile>) -> Self {
        let end = Some((first, HEADER_BYTES as u64));
        Self { name, first, file, index: Vec::new(), end }
    }

    /// Opens a file and checks its header. `None` is a file that a crash left without a whole header.
    pub(crate) fn open(name: String, file: Box<dyn DiskFile>) -> Result<Option<Self>, ReadError> {
        let io = |source| ReadError::Io { segment: name.clone(), position: 0, source };
        let mut bytes = [0; HEADER_BYTES];
        let len = file.read_at(&mut bytes, 0).map_err(io)?;
        if len < HEADER_BYTES || bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let damaged = |what| ReadError::Damaged { segment: name.clone(), position: 0, what };
        if bytes[..4] != MAGIC {
            return Err(damaged("this is no segment of a journal"));
        }
        if bytes[4] != VERSION {
            return Err(ReadError::Version { segment: name, found: bytes[4], expected: VERSION });
        }
        let header: [u8; 16] = std::array::from_fn(|n| bytes[n]);
        if bytes[16..] != crc32fast::hash(&header).to_le_bytes() {
            return Err(damaged("the checksum of the segment's header is wrong"));
        }
        let first = Offset(u64::from_le_bytes(std::array::from_fn(|n| bytes[8 + n])));
        if file_name(first) != name {
            return Err(damaged("the first offset in the header is not the one in the file's name"));
        }
        Ok(Some(Self { name, first, file, index: Vec::new(), end: None }))
    }

    /// The block at `position`, which must hold the record `expected` first.
    pub(crate) fn at(&self, position: u64, expected: Offset) -> Result<At, ReadError> {
        let io = |source| ReadError::Io { segment: self.name.clone(), position, source };
        let mut bytes = [0; block::HEADER_BYTES];
        let read = self.file.read_at(&mut bytes, position).map_err(io)?;
        if read == 0 {
            return Ok(At::End);
        }
        if read < block::HEADER_BYTES {
            return Ok(At::Wrong("the file ends inside a block's header"));
        }
        let header = match Header::decode(&bytes) {
            Ok(header) => header,
            Err(what) => return Ok(At::Wrong(what)),
        };
        if header.first != expected {
            return Ok(At::Wrong("the block holds other offsets than expected here"));
        }
        if position + header.block_bytes() > self.file.size().map_err(io)? {
            return Ok(At::Wrong("the file ends inside a block"));
        }
        Ok(At::Block(header))
    }

    /// The records of the block at `position`.
    pub(crate) fn records(&self, position: u64, header: &Header) -> Result<Vec<Vec<u8>>, ReadError> {
        let mut payload = vec![0; header.payload_bytes as usize];
        let start = position + block::HEADER_BYTES as u64;
        let io = |source| ReadError::Io { segment: self.name.clone(), position: start, source };
        let read = self.file.read_at(&mut payload, start).map_err(io)?;
        header.decode_payload(&payload[..read]).map_err(|what| ReadError::Damaged {
            segment: self.name.clone(),
            position,
            what,
        })
    }

    /// Walks all blocks by their headers, fills the index and finds the end. Stops at the first wrong bytes, which come
    /// back with their position; `verify` also reads the payloads.
    pub(crate) fn walk(&mut self, verify: bool) -> Result<Option<(u64, &'static str)>, ReadError> {
        let (mut offset, mut position) = (self.first, HEADER_BYTES as u64);
        self.index.clear();
        let wrong = loop {
            match self.at(position, offset)? {
                At::End => break None,
                At::Wrong(what) => break Some((position, what)),
                At::Block(header) => {
                    if verify {
                        match self.records(position, &header) {
                            Ok(_) => {}
                            Err(ReadError::Damaged { what, .. }) => break Some((position, what)),
                            Err(error) => return Err(error),
                        }
                    }
                    self.note_block(offset, position);
                    offset = header.end();
                    position += header.block_bytes();
                }
            }
        };
        self.end = Some((offset, position));
        Ok(wrong)
    }

    /// Enters a block into the index if it is far enough from the last one there.
    pub(crate) fn note_block(&mut self, offset: Offset, position: u64) {
        if self.index.last().is_none_or(|(_, last)| position >= last + INDEX_STRIDE_BYTES) {
            self.index.push((offset, position));
        }
    }

    /// A block at or before the one that holds `offset`.
    pub(crate) fn seek(&self, offset: Offset) -> (Offset, u64) {
        let after = self.index.partition_point(|(first, _)| *first <= offset);
        after.checked_sub(1).map_or((self.first, HEADER_BYTES as u64), |n| self.index[n])
    }

    /// Whether the bytes from `position` on are what a crash leaves of a block: cut short, or with sectors of zeros.
    /// `what` is what [`Segment::at`] said of them.
    pub(crate) fn is_torn(&self, position: u64) -> Result<bool, ReadError> {
        let io = |source| ReadError::Io { segment: self.name.clone(), position, source };
        let len = self.file.size().map_err(io)?;
        let mut bytes = vec![0; (len - position) as usize];
        self.file.read_at(&mut bytes, position).map_err(io)?;
        if let Some(header) = bytes.first_chunk::<{ block::HEADER_BYTES }>() {
            if let Ok(header) = Header::decode(header)
                && position + header.block_bytes() > len
            {
                return Ok(true);
            }
        } else {
            return Ok(true);
        }
        // Sectors lie at multiples of their size in the file, not in the block; the first may be a part of one.
        let to_next_sector = (SECTOR_BYTES - position % SECTOR_BYTES) as usize;
        let (part, rest) = bytes.split_at(to_next_sector.min(bytes.len()));
        let mut sectors = std::iter::once(part).chain(rest.chunks(SECTOR_BYTES as usize));
        Ok(sectors.any(|sector| !sector.is_empty() && sector.iter().all(|byte| *byte == 0)))
    }

    /// Whether a right block starts anywhere after `position`: then what is wrong there is in the middle.
    pub(crate) fn has_block_after(&self, position: u64) -> Result<bool, ReadError> {
        let io = |source| ReadError::Io { segment: self.name.clone(), position, source };
        let mut bytes = vec![0; (self.file.size().map_err(io)? - position) as usize];
        self.file.read_at(&mut bytes, position).map_err(io)?;
        Ok(bytes.windows(block::HEADER_BYTES).skip(1).any(|window| {
            window
                .first_chunk::<{ block::HEADER_BYTES }>()
                .is_some_and(|header| Header::decode(header).is_ok())
        }))
    }
}
