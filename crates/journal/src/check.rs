//! Checks segments for damage. Changes nothing and needs no open journal.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::block::{self, Header};
use crate::segment::{self, BlockRead, Owner, Segment};
use crate::{DiskFile, Offset, ReadError};

/// The result of checking a whole journal.
#[derive(Debug, Default)]
pub struct JournalCheck {
    /// The number of segments that were read.
    pub segments: u64,
    /// The number of bytes that were read and found valid.
    pub bytes: u64,
    /// The first damage of each damaged segment.
    pub damaged: Vec<ReadError>,
    /// Whether the check reached the end and was not stopped by the callback.
    pub is_complete: bool,
}

/// The result of reading one segment.
#[derive(Debug)]
pub struct SegmentScan {
    /// The offset of the first record.
    pub first: Offset,
    /// The offset after the last record of the last valid block.
    pub end: Offset,
    /// The byte after the last valid block.
    pub bytes: u64,
    /// The damage after that block; none where the segment is valid.
    pub damage: Option<ReadError>,
    /// Whether the damage looks like a torn tail: a crash leaves one of an unacknowledged append,
    /// in the last segment only.
    pub is_torn: bool,
    /// Whether the scan reached the end or the damage and was not stopped by the callback.
    pub is_complete: bool,
}

/// Reads a segment file and verifies every checksum, up to the byte `until` or to the end of the
/// file. The segment must belong to the journal `journal`; an empty name accepts any. `visit` gets
/// the bytes of the header and of each block as they are in the file, after they were verified, and
/// may stop the scan.
///
/// # Errors
/// If the header is missing, invalid or cannot be read. Later damage is part of the result.
pub fn scan_segment(
    folder: &str,
    name: &str,
    journal: &str,
    file: Arc<dyn DiskFile>,
    until: Option<u64>,
    visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<SegmentScan, ReadError> {
    let Some(segment) = Segment::open(folder, name.to_owned(), Owner::from_name(journal), file)?
    else {
        let what = "the segment's header is missing";
        return Err(ReadError::Damaged { segment: format!("{folder}/{name}"), position: 0, what });
    };
    let mut scan = SegmentScan {
        first: segment.first,
        end: segment.first,
        bytes: segment::HEADER_BYTES as u64,
        damage: None,
        is_torn: false,
        is_complete: visit(&segment::header_bytes(segment.first, segment.owner)).is_continue(),
    };
    while scan.is_complete && until.is_none_or(|until| scan.bytes < until) {
        let block = match segment.read_block_header(scan.bytes, scan.end) {
            Ok(BlockRead::Block(header)) => {
                segment.read_block(scan.bytes, &header).map(|bytes| (header, bytes))
            }
            Ok(BlockRead::End) if until.is_none() => break,
            Ok(BlockRead::End) => {
                Err(segment.damaged(scan.bytes, "the file ends before the segment's last block"))
            }
            Ok(BlockRead::Wrong(what)) => Err(segment.damaged(scan.bytes, what)),
            Err(error) => Err(error),
        };
        match block {
            Ok((header, bytes)) => {
                scan.is_complete = visit(&bytes).is_continue();
                scan.end = header.end();
                scan.bytes += header.block_bytes();
            }
            Err(error) => {
                let tail = segment.read_tail(scan.bytes);
                scan.is_torn = tail.is_ok_and(|tail| segment::is_torn(&tail, scan.bytes));
                scan.damage = Some(error);
                break;
            }
        }
    }
    Ok(scan)
}

/// The records of a block that [`scan_segment`] has read, with the offset of the first.
///
/// # Errors
/// Says what is wrong where the bytes are no valid block.
pub fn decode_block(bytes: &[u8]) -> Result<(Offset, Vec<Vec<u8>>), &'static str> {
    let (header, payload) = bytes
        .split_first_chunk::<{ block::HEADER_BYTES }>()
        .ok_or("the bytes end inside a block's header")?;
    let header = Header::decode(header)?;
    Ok((header.first, header.decode_payload(payload)?))
}
