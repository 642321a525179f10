//! One suite for every journal, and tests of damage to segment files.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::sync::Arc;

use fs_err as fs;
use journal::{
    AppendError, Disk, FileJournal, Journal, JournalOptions, MemoryJournal, Offset, OpenError,
    ReadError, RealDisk,
};
use proptest::prelude::*;

/// Small segments, so that a few batches fill several.
const SEGMENT_BYTES: u64 = 2_000;

fn open(folder: &std::path::Path, acknowledged: u64) -> Result<FileJournal, OpenError> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(folder).unwrap());
    let acknowledged = Offset(acknowledged);
    let options =
        JournalOptions { acknowledged, segment_bytes_max: SEGMENT_BYTES, ..Default::default() };
    FileJournal::open_with(disk, options)
}

fn append(journal: &dyn Journal, batch: &[Vec<u8>]) -> Offset {
    let records: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
    journal.append(&records).unwrap()
}

fn read(journal: &dyn Journal, from: u64) -> Vec<Vec<u8>> {
    let mut expected = from;
    journal
        .read_from(Offset(from))
        .map(|record| {
            let (offset, bytes) = record.unwrap();
            assert_eq!(offset.0, expected);
            expected += 1;
            bytes
        })
        .collect()
}

/// Appends batches and reads them back from every offset.
fn check_journal(journal: &dyn Journal, batches: &[Vec<Vec<u8>>]) {
    let mut all = Vec::new();
    for batch in batches {
        assert_eq!(append(journal, batch).0, all.len() as u64);
        all.extend(batch.iter().cloned());
        assert_eq!(journal.end().0, all.len() as u64);
    }
    for from in 0..=all.len() {
        assert_eq!(read(journal, from as u64), all[from..]);
    }
    assert_eq!(journal.get(Offset(all.len() as u64)).unwrap(), None);
    assert!(read(journal, all.len() as u64 + 7).is_empty());
    let too_large = vec![0; journal::RECORD_BYTES_MAX + 1];
    assert!(matches!(journal.append(&[&too_large]), Err(AppendError::RecordTooLarge { .. })));
    assert_eq!(journal.end().0, all.len() as u64);
}

/// Cuts a filled journal at every offset: what is left is what was appended, and what is below the
/// start is not there.
fn check_cuts(journal: &dyn Journal, all: &[Vec<u8>]) {
    let mut earlier = 0;
    for offset in 0..=all.len() as u64 + 3 {
        let start = journal.cut_before(Offset(offset)).unwrap();
        assert_eq!(start, journal.start());
        assert!((earlier..=offset).contains(&start.0), "{start} after {earlier}, up to {offset}");
        earlier = start.0;
        for from in [0, start.0.saturating_sub(1), start.0, all.len() as u64] {
            let left = &all[from.max(start.0) as usize..];
            let read: Vec<Vec<u8>> =
                journal.read_from(Offset(from)).map(|record| record.unwrap().1).collect();
            assert_eq!(read, left, "from {from}, start {start}");
        }
        if start.0 > 0 {
            assert_eq!(journal.get(Offset(start.0 - 1)).unwrap(), None);
        }
    }
    assert_eq!(journal.end().0, all.len() as u64);
    let appended = append(journal, &[b"after".to_vec()]);
    assert_eq!(journal.get(appended).unwrap().unwrap(), b"after");
}

fn batches() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let record = prop::collection::vec(any::<u8>(), 0..120);
    prop::collection::vec(prop::collection::vec(record, 0..12), 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_journal_gives_back_what_was_appended(batches in batches()) {
        check_journal(&MemoryJournal::default(), &batches);
        let folder = tempfile::tempdir().unwrap();
        check_journal(&open(folder.path(), 0).unwrap(), &batches);
        let all: Vec<_> = batches.concat();
        let reopened = open(folder.path(), all.len() as u64).unwrap();
        prop_assert_eq!(read(&reopened, 0), all);
    }
}

/// A folder with a journal of some segments, and the records in it.
fn filled() -> (tempfile::TempDir, Vec<Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), 0).unwrap();
    let mut all = Vec::new();
    for n in 0..30u32 {
        // Half of the bytes do not compress.
        let batch: Vec<Vec<u8>> = (0..3)
            .map(|m| (0..60u32).map(|k| ((k * k * (n + 7) * (m + 3)) >> 3) as u8).collect())
            .collect();
        append(&journal, &batch);
        all.extend(batch);
    }
    (folder, all)
}

fn segments(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    paths.sort();
    paths
}

/// Opens a journal and reads everything: the records, or place and kind of the damage.
fn read_all(folder: &std::path::Path, acknowledged: u64) -> Result<Vec<Vec<u8>>, OpenError> {
    let journal = open(folder, acknowledged)?;
    let records =
        journal.read_from(Offset(0)).map(|record| Ok(record?.1)).collect::<Result<_, ReadError>>();
    Ok(records?)
}

