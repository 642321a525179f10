//! Segments of a journal: arbitrary bytes as a segment, and damage to a valid journal.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use journal::{Disk, FileJournal, Journal, JournalOptions, Offset, OpenError, ReadError};
use testkit::FaultyDisk;

use crate::edits::Edit;

/// Small segments, so that a few batches fill several, in bytes.
const SEGMENT_BYTES: u64 = 600;
/// The size of a sector, in bytes. A disk writes a sector whole or not at all.
const SECTOR_BYTES: usize = 512;
/// Sizes of the headers of a segment and a block, in bytes.
const SEGMENT_HEADER_BYTES: usize = 20;
const BLOCK_HEADER_BYTES: usize = 32;

/// The bytes of the files of a folder by name.
type Files = BTreeMap<String, Vec<u8>>;

/// A valid journal: its files and the records in it.
static WRITTEN: LazyLock<(Files, Vec<Vec<u8>>)> = LazyLock::new(|| {
    let disk = FaultyDisk::default();
    let journal = open(&disk, 0).expect("an empty folder is a journal");
    let mut records = Vec::new();
    for n in 0..12u32 {
        // Some bytes of each batch do not compress.
        let batch: Vec<Vec<u8>> = (0..1 + n % 3)
            .map(|m| (0..20 + 30 * m).map(|k| ((k * k * (n + 7) * (m + 3)) >> 3) as u8).collect())
            .collect();
        let slices: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
        journal.append(&slices).expect("a disk in memory takes it");
        records.extend(batch);
    }
    (read_files(&disk), records)
});

/// The first byte selects the meaning of the others: a segment file, edits of a valid journal, or
/// edits after which all checksums are corrected.
pub fn run(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let (written, records) = &*WRITTEN;
    match kind % 3 {
        0 => {
            let files = Files::from([(segment_name(0), rest.to_vec())]);
            let _ = read_all(&make_disk(&files), 0).map_err(check_names_a_file);
        }
        1 => {
            let mut files = written.clone();
            edit(&mut files, rest);
            let disk = make_disk(&files);
            match read_all(&disk, 0) {
                Ok(read) => {
                    assert!(
                        records.starts_with(&read),
                        "{} records that were not written",
                        read.len()
                    );
                    check_accepts_appends(&disk, read);
                }
                Err(error) => check_names_a_file(error),
            }
            match read_all(&make_disk(&files), records.len() as u64) {
                Ok(read) => {
                    assert!(
                        read == *records,
                        "{} of {} acknowledged records",
                        read.len(),
                        records.len()
                    )
                }
                Err(OpenError::Truncated { .. }) if files.is_empty() => {}
                Err(error) => check_names_a_file(error),
            }
        }
        _ => {
            let mut files = written.clone();
            edit(&mut files, rest);
            files.values_mut().for_each(|bytes| correct_checksums(bytes));
            let _ = read_all(&make_disk(&files), 0).map_err(check_names_a_file);
        }
    }
}

/// Complete segments, and one edit of each kind.
pub fn seeds() -> Vec<Vec<u8>> {
    let (written, _) = &*WRITTEN;
    let raw = written.values().take(1).map(|bytes| [&[0], bytes.as_slice()].concat());
    let edits = (0..OPERATIONS).flat_map(|operation| {
        [1, 2].map(|kind| vec![kind, operation, 200, 1, 3, operation, 90, 0, 0x85])
    });
    raw.chain(edits).collect()
}

fn segment_name(first: u64) -> String {
    format!("{first:020}.seg")
}

fn open(disk: &FaultyDisk, acknowledged: u64) -> Result<FileJournal, OpenError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let options = JournalOptions {
        acknowledged: Offset(acknowledged),
        segment_bytes_max: SEGMENT_BYTES,
        ..JournalOptions::default()
    };
    FileJournal::open_with(disk, options)
}

fn read_all(disk: &FaultyDisk, acknowledged: u64) -> Result<Vec<Vec<u8>>, OpenError> {
    let journal = open(disk, acknowledged)?;
    let records =
        journal.read_from(Offset(0)).map(|record| Ok(record?.1)).collect::<Result<_, ReadError>>();
    Ok(records?)
}

