//! Encodes one appended batch as a block, and decodes it.

use crate::{BATCH_BYTES_MAX, Offset};

const MAGIC: [u8; 4] = *b"BLK1";
/// Size of a block's header, in bytes.
pub(crate) const HEADER_BYTES: usize = 32;
/// zstd level: 1 compresses JSON texts about five times at several hundred MB/s.
const ZSTD_LEVEL: i32 = 1;
/// The largest payload: a batch, and generous room for the overhead of incompressible bytes.
const PAYLOAD_BYTES_MAX: usize = BATCH_BYTES_MAX + BATCH_BYTES_MAX / 128 + 1_024;

/// Size of the length in front of each record, in bytes.
const RECORD_LENGTH_BYTES: u64 = 4;

/// A decoded block header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) payload_bytes: u32,
    pub(crate) raw_bytes: u32,
    pub(crate) records: u32,
    pub(crate) first: Offset,
    payload_crc: u32,
}

impl Header {
    /// Header and payload together, in bytes.
    pub(crate) fn block_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.payload_bytes)
    }

    /// The offset after the block's last record.
    pub(crate) fn end(&self) -> Offset {
        Offset(self.first.0 + u64::from(self.records))
    }

    /// Decodes and checks a header; the error describes the damage.
    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, &'static str> {
        let number = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        if bytes[..4] != MAGIC {
            return Err("no block starts here");
        }
        if number(28) != crc32fast::hash(&bytes[..28]) {
            return Err("the checksum of the block's header is wrong");
        }
        let header = Self {
            payload_bytes: number(4),
            raw_bytes: number(8),
            records: number(12),
            first: Offset(u64::from(number(16)) | u64::from(number(20)) << 32),
            payload_crc: number(24),
        };
        if header.raw_bytes as usize > BATCH_BYTES_MAX
            || header.payload_bytes as usize > PAYLOAD_BYTES_MAX
        {
            return Err("the block is over the size limit");
        }
        // Each record takes at least its length field.
        if u64::from(header.records) * RECORD_LENGTH_BYTES > u64::from(header.raw_bytes) {
            return Err("the block's header says more records than its payload has room for");
        }
        if header.first.0.checked_add(u64::from(header.records)).is_none() {
            return Err("the offsets of the block's records are over the limit");
        }
        Ok(header)
    }

    /// Decompresses and splits a payload into records; the error describes the damage.
    pub(crate) fn decode_payload(&self, payload: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
        if crc32fast::hash(payload) != self.payload_crc {
            return Err("the checksum of the block's payload is wrong");
        }
        let raw = zstd::bulk::decompress(payload, self.raw_bytes as usize)
            .map_err(|_| "the block's payload does not decompress")?;
        if raw.len() != self.raw_bytes as usize {
            return Err("the block's payload has another length than its header says");
        }
        let mut records = Vec::with_capacity(self.records as usize);
        let mut rest = raw.as_slice();
        while let Some((len, tail)) = rest.split_first_chunk::<4>() {
            let len = u32::from_le_bytes(*len) as usize;
            let record = tail.get(..len).ok_or("a record runs past the end of its block")?;
            records.push(record.to_vec());
            rest = &tail[len..];
        }
        if !rest.is_empty() || records.len() != self.records as usize {
            return Err("the block holds another number of records than its header says");
        }
        Ok(records)
    }
}

/// Encodes a block. The caller has checked the limits of the batch.
pub(crate) fn encode(first: Offset, records: &[&[u8]]) -> std::io::Result<(Header, Vec<u8>)> {
    let raw_bytes = records.iter().map(|record| record.len() + 4).sum();
    assert!(raw_bytes <= BATCH_BYTES_MAX, "the caller checks the size of a batch");
    let mut raw = Vec::with_capacity(raw_bytes);
    for record in records {
        raw.extend_from_slice(&(record.len() as u32).to_le_bytes());
        raw.extend_from_slice(record);
    }
    let payload = zstd::bulk::compress(&raw, ZSTD_LEVEL)?;
    let header = Header {
        payload_bytes: payload.len() as u32,
        raw_bytes: raw.len() as u32,
        records: records.len() as u32,
        first,
        payload_crc: crc32fast::hash(&payload),
    };
    let mut block = Vec::with_capacity(HEADER_BYTES + payload.len());
    block.extend_from_slice(&MAGIC);
    for number in [header.payload_bytes, header.raw_bytes, header.records] {
        block.extend_from_slice(&number.to_le_bytes());
    }
    block.extend_from_slice(&first.0.to_le_bytes());
    block.extend_from_slice(&header.payload_crc.to_le_bytes());
    let crc = crc32fast::hash(&block);
    block.extend_from_slice(&crc.to_le_bytes());
    debug_assert_eq!(block.len(), HEADER_BYTES);
    block.extend_from_slice(&payload);
    Ok((header, block))
}
