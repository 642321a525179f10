//! Reading segments to find damage, without changing anything and without an open journal.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::block::{self, Header};
use crate::segment::{self, At, Owner, Segment};
use crate::{DiskFile, Offset, ReadError};

/// The result of reading a whole journal.
#[derive(Debug, Default)]
pub struct JournalCheck {
    /// Segments that were read.
    pub segments: u64,
    /// Bytes that are right.
    pub bytes: u64,
    /// The first damage of each damaged segment.
    pub damaged: Vec<ReadError>,
    /// Whether it went on to the end: the callback did not stop it.
    pub is_complete: bool,
}

/// The result of reading one segment.
#[derive(Debug)]
pub struct SegmentScan {
    /// The offset of the first record.
    pub first: Offset,
    /// The offset after the last record of the last right block.
    pub end: Offset,
    /// The byte after the last right block.
    pub bytes: u64,
    /// The damage after it; none where the whole segment is right.
    pub damage: Option<ReadError>,
    /// Whether that is what a crash leaves of an append that was never acknowledged, if this is the last
    /// segment.
    pub is_torn: bool,
    /// Whether it went on to the end or the damage: the callback did not stop it.
    pub is_complete: bool,
}

/// Reads a segment file of the journal `journal`, which may be empty for any, in a folder up to the byte `until`, or to its end, and checks every checksum. `visit` gets the
/// bytes of the header and of each block as they are in the file, once they are found to be right, and may
/// stop the scan.
///
/// # Errors
/// Where the header is missing or wrong, or the file cannot be read there.
pub fn scan_segment(
    folder: &str,
    name: &str,
    journal: &str,
    file: Arc<dyn DiskFile>,
    until: Option<u64>,
    visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<SegmentScan, ReadError> {
    let Some(segment) = Segment::open(folder, name.to_owned(), Owner::named(journal), file)? else {
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
        let block = match segment.at(scan.bytes, scan.end) {
            Ok(At::Block(header)) => segment.block_bytes(scan.bytes, &header).map(|bytes| (header, bytes)),
            Ok(At::End) if until.is_none() => break,
            Ok(At::End) => Err(segment.damaged(scan.bytes, "the file ends before the segment's last block")),
            Ok(At::Wrong(what)) => Err(segment.damaged(scan.bytes, what)),
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
/// Describes the damage in bytes that are no block.
pub fn decode_block(bytes: &[u8]) -> Result<(Offset, Vec<Vec<u8>>), &'static str> {
    let (header, payload) = bytes
        .split_first_chunk::<{ block::HEADER_BYTES }>()
        .ok_or("the bytes end inside a block's header")?;
    let header = Header::decode(header)?;
    Ok((header.first, header.decode_payload(payload)?))
}