/// A journal that opens accepts a record, and returns all records after it is reopened.
fn check_accepts_appends(disk: &FaultyDisk, mut records: Vec<Vec<u8>>) {
    let journal = open(disk, records.len() as u64).expect("it has just been opened");
    journal.append(&[b"next"]).expect("a disk in memory takes it");
    drop(journal);
    records.push(b"next".to_vec());
    let read = read_all(disk, records.len() as u64).expect("it has just been written");
    assert!(read == records, "an append after a repair changed what was there");
}

fn check_names_a_file(error: OpenError) {
    let text = error.to_string();
    let is_cut = matches!(error, OpenError::Truncated { .. });
    assert!(text.contains(".seg") || is_cut, "an error that names no file: {text}");
}

fn make_disk(files: &Files) -> FaultyDisk {
    let disk = FaultyDisk::default();
    for (name, bytes) in files {
        let file = disk.create(name).expect("names are unique");
        file.write_at(bytes, 0).and_then(|()| file.sync()).expect("a disk in memory takes it");
    }
    disk
}

fn read_files(disk: &FaultyDisk) -> Files {
    let read = |name: String| {
        let file = disk.open(&name).expect("it is listed");
        let mut bytes = vec![0; file.size().expect("it is in memory") as usize];
        file.read_at(&mut bytes, 0).expect("it is in memory");
        (name, bytes)
    };
    disk.list().expect("it is in memory").into_iter().map(read).collect()
}

/// The number of kinds of damage.
const OPERATIONS: u8 = 10;

fn edit(files: &mut Files, bytes: &[u8]) {
    for edit in Edit::read_all(bytes) {
        let Some(which) = usize::from(edit.operation / OPERATIONS).checked_rem(files.len()) else {
            return;
        };
        let other =
            files.values().nth(usize::from(edit.value) % files.len()).cloned().unwrap_or_default();
        let Some((name, bytes)) = files.iter_mut().nth(which) else { return };
        let Some(at) = edit.position(bytes.len()) else { continue };
        let range = at..(at + usize::from(edit.value)).min(bytes.len());
        match edit.operation % OPERATIONS {
            0 => bytes[at] ^= 1 << (edit.value % 8),
            1 => bytes[at] = edit.value,
            2 => bytes.truncate(at),
            3 => bytes.insert(at, edit.value),
            4 => drop(bytes.drain(range)),
            5 => {
                // A sector that was never written.
                let start = at - at % SECTOR_BYTES;
                let end = (start + SECTOR_BYTES).min(bytes.len());
                bytes[start..end].fill(0);
            }
            6 => {
                let copy = bytes[range].to_vec();
                bytes.extend(copy);
            }
            7 => {
                // A misdirected read or write.
                let end = (at + usize::from(edit.value) * 4).min(bytes.len()).min(other.len());
                if at < end {
                    bytes[at..end].copy_from_slice(&other[at..end]);
                }
            }
            8 => bytes.extend(std::iter::repeat_n(0, usize::from(edit.value))),
            _ => {
                let name = name.clone();
                files.remove(&name);
            }
        }
    }
}

/// Corrects the checksums at the places that the headers give.
fn correct_checksums(bytes: &mut [u8]) {
    let put = |bytes: &mut [u8], at: usize, crc: u32| {
        bytes[at..at + 4].copy_from_slice(&crc.to_le_bytes())
    };
    if bytes.len() < SEGMENT_HEADER_BYTES {
        return;
    }
    let crc = crc32fast::hash(&bytes[..16]);
    put(bytes, 16, crc);
    let mut at = SEGMENT_HEADER_BYTES;
    while let Some(block) = bytes.get_mut(at..).filter(|block| block.len() >= BLOCK_HEADER_BYTES) {
        let payload_bytes = u32::from_le_bytes([block[4], block[5], block[6], block[7]]) as usize;
        let end = BLOCK_HEADER_BYTES.saturating_add(payload_bytes).min(block.len());
        let crc = crc32fast::hash(&block[BLOCK_HEADER_BYTES..end]);
        put(block, 24, crc);
        let crc = crc32fast::hash(&block[..28]);
        put(block, 28, crc);
        at += end;
    }
}