#[test]
fn a_flipped_bit_anywhere_is_an_error_that_names_the_file() {
    let (folder, all) = filled();
    assert!(segments(folder.path()).len() >= 3);
    for path in segments(folder.path()) {
        let whole = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for position in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[position] ^= 1 << (position % 8);
            // The three zero bytes of the header are covered by its checksum as well.
            fs::write(&path, &bytes).unwrap();
            let error = read_all(folder.path(), all.len() as u64)
                .expect_err("a flipped bit was not noticed")
                .to_string();
            assert!(error.contains(&name), "byte {position}: {error}");
            // A caller that knows nothing must not lose records to a flipped bit either.
            if let Ok(records) = read_all(folder.path(), 0) {
                panic!(
                    "byte {position} of {name}: {} of {} records came back",
                    records.len(),
                    all.len()
                );
            }
        }
        fs::write(&path, &whole).unwrap();
    }
    assert_eq!(read_all(folder.path(), all.len() as u64).unwrap(), all);
}

#[test]
fn a_cut_last_segment_is_a_torn_tail_only_above_what_was_acknowledged() {
    let (folder, all) = filled();
    let last = segments(folder.path()).pop().unwrap();
    let whole = fs::read(&last).unwrap();
    for len in 0..whole.len() {
        fs::write(&last, &whole[..len]).unwrap();
        let error = read_all(folder.path(), all.len() as u64)
            .expect_err("a cut below what was acknowledged");
        assert!(
            error.to_string().contains("seg") || error.to_string().contains("are missing"),
            "{error}"
        );

        let records = read_all(folder.path(), 0).unwrap();
        assert_eq!(records, all[..records.len()], "cut at {len}");
        // The journal continues where it was cut, and the bytes that were cut are kept.
        let journal = open(folder.path(), 0).unwrap();
        append(&journal, &[b"next".to_vec()]);
        drop(journal);
        assert_eq!(read_all(folder.path(), 0).unwrap().pop().unwrap(), b"next");
    }
    let kept = fs::read_dir(folder.path()).unwrap().filter(|entry| {
        entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "torn")
    });
    assert!(kept.count() > 0);
}

#[test]
fn sectors_of_zeros_at_the_end_are_a_torn_tail() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), 0).unwrap();
    append(&journal, &[b"first".to_vec()]);
    let mut state = 1u32;
    let noise = (0..1_900)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    append(&journal, &[noise]);
    drop(journal);
    let path = segments(folder.path()).pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[1_024..1_536].fill(0);
    fs::write(&path, &bytes).unwrap();
    assert_eq!(read_all(folder.path(), 1).unwrap(), [b"first".to_vec()]);
}

#[test]
fn a_missing_or_foreign_segment_is_an_error() {
    let (folder, all) = filled();
    let paths = segments(folder.path());
    let whole = fs::read(&paths[1]).unwrap();
    fs::remove_file(&paths[1]).unwrap();
    assert!(matches!(read_all(folder.path(), 0), Err(OpenError::Gap { .. })));

    let mut other_version = whole.clone();
    other_version[4] = 9;
    fs::write(&paths[1], &other_version).unwrap();
    let error = read_all(folder.path(), 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "segment {} has format version 9, this program reads version 1",
            paths[1].display()
        )
    );

    fs::write(&paths[1], &whole[..whole.len() - 1]).unwrap();
    assert!(matches!(
        read_all(folder.path(), 0),
        Err(OpenError::Damaged(ReadError::Damaged { .. }))
    ));
    fs::write(&paths[1], &whole).unwrap();
    fs::remove_file(paths.last().unwrap()).unwrap();
    assert!(matches!(read_all(folder.path(), all.len() as u64), Err(OpenError::Truncated { .. })));
}

/// Only a file that a crash left without a header is initialized again.
#[test]
fn a_header_of_zeros_is_an_error_unless_nothing_follows_it() {
    let (folder, all) = filled();
    let last = segments(folder.path()).pop().unwrap();
    let whole = fs::read(&last).unwrap();
    let mut bytes = whole.clone();
    bytes[..20].fill(0);
    fs::write(&last, &bytes).unwrap();
    let error = read_all(folder.path(), 0).unwrap_err();
    assert!(matches!(error, OpenError::Damaged(ReadError::Damaged { position: 0, .. })), "{error}");
    assert_eq!(fs::read(&last).unwrap(), bytes, "a file that is refused stays as it was");

    // Nothing follows, but it is not the segment that comes next.
    fs::write(&last, []).unwrap();
    let other = last.with_file_name(format!("{:020}.seg", all.len() + 7));
    fs::rename(&last, &other).unwrap();
    let error = read_all(folder.path(), 0).unwrap_err().to_string();
    assert!(error.contains(&*other.file_name().unwrap().to_string_lossy()), "{error}");
}

