//! One segment file: its header, its blocks, and a sparse index over them.

use std::io;
use std::sync::Arc;

use crate::block::{self, Header};
use crate::disk::open_or_create;
use crate::{Disk, DiskFile, Offset, ReadError};

const MAGIC: [u8; 4] = *b"TMJ1";
const VERSION: u8 = 1;
/// Size of a segment's header, in bytes.
pub(crate) const HEADER_BYTES: usize = 20;
/// The distance between indexed blocks, in bytes: 2,048 entries for a full segment.
const INDEX_STRIDE_BYTES: u64 = 64 * 1_024;
/// The sector size, in bytes. A disk writes a sector whole or not at all.
pub(crate) const SECTOR_BYTES: u64 = 512;
/// How often bytes are read before they count as damaged: a disk may return bytes of another place
/// once.
pub(crate) const READ_ATTEMPTS: usize = 3;

/// An open segment file with a sparse index.
pub(crate) struct Segment {
    pub(crate) name: String,
    /// Folder and name, for messages.
    pub(crate) place: String,
    pub(crate) first: Offset,
    pub(crate) owner: Owner,
    pub(crate) file: Arc<dyn DiskFile>,
    /// How often it was written anew since the journal was opened: positions in another generation
    /// are of another file.
    pub(crate) generation: u64,
    /// Offsets and byte positions of some blocks, ascending; the first block is always indexed.
    index: Vec<(Offset, u64)>,
    /// The offset after the last record and the byte after the last block; none before
    /// [`Segment::walk`].
    pub(crate) end: Option<(Offset, u64)>,
}

/// The result of reading a block header at a position of a segment.
pub(crate) enum BlockRead {
    /// A block's header.
    Block(Header),
    /// The end of the file.
    End,
    /// Bytes that are no complete, valid block, with the kind of damage.
    Wrong(&'static str),
}

/// The file name of a segment: its first offset with 20 digits.
pub(crate) fn file_name(first: Offset) -> String {
    format!("{:020}.seg", first.0)
}

/// The journal that a segment belongs to: the first three bytes of a hash of its name, so that
/// mixed-up files are detected. Zero where the journal has no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Owner([u8; 3]);

impl Owner {
    pub(crate) fn from_name(name: &str) -> Self {
        let [a, b, c, _] =
            if name.is_empty() { [0; 4] } else { crc32fast::hash(name.as_bytes()).to_le_bytes() };
        Self([a, b, c])
    }

