//! Snapshots of the state that builds wrote: where the journal before them is cut, nothing else has
//! what was there. Every later build loads them.

use std::path::Path;
use std::sync::Arc;

use engine::{EngineError, SnapshotError};
use journal::{FileJournal, Journal, JournalOptions, RealDisk};

use super::*;

/// The format of the rows that this build writes.
const FORMAT: u8 = store::FORMAT;

fn fixture(format: u8) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/formats/format{format}.snapshot"))
}

/// The one snapshot of a workspace.
fn snapshot_file(workspace: &Path) -> PathBuf {
    let mut entries = fs_err::read_dir(workspace.join("snapshots")).unwrap();
    entries.next().unwrap().unwrap().path()
}

/// Takes a snapshot of what the fixture of version 6 folds to.
fn take() -> (Unpacked, PathBuf) {
    let unpacked = Unpacked::new(6);
    let engine = open(&unpacked.workspace());
    assert!(engine.take_snapshot(true, &|_| Ok(())).unwrap().is_checked);
    let file = snapshot_file(&unpacked.workspace());
    (unpacked, file)
}

/// A workspace that has only a snapshot: everything before it is cut, and nothing came after it.
fn with_nothing_but(snapshot: &[u8]) -> Unpacked {
    let (unpacked, file) = take();
    let workspace = unpacked.workspace();
    fs_err::write(&file, snapshot).unwrap();
    for gone in ["store", "models"] {
        fs_err::remove_dir_all(workspace.join(gone)).unwrap();
    }
    let disk = Arc::new(RealDisk::open(workspace.join("journal")).unwrap());
    let options = JournalOptions { name: "shop".to_owned(), ..JournalOptions::default() };
    let journal = FileJournal::open_with(disk, options).unwrap();
    journal.close_segment().unwrap();
    assert_eq!(journal.cut_before(journal.end()).unwrap(), journal.end());
    unpacked
}

/// The blocks of rows of a file, without the header, which names the build, and the footer.
fn rows(file: &[u8]) -> &[u8] {
    let first = file.windows(4).position(|bytes| bytes == b"ROWS").unwrap();
    let footer = file.windows(4).rposition(|bytes| bytes == b"TMSE").unwrap();
    &file[first..footer]
}

#[test]
fn a_snapshot_of_format_9_gives_the_answers_that_its_build_gave() {
    let unpacked = with_nothing_but(&fs_err::read(fixture(9)).unwrap());
    insta::assert_snapshot!("format9", picture::picture(&open(&unpacked.workspace())));
}

/// Where this fails, [`store::FORMAT`] was to be raised, and older rows are to be converted.
#[test]
fn the_bytes_of_a_snapshot_are_pinned() {
    let (_unpacked, file) = take();
    let (taken, pinned) = (fs_err::read(file).unwrap(), fs_err::read(fixture(FORMAT)).unwrap());
    assert!(rows(&taken) == rows(&pinned), "{} bytes, {} pinned", taken.len(), pinned.len());
}

#[test]
fn a_snapshot_of_an_unknown_format_is_refused_and_its_build_named() {
    let (_unpacked, file) = take();
    let whole = fs_err::read(file).unwrap();
    // The header is the first frame: 28 bytes, then JSON as zstd.
    let payload_bytes = u32::from_le_bytes(whole[16..20].try_into().unwrap()) as usize;
    let header = zstd::bulk::decompress(&whole[28..28 + payload_bytes], 1 << 20).unwrap();
    let header = String::from_utf8(header).unwrap();
    let later = header.replace(&format!("\"format\":{FORMAT}"), "\"format\":200");
    assert_ne!(later, header);
    let payload = zstd::bulk::compress(later.as_bytes(), 1).unwrap();
    let mut head = whole[..12].to_vec();
    for number in [later.len() as u32, payload.len() as u32, crc32fast::hash(&payload)] {
        head.extend_from_slice(&number.to_le_bytes());
    }
    head.extend_from_slice(&crc32fast::hash(&head).to_le_bytes());
    let file = [&head[..], &payload, &whole[28 + payload_bytes..]].concat();
    let unpacked = with_nothing_but(&file);
    let error = Engine::open_with(shop(), &unpacked.workspace(), &options(), &|_, _| {});
    let error = error.err().unwrap();
    let EngineError::Snapshot(SnapshotError::Format { found: 200, .. }) = &error else {
        panic!("{error}")
    };
    assert!(error.to_string().contains("written by version"), "{error}");
}

/// Writes the fixture of the format that this build writes: once, when a format is new.
#[test]
#[ignore = "writes a fixture, which is never written again"]
fn write_snapshot_fixture() {
    assert!(!fixture(FORMAT).exists(), "the fixture of a format stays as it is");
    fs_err::copy(take().1, fixture(FORMAT)).unwrap();
}
