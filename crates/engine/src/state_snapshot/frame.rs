//! The frames of a snapshot file: a header, blocks of rows, a footer. Each has checksums of its
//! own, so that damage is found where it is.

use std::io::{self, Read};

/// The largest content of a frame before compression, in bytes: a block is closed when it passes
/// [`super::file::BLOCK_BYTES`], so this leaves room for one large row.
pub(super) const RAW_BYTES_MAX: usize = 64 * 1_024 * 1_024;
/// The size of a frame's head, in bytes.
pub(super) const HEAD_BYTES: usize = 28;
/// zstd level: 1 compresses rows at several hundred MB/s.
const ZSTD_LEVEL: i32 = 1;

/// The kind of a frame, by its first four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    Header,
    Rows,
    Footer,
}

impl FrameKind {
    const ALL: [Self; 3] = [Self::Header, Self::Rows, Self::Footer];

    fn magic(self) -> [u8; 4] {
        match self {
            Self::Header => *b"TMS1",
            Self::Rows => *b"ROWS",
            Self::Footer => *b"TMSE",
        }
    }
}

/// A frame as it was read.
pub(super) struct Frame {
    pub(super) kind: FrameKind,
    /// The number of the keyspace, of rows.
    pub(super) keyspace: u32,
    /// How many rows there are.
    pub(super) n_rows: u32,
    /// Before compression.
    pub(super) raw: Vec<u8>,
    /// Head and payload as they are in the file.
    pub(super) bytes: Vec<u8>,
}

/// Encodes a frame.
///
/// # Errors
/// If it is over the limit.
pub(super) fn encode(
    kind: FrameKind,
    keyspace: u32,
    n_rows: u32,
    raw: &[u8],
) -> io::Result<Vec<u8>> {
    if raw.len() > RAW_BYTES_MAX {
        let what = format!("{} bytes in one block, the limit is {RAW_BYTES_MAX}", raw.len());
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    let payload = zstd::bulk::compress(raw, ZSTD_LEVEL)?;
    let mut bytes = Vec::with_capacity(HEAD_BYTES + payload.len());
    bytes.extend_from_slice(&kind.magic());
    let crc = crc32fast::hash(&payload);
    for number in [keyspace, n_rows, raw.len() as u32, payload.len() as u32, crc] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    debug_assert_eq!(bytes.len(), HEAD_BYTES);
    bytes.extend_from_slice(&payload);
    Ok(bytes)
}

/// Reads the next frame.
///
/// # Errors
/// Of the reader; or what is wrong with the bytes.
pub(super) fn read(reader: &mut impl Read) -> io::Result<Result<Frame, &'static str>> {
    let mut bytes = vec![0; HEAD_BYTES];
    if !fill(reader, &mut bytes)? {
        return Ok(Err("the file ends before its footer"));
    }
    let number =
        |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    if crc32fast::hash(&bytes[..HEAD_BYTES - 4]) != number(HEAD_BYTES - 4) {
        return Ok(Err("the checksum of a block's head is wrong"));
    }
    let Some(kind) = FrameKind::ALL.into_iter().find(|kind| bytes[..4] == kind.magic()) else {
        return Ok(Err("no block of this version starts here"));
    };
    let (keyspace, n_rows, raw_bytes) = (number(4), number(8), number(12) as usize);
    let (payload_bytes, crc) = (number(16) as usize, number(20));
    if raw_bytes > RAW_BYTES_MAX || payload_bytes > 2 * RAW_BYTES_MAX {
        return Ok(Err("a block is over the size limit"));
    }
    bytes.resize(HEAD_BYTES + payload_bytes, 0);
    if !fill(reader, &mut bytes[HEAD_BYTES..])? {
        return Ok(Err("the file ends inside a block"));
    }
    if crc32fast::hash(&bytes[HEAD_BYTES..]) != crc {
        return Ok(Err("the checksum of a block is wrong"));
    }
    let raw = match zstd::bulk::decompress(&bytes[HEAD_BYTES..], raw_bytes) {
        Ok(raw) if raw.len() == raw_bytes => raw,
        _ => return Ok(Err("a block does not decompress to what its head says")),
    };
    Ok(Ok(Frame { kind, keyspace, n_rows, raw, bytes }))
}

/// Fills a buffer; false where the file ends before.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}

/// Appends a row to the content of a block.
pub(super) fn add_row(raw: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    for part in [key, value] {
        raw.extend_from_slice(&(part.len() as u32).to_le_bytes());
        raw.extend_from_slice(part);
    }
}

/// Splits the content of a block into its rows; none where it is not whole.
pub(super) fn split_rows(raw: &[u8], n_rows: u32) -> Option<Vec<store::Pair>> {
    let mut rest = raw;
    let mut part = || {
        let (len, tail) = rest.split_first_chunk::<4>()?;
        let len = u32::from_le_bytes(*len) as usize;
        let part = tail.get(..len)?.to_vec();
        rest = &tail[len..];
        Some(part)
    };
    // Each row takes at least its two lengths: the number is no reason to take memory for more.
    if n_rows as usize > raw.len() / 8 {
        return None;
    }
    let rows = (0..n_rows).map(|_| Some((part()?, part()?))).collect::<Option<Vec<_>>>()?;
    rest.is_empty().then_some(rows)
}