    /// Whether this journal may read a segment of the other: they are the same, or one has no name.
    pub(crate) fn may_read(self, segment: Self) -> bool {
        self == segment || self == Self::default() || segment == Self::default()
    }
}

/// Encodes the header of a segment.
pub(crate) fn header_bytes(first: Offset, owner: Owner) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4] = VERSION;
    bytes[5..8].copy_from_slice(&owner.0);
    bytes[8..16].copy_from_slice(&first.0.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..16]);
    bytes[16..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

impl Segment {
    /// Creates an empty segment and makes its header and name durable. An earlier attempt may have
    /// left the file with a part of the header.
    pub(crate) fn create(disk: &dyn Disk, first: Offset, owner: Owner) -> io::Result<Self> {
        let name = file_name(first);
        let file = open_or_create(disk, &name)?;
        if file.size()? > HEADER_BYTES as u64 {
            return Err(io::Error::other(
                "the file exists already and is no empty segment: move it away",
            ));
        }
        file.truncate(0)?;
        file.write_at(&header_bytes(first, owner), 0)?;
        file.sync()?;
        disk.sync()?;
        let place = format!("{}/{name}", disk.place());
        let end = Some((first, HEADER_BYTES as u64));
        let generation = 0;
        Ok(Self {
            name,
            place,
            first,
            owner,
            file: file.into(),
            generation,
            index: Vec::new(),
            end,
        })
    }

    /// Opens a file and checks its header and owner. None for a file that a crash left without a
    /// complete header.
    pub(crate) fn open(
        folder: &str,
        name: String,
        reader: Owner,
        file: Arc<dyn DiskFile>,
    ) -> Result<Option<Self>, ReadError> {
        let place = format!("{folder}/{name}");
        let Some((first, owner)) = retry_if_damaged(|| read_header(&place, &name, file.as_ref()))?
        else {
            return Ok(None);
        };
        if !reader.may_read(owner) {
            let what = "this is a segment of another journal: of another workspace, or of the installation";
            return Err(ReadError::Damaged { segment: place, position: 0, what });
        }
        let generation = 0;
        Ok(Some(Self { name, place, first, owner, file, generation, index: Vec::new(), end: None }))
    }

    /// Opens the file of a segment that was written anew under another name.
    pub(crate) fn open_written(
        folder: &str,
        old: &Self,
        file: Arc<dyn DiskFile>,
    ) -> Result<Self, ReadError> {
        let opened = Self::open(folder, old.name.clone(), old.owner, file)?;
        opened.ok_or_else(|| old.damaged(0, "the segment that was written anew has no header"))
    }

    /// The same segment, to read it without the lock on all of them.
    pub(crate) fn share(&self) -> Self {
        Self {
            name: self.name.clone(),
            place: self.place.clone(),
            first: self.first,
            owner: self.owner,
            file: Arc::clone(&self.file),
            generation: self.generation,
            index: self.index.clone(),
            end: self.end,
        }
    }

    /// Reads the header of the block at `position`, whose first record must be `expected`. Damage
    /// is confirmed by [`READ_ATTEMPTS`] reads.
    pub(crate) fn read_block_header(
        &self,
        position: u64,
        expected: Offset,
    ) -> Result<BlockRead, ReadError> {
        let mut at = self.read_block_header_once(position, expected)?;
        for _ in 1..READ_ATTEMPTS {
            if !matches!(at, BlockRead::Wrong(_)) {
                break;
            }
            at = self.read_block_header_once(position, expected)?;
        }
        Ok(at)
    }

    fn read_block_header_once(
        &self,
        position: u64,
        expected: Offset,
    ) -> Result<BlockRead, ReadError> {
        let io = |source| ReadError::Io { segment: self.place.clone(), position, source };
        let len = self.file.size().map_err(io)?;
        if position >= len {
            return Ok(BlockRead::End);
        }
        let mut bytes = [0; block::HEADER_BYTES];
        let read = self.file.read_at(&mut bytes, position).map_err(io)?;
        if read < block::HEADER_BYTES {
            return Ok(BlockRead::Wrong("the file ends inside a block's header"));
        }
        let header = match Header::decode(&bytes) {
            Ok(header) => header,
            Err(what) => return Ok(BlockRead::Wrong(what)),
        };
        if header.first != expected {
            return Ok(BlockRead::Wrong("the block holds other offsets than expected here"));
        }
        if position + header.block_bytes() > len {
            return Ok(BlockRead::Wrong("the file ends inside a block"));
        }
        Ok(BlockRead::Block(header))
    }

    /// Reads and decodes the records of the block at `position`.
    pub(crate) fn read_records(
        &self,
        position: u64,
        header: &Header,
    ) -> Result<Vec<Vec<u8>>, ReadError> {
        retry_if_damaged(|| {
            let payload = self.read_payload(position, header)?;
            header.decode_payload(&payload).map_err(|what| self.damaged(position, what))
        })
    }

    /// Reads the bytes of the block at `position` and verifies header and payload.
    pub(crate) fn read_block(&self, position: u64, header: &Header) -> Result<Vec<u8>, ReadError> {
        retry_if_damaged(|| {
            let io = |source| ReadError::Io { segment: self.place.clone(), position, source };
            let mut bytes = vec![0; header.block_bytes() as usize];
            let read = self.file.read_at(&mut bytes, position).map_err(io)?;
            bytes.truncate(read);
            let (own_header, payload) = bytes
                .split_first_chunk::<{ block::HEADER_BYTES }>()
                .ok_or_else(|| self.damaged(position, "the file ends inside a block's header"))?;
            if Header::decode(own_header) != Ok(*header) {
                return Err(
                    self.damaged(position, "the block's header reads differently each time")
                );
            }
            header.decode_payload(payload).map_err(|what| self.damaged(position, what))?;
            Ok(bytes)
        })
    }

    fn read_payload(&self, position: u64, header: &Header) -> Result<Vec<u8>, ReadError> {
        let mut payload = vec![0; header.payload_bytes as usize];
        let start = position + block::HEADER_BYTES as u64;
        let io = |source| ReadError::Io { segment: self.place.clone(), position: start, source };
        let read = self.file.read_at(&mut payload, start).map_err(io)?;
        payload.truncate(read);
        Ok(payload)
    }

    pub(crate) fn damaged(&self, position: u64, what: &'static str) -> ReadError {
        ReadError::Damaged { segment: self.place.clone(), position, what }
    }

    /// Walks all blocks by their headers, builds the index and finds the end. Stops at the first
    /// damage and returns its position and kind. `verify` also reads the payloads.
    pub(crate) fn walk(&mut self, verify: bool) -> Result<Option<(u64, &'static str)>, ReadError> {
        let (mut offset, mut position) = (self.first, HEADER_BYTES as u64);
        self.index.clear();
        let wrong = loop {
            match self.read_block_header(position, offset)? {
                BlockRead::End => break None,
                BlockRead::Wrong(what) => break Some((position, what)),
                BlockRead::Block(header) => {
                    if verify {
                        match self.read_records(position, &header) {
                            Ok(_) => {}
                            Err(ReadError::Damaged { what, .. }) => break Some((position, what)),
                            Err(error) => return Err(error),
                        }
                    }
                    self.index_block(offset, position);
                    offset = header.end();
                    position += header.block_bytes();
                }
            }
        };
        self.end = Some((offset, position));
        Ok(wrong)
    }

    /// Adds a block to the index if it is far enough from the last indexed one.
    pub(crate) fn index_block(&mut self, offset: Offset, position: u64) {
        if self.index.last().is_none_or(|(_, last)| position >= last + INDEX_STRIDE_BYTES) {
            self.index.push((offset, position));
        }
    }

    /// Offset and byte position of an indexed block at or before the one that holds `offset`.
    pub(crate) fn seek(&self, offset: Offset) -> (Offset, u64) {
        let after = self.index.partition_point(|(first, _)| *first <= offset);
        after.checked_sub(1).map_or((self.first, HEADER_BYTES as u64), |n| self.index[n])
    }

    /// All bytes from `position` on, read until two reads agree, since the decision to cut depends
    /// on them.
    pub(crate) fn read_tail(&self, position: u64) -> Result<Vec<u8>, ReadError> {
        let io = |source| ReadError::Io { segment: self.place.clone(), position, source };
        let read = || {
            let mut bytes =
                vec![0; self.file.size().map_err(io)?.saturating_sub(position) as usize];
            let read = self.file.read_at(&mut bytes, position).map_err(io)?;
            bytes.truncate(read);
            Ok(bytes)
        };
        let mut tail = read()?;
        for _ in 1..READ_ATTEMPTS {
            let again = read()?;
            if again == tail {
                return Ok(tail);
            }
            tail = again;
        }
        Err(io(io::Error::other("the file's end reads differently each time")))
    }
}

/// Whether the last bytes of a segment, from `position` on, look like a block that a crash
/// interrupted: cut short or with sectors of zeros, and with no valid block in them.
pub(crate) fn is_torn(tail: &[u8], position: u64) -> bool {
    if tail.is_empty() || starts_with_valid_block(tail) || has_block_after_first(tail) {
        return false;
    }
    let Some(header) = tail.first_chunk::<{ block::HEADER_BYTES }>() else { return true };
    if Header::decode(header).is_ok_and(|header| header.block_bytes() > tail.len() as u64) {
        return true;
    }
    // Sectors are aligned to the file, not to the block, so the first chunk may be a part of one.
    let to_next_sector = (SECTOR_BYTES - position % SECTOR_BYTES) as usize;
    let (part, rest) = tail.split_at(to_next_sector.min(tail.len()));
    let mut sectors = std::iter::once(part).chain(rest.chunks(SECTOR_BYTES as usize));
    sectors.any(|sector| !sector.is_empty() && sector.iter().all(|byte| *byte == 0))
}

fn starts_with_valid_block(tail: &[u8]) -> bool {
    let Some((header, rest)) = tail.split_first_chunk::<{ block::HEADER_BYTES }>() else {
        return false;
    };
    Header::decode(header).is_ok_and(|header| {
        rest.get(..header.payload_bytes as usize)
            .is_some_and(|payload| header.decode_payload(payload).is_ok())
    })
}

/// Whether there is a valid block header anywhere after the first byte. Then the damage is in the
/// middle of the segment.
fn has_block_after_first(tail: &[u8]) -> bool {
    tail.windows(block::HEADER_BYTES).skip(1).any(|window| {
        window
            .first_chunk::<{ block::HEADER_BYTES }>()
            .is_some_and(|header| Header::decode(header).is_ok())
    })
}

/// Repeats a read that finds damage, up to [`READ_ATTEMPTS`] times in all.
fn retry_if_damaged<T>(read: impl Fn() -> Result<T, ReadError>) -> Result<T, ReadError> {
    let mut result = read();
    for _ in 1..READ_ATTEMPTS {
        if !matches!(result, Err(ReadError::Damaged { .. } | ReadError::Version { .. })) {
            break;
        }
        result = read();
    }
    result
}

/// The first offset and the owner of a segment file; none where a crash left it without a complete
/// header.
fn read_header(
    place: &str,
    name: &str,
    file: &dyn DiskFile,
) -> Result<Option<(Offset, Owner)>, ReadError> {
    let io = |source| ReadError::Io { segment: place.to_owned(), position: 0, source };
    let damaged = |what| ReadError::Damaged { segment: place.to_owned(), position: 0, what };
    let mut bytes = [0; HEADER_BYTES];
    let read = file.read_at(&mut bytes, 0).map_err(io)?;
    if read < HEADER_BYTES || bytes.iter().all(|byte| *byte == 0) {
        // Blocks are written only after the header was synced, so a longer file has lost its
        // header.
        return if file.size().map_err(io)? <= HEADER_BYTES as u64 {
            Ok(None)
        } else {
            Err(damaged("the segment's header is missing"))
        };
    }
    if bytes[..4] != MAGIC {
        return Err(damaged("this is no segment of a journal"));
    }
    if bytes[4] != VERSION {
        return Err(ReadError::Version {
            segment: place.to_owned(),
            found: bytes[4],
            expected: VERSION,
        });
    }
    let header: [u8; 16] = std::array::from_fn(|n| bytes[n]);
    if bytes[16..] != crc32fast::hash(&header).to_le_bytes() {
        return Err(damaged("the checksum of the segment's header is wrong"));
    }
    let first = Offset(u64::from_le_bytes(std::array::from_fn(|n| bytes[8 + n])));
    if file_name(first) != name {
        return Err(damaged("the first offset in the header is not the one in the file's name"));
    }
    Ok(Some((first, Owner([bytes[5], bytes[6], bytes[7]]))))
}