/// A valid checksum is no reason to allocate memory for four thousand million records.
#[test]
fn a_block_of_more_records_than_bytes_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    append(&open(folder.path(), 0).unwrap(), &[b"first".to_vec()]);
    let path = segments(folder.path()).pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[20 + 12..20 + 16].fill(0xff);
    let crc = crc32fast::hash(&bytes[20..48]);
    bytes[48..52].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let error = read_all(folder.path(), 0).unwrap_err().to_string();
    assert!(error.contains("more records than its payload has room for"), "{error}");
}

#[test]
fn a_journal_with_gaps_gives_records_under_their_offsets_and_none_in_between() {
    let journal = MemoryJournal::with_gaps(2);
    assert_eq!(append(&journal, &[b"a".to_vec(), b"b".to_vec()]), Offset(0));
    assert_eq!(append(&journal, &[b"c".to_vec()]), Offset(4));
    assert_eq!(journal.end(), Offset(7));
    let offsets = |from| {
        journal.read_from(Offset(from)).map(|record| record.unwrap().0.0).collect::<Vec<_>>()
    };
    assert_eq!((offsets(0), offsets(3), offsets(9)), (vec![0, 1, 4], vec![4], vec![]));
    assert_eq!(journal.get(Offset(4)).unwrap(), Some(b"c".to_vec()));
    assert_eq!(journal.get(Offset(3)).unwrap(), None, "what comes after a gap is not in it");
}

#[test]
fn every_journal_is_cut_at_its_beginning() {
    let (folder, all) = filled();
    let memory = MemoryJournal::default();
    for batch in all.chunks(3) {
        append(&memory, batch);
    }
    check_cuts(&memory, &all);
    assert_eq!(memory.start().0, all.len() as u64);

    let n_segments = segments(folder.path()).len();
    assert!(n_segments >= 3, "{n_segments}");
    let journal = open(folder.path(), 0).unwrap();
    assert_eq!(journal.segments().len(), n_segments);
    check_cuts(&journal, &all);
    let start = journal.start();
    assert!(start.0 > 0);
    assert_eq!(segments(folder.path()).len(), 1, "the one in use stays");
    drop(journal);
    // It opens only where its beginning is known to be elsewhere.
    assert!(matches!(open(folder.path(), 0), Err(OpenError::Gap { .. })));
    let open_cut = |snapshot| {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(folder.path()).unwrap());
        FileJournal::open_with(disk, JournalOptions { snapshot, ..Default::default() })
    };
    assert!(matches!(open_cut(Offset(start.0 - 1)), Err(OpenError::Gap { .. })));
    let end = Offset(all.len() as u64 + 1);
    assert!(matches!(open_cut(Offset(end.0 + 1)), Err(OpenError::Truncated { .. })));
    let journal = open_cut(start).unwrap();
    assert_eq!((journal.start(), journal.end()), (start, end));
}

#[test]
fn a_reader_goes_on_at_the_start_of_a_journal_that_is_cut_under_it() {
    let (folder, all) = filled();
    let journal = open(folder.path(), 0).unwrap();
    let mut records = journal.read_from(Offset(0));
    let mut next = || records.next().map(|record| record.unwrap());
    assert_eq!(next().unwrap(), (Offset(0), all[0].clone()));
    let start = journal.cut_before(journal.end()).unwrap();
    // The block that was read is given out still.
    let rest: Vec<u64> = std::iter::from_fn(next).map(|(offset, _)| offset.0).collect();
    let expected: Vec<u64> = (1..3).chain(start.0..all.len() as u64).collect();
    assert_eq!(rest, expected);
}

#[test]
fn a_segment_that_is_closed_early_can_be_cut() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), 0).unwrap();
    journal.close_segment().unwrap();
    assert_eq!(journal.segments().len(), 1, "an empty one stays in use");
    append(&journal, &[b"a".to_vec(), b"b".to_vec()]);
    journal.close_segment().unwrap();
    journal.close_segment().unwrap();
    append(&journal, &[b"c".to_vec()]);
    let places: Vec<(u64, u64)> =
        journal.segments().iter().map(|place| (place.first.0, place.end.0)).collect();
    assert_eq!(places, [(0, 2), (2, 3)]);
    assert_eq!(journal.cut_before(Offset(1)).unwrap(), Offset(0));
    assert_eq!(journal.cut_before(Offset(2)).unwrap(), Offset(2));
    assert_eq!(read(&journal, 2), [b"c".to_vec()]);
}
