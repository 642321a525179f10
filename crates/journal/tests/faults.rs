//! A journal on a faulty disk: failed, interrupted and partial calls, reads of another place, and
//! losses of power after which any subset of the unsynced writes is applied.
//!
//! `TASTEMAKER_FAULT_SEED` repeats one run, `TASTEMAKER_FAULT_RUNS` sets how many there are.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::sync::Arc;

use journal::{
    AppendError, EndRecord, FileJournal, Journal, JournalOptions, Offset, OpenError, RecordedEnd,
};
use proptest::prelude::*;
use testkit::{EIO, EMFILE, FaultRates, FaultyDisk, Operation, Random};

/// Small segments, so that a few batches fill several.
const SEGMENT_BYTES: u64 = 3_000;
const RUNS_DEFAULT: u64 = 300;
/// How often a run opens the journal anew.
const LIVES: usize = 6;
/// How often one life is opened while reads fail.
const OPENINGS: usize = 50;

struct Disks {
    segments: FaultyDisk,
    ends: FaultyDisk,
}

impl Disks {
    fn new() -> Self {
        Self { segments: FaultyDisk::default(), ends: FaultyDisk::default() }
    }

    fn open(&self) -> Result<FileJournal, OpenError> {
        let record = EndRecord::open(Arc::new(self.ends.clone()), "shop")
            .map_err(|source| OpenError::Io { place: "ends".to_owned(), source })?;
        let options = JournalOptions {
            segment_bytes_max: SEGMENT_BYTES,
            end_record: Some(record),
            ..JournalOptions::default()
        };
        FileJournal::open_with(Arc::new(self.segments.clone()), options)
    }

    fn set_faults(&self, seed: u64, rates: FaultRates) {
        self.segments.set_faults(seed, rates);
        self.ends.set_faults(!seed, rates);
    }

    /// As after a loss of power.
    fn lose_power(&self, seed: u64) -> Self {
        Self {
            segments: self.segments.after_reordering_power_loss(seed),
            ends: self.ends.after_reordering_power_loss(!seed),
        }
    }

    /// The content of the end-of-log record.
    fn recorded(&self) -> RecordedEnd {
        EndRecord::open(Arc::new(self.ends.clone()), "shop").unwrap().recorded()
    }
}

fn append(journal: &FileJournal, batch: &[Vec<u8>]) -> Result<Offset, AppendError> {
    let records: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
    journal.append(&records)
}

fn read_all(journal: &FileJournal) -> Vec<Vec<u8>> {
    journal.read_from(Offset(0)).map(|record| record.unwrap().1).collect()
}

/// Some records, half of whose bytes do not compress.
fn batch(random: &mut Random) -> Vec<Vec<u8>> {
    (0..1 + random.below(4))
        .map(|_| {
            let n = random.below(700);
            (0..n).map(|at| if at % 2 == 0 { 7 } else { random.draw() as u8 }).collect()
        })
        .collect()
}

/// Random fault rates, from rare to frequent.
fn rates(random: &mut Random) -> FaultRates {
    let mut rate = || [0.0, 0.0, 0.02, 0.2][random.below(4)];
    FaultRates {
        open: rate(),
        write: rate(),
        sync: rate() / 4.0,
        read: rate(),
        interrupted: rate(),
        short: rate(),
        misdirected: rate() / 2.0,
    }
}

/// Runs a journal through faults and losses of power. Returns the number of acknowledged records
/// and of refused appends.
fn live(seed: u64) -> (usize, usize) {
    let mut random = Random::new(seed);
    let mut disks = Disks::new();
    let (mut all, mut n_refused): (Vec<Vec<u8>>, usize) = (Vec::new(), 0);
    // Batches refused since: after a loss of power the journal may hold one of them nevertheless.
    let mut unsure: Vec<Vec<Vec<u8>>> = Vec::new();
    for life in 0..LIVES {
        let mut reading =
            FaultRates { short: 0.3, interrupted: 0.3, misdirected: 0.05, ..FaultRates::default() };
        let opened = (0..OPENINGS).find_map(|n| {
            // A journal that a bad read keeps from opening must open later: nothing was cut or
            // written because of it.
            if n + 1 == OPENINGS {
                reading.misdirected = 0.0;
            }
            disks.set_faults(seed ^ (life * OPENINGS + n) as u64, reading);
            disks.open().ok()
        });
        disks.set_faults(0, FaultRates::default());
        let journal = opened.unwrap_or_else(|| {
            panic!(
                "seed {seed}, life {life}: {}",
                disks.open().err().map_or_else(String::new, |e| e.to_string())
            )
        });
        let found = read_all(&journal);
        if found.len() > all.len() {
            let more = unsure.iter().find(|batch| found[all.len()..] == batch[..]);
            all.extend(more.cloned().unwrap_or_default());
        }
        unsure.clear();
        assert!(found == all, "seed {seed}, life {life}: {} of {} records", found.len(), all.len());

        disks.set_faults(random.draw(), rates(&mut random));
        for n in 0..random.below(40) {
            let batch = batch(&mut random);
            match append(&journal, &batch) {
                Ok(first) => {
                    assert_eq!(first.0, all.len() as u64, "seed {seed}, life {life}, append {n}");
                    all.extend(batch);
                    unsure.clear();
                }
                Err(_) => {
                    n_refused += 1;
                    unsure.push(batch);
                }
            }
            assert_eq!(journal.end().0, all.len() as u64, "seed {seed}, life {life}, append {n}");
            // While reads fail, a result is correct or an error.
            let from = random.below(all.len() + 1);
            for record in journal.read_from(Offset(from as u64)).take(5) {
                let Ok((offset, bytes)) = record else { break };
                assert!(
                    bytes == all[offset.0 as usize],
                    "seed {seed}, life {life}, offset {offset}"
                );
            }
        }
        disks.set_faults(0, FaultRates::default());
        let end = all.len() as u64;
        let lost = disks.lose_power(random.draw());
        // The record never points past the end of the journal.
        if let RecordedEnd::At(recorded) = lost.recorded() {
            assert!(
                recorded.offset.0 <= end,
                "seed {seed}, life {life}: {recorded:?}, {end} acknowledged"
            );
        }
        drop(journal);
        // A killed process loses no write that was completed.
        if random.chance(0.7) {
            disks = lost;
        }
    }
    (all.len(), n_refused)
}

#[test]
fn whatever_fails_nothing_acknowledged_is_lost_or_there_twice() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("TASTEMAKER_FAULT_SEED") {
        live(seed);
        return;
    }
    let first = u64::from(std::process::id()) << 20;
    let runs = number("TASTEMAKER_FAULT_RUNS").unwrap_or(RUNS_DEFAULT);
    println!("TASTEMAKER_FAULT_SEED from {first} on");
    let sum =
        (first..first + runs).map(live).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    println!("{runs} runs: {} records acknowledged, {} appends refused", sum.0, sum.1);
    assert!(sum.0 > 1_000 && sum.1 > 100, "hardly anything was tried: {sum:?}");
}

#[test]
fn only_a_failed_fsync_of_acknowledged_bytes_poisons() {
    let faults = [
        (Operation::Create, EMFILE),
        (Operation::Create, EIO),
        (Operation::Write, EIO),
        (Operation::SyncFile, EIO),
        (Operation::SyncFolder, EIO),
        (Operation::Truncate, EIO),
    ];
    for (operation, os_error) in faults {
        let disks = Disks::new();
        let journal = disks.open().unwrap();
        let mut random = Random::new(1);
        let mut all: Vec<Vec<u8>> = Vec::new();
        while all.concat().len() < 2 * SEGMENT_BYTES as usize {
            let batch = batch(&mut random);
            append(&journal, &batch).unwrap();
            all.extend(batch);
            let last =
                journal::EndRecord::open(Arc::new(disks.ends.clone()), "shop").unwrap().recorded();
            let RecordedEnd::At(end) = last else { panic!("no record") };
            if end.segment_bytes >= SEGMENT_BYTES {
                break;
            }
        }
        // The next append starts a segment, which fails.
        disks.segments.fail_next(operation, os_error);
        let error = append(&journal, &[b"refused".to_vec()]).unwrap_err();
        let AppendError::Write { segment, source } = &error else {
            panic!("{operation:?}: {error}")
        };
        assert!(segment.ends_with(&format!("/{:020}.seg", all.len())), "{segment}");
        assert_eq!(source.raw_os_error(), Some(os_error));
        append(&journal, &[b"taken".to_vec()]).unwrap();
        all.push(b"taken".to_vec());
        assert!(read_all(&journal) == all, "{operation:?}");
        // A failed write into a segment in use is refused as well, and its partial block is cut
        // off.
        disks.segments.fail_next(Operation::Write, EIO);
        assert!(matches!(append(&journal, &[vec![3; 2_000]]), Err(AppendError::Write { .. })));
        append(&journal, &[b"taken too".to_vec()]).unwrap();
        all.push(b"taken too".to_vec());
        disks.segments.fail_next(Operation::SyncFile, EIO);
        assert!(matches!(append(&journal, &[b"x".to_vec()]), Err(AppendError::Poisoned { .. })));
        assert!(matches!(append(&journal, &[b"x".to_vec()]), Err(AppendError::Poisoned { .. })));
        drop(journal);
        let found = read_all(&disks.lose_power(7).open().unwrap());
        assert!(found[..all.len()] == all);
    }
}

/// A journal of some segments with its record, and the records in it.
fn filled(n: usize) -> (Disks, Vec<Vec<u8>>) {
    let (disks, mut random, mut all) = (Disks::new(), Random::new(5), Vec::new());
    let journal = disks.open().unwrap();
    while all.len() < n {
        let batch = batch(&mut random);
        append(&journal, &batch).unwrap();
        all.extend(batch);
    }
    (disks, all)
}

fn segment_names(disk: &FaultyDisk) -> Vec<String> {
    let mut names = journal::Disk::list(disk).unwrap();
    names.retain(|name| name.ends_with(".seg"));
    names
}

#[test]
fn a_journal_that_was_cut_or_is_gone_is_noticed_by_the_record_alone() {
    let (disks, all) = filled(60);
    let names = segment_names(&disks.segments);
    assert!(names.len() > 3);
    let files: Vec<(String, Vec<u8>)> =
        names.iter().map(|name| (name.clone(), disks.segments.bytes(name).unwrap())).collect();
    let check = |files: Vec<(String, Vec<u8>)>| {
        let lost = Disks { segments: FaultyDisk::with_files(files), ends: disks.ends.clone() };
        let Err(OpenError::Truncated { end, acknowledged, .. }) = lost.open() else {
            panic!("not noticed")
        };
        assert_eq!(acknowledged.0, all.len() as u64);
        // Refused again, however often it is tried.
        let error = lost.open().err().unwrap().to_string();
        let named = format!("entries {end} to {} are missing", all.len() - 1);
        assert!(error.starts_with(&named) && error.contains("accept-loss"), "{error}");
    };
    // Any number of last segments, all of them included.
    for kept in 0..files.len() {
        check(files[..kept].to_vec());
    }
    // Any length of the last one, whole blocks or not.
    let (name, bytes) = files.last().unwrap();
    for len in 0..bytes.len() {
        let mut cut = files[..files.len() - 1].to_vec();
        cut.push((name.clone(), bytes[..len].to_vec()));
        check(cut);
    }
}

/// Whatever fails while the beginning is cut off, and whatever a loss of power brings back: the
/// journal begins at the cut or before, without a gap.
#[test]
fn a_cut_that_fails_anywhere_leaves_a_journal_that_begins_earlier() {
    for seed in 0..200 {
        let (disks, all) = filled(60);
        let mut random = Random::new(seed);
        let journal = disks.open().unwrap();
        let places = journal.segments();
        let rates = FaultRates { write: 0.3, sync: 0.3, ..FaultRates::default() };
        disks.set_faults(seed, rates);
        let mut until = Offset(0);
        for _ in 0..1 + random.below(4) {
            until = until.max(places[random.below(places.len())].first);
            let start = journal.cut_before(until).unwrap_or(journal.start());
            assert!(start <= until, "seed {seed}: {start}, {until}");
        }
        disks.set_faults(0, FaultRates::default());
        let read = |journal: &FileJournal| {
            let records = journal.read_from(journal.start());
            records.map(|record| record.unwrap().1).collect::<Vec<_>>()
        };
        assert!(read(&journal) == all[journal.start().0 as usize..], "seed {seed}");
        let lost = disks.lose_power(random.draw());
        drop(journal);
        let options = JournalOptions { snapshot: until, ..JournalOptions::default() };
        let journal = FileJournal::open_with(Arc::new(lost.segments.clone()), options).unwrap();
        assert!(journal.start() <= until, "seed {seed}");
        assert!(read(&journal) == all[journal.start().0 as usize..], "seed {seed}");
        assert_eq!(journal.cut_before(until).unwrap(), until, "seed {seed}");
    }
}

#[test]
fn one_slot_of_the_record_is_enough_and_none_is_not_guessed() {
    let (disks, all) = filled(20);
    let whole = disks.ends.bytes("shop.end").unwrap();
    let with_record = |bytes: Vec<u8>| Disks {
        segments: disks.segments.clone(),
        ends: FaultyDisk::with_files([("shop.end".to_owned(), bytes)]),
    };
    let RecordedEnd::At(end) = with_record(whole.clone()).recorded() else { panic!("no record") };
    assert_eq!(end.offset.0, all.len() as u64);
    for slot in [0, 512] {
        let mut bytes = whole.clone();
        bytes[slot + 20] ^= 1;
        let RecordedEnd::At(end) = with_record(bytes).recorded() else {
            panic!("one slot is not enough")
        };
        assert!(end.offset.0 <= all.len() as u64 && end.offset.0 + 4 >= all.len() as u64);
    }
    let mut bytes = whole.clone();
    (bytes[20], bytes[532]) = (!bytes[20], !bytes[532]);
    let unreadable = with_record(bytes);
    assert!(matches!(unreadable.open(), Err(OpenError::EndRecordUnreadable { .. })));
    // A store that has applied entries knows the end of the journal, and the record is replaced.
    let record = EndRecord::open(Arc::new(unreadable.ends.clone()), "shop").unwrap();
    let options = JournalOptions {
        is_end_known: true,
        end_record: Some(record),
        ..JournalOptions::default()
    };
    drop(FileJournal::open_with(Arc::new(disks.segments.clone()), options).unwrap());
    assert!(unreadable.open().is_ok());
    // An empty file, or zeros in a part or all of it: a record existed. The journal alone does not
    // tell its end.
    let mut half = whole.clone();
    half[..512].fill(0);
    half[532] ^= 1;
    for bytes in [Vec::new(), b"hello".to_vec(), vec![0; whole.len()], half] {
        let emptied = with_record(bytes);
        assert!(matches!(emptied.open(), Err(OpenError::EndRecordUnreadable { .. })));
        // The same where the journal is missing: no new one is created.
        let gone = Disks { segments: FaultyDisk::default(), ends: emptied.ends.clone() };
        assert!(matches!(gone.open(), Err(OpenError::EndRecordUnreadable { .. })));
        assert_eq!(segment_names(&gone.segments), Vec::<String>::new());
        // A new journal whose record was being written when the process died goes on.
        let begun = Disks::new();
        drop(begun.open().unwrap());
        let begun = Disks { segments: begun.segments, ends: emptied.ends };
        assert!(begun.open().is_ok());
    }
    // The record of another journal is ignored.
    let other = FaultyDisk::with_files([("other.end".to_owned(), whole)]);
    let record = EndRecord::open(Arc::new(other), "other").unwrap();
    assert_eq!(record.recorded(), RecordedEnd::Unreadable);
}

#[test]
fn a_record_outlives_a_loss_of_power_after_a_stop() {
    let (disks, all) = filled(10);
    let journal = disks.open().unwrap();
    append(&journal, &[b"more".to_vec()]).unwrap();
    // Unsynced writes are lost.
    let lost = || Disks { segments: disks.segments.clone(), ends: disks.ends.after_power_loss(0) };
    let recorded = |disks: &Disks| match disks.recorded() {
        RecordedEnd::At(end) => end.offset.0 as usize,
        _ => panic!("no record"),
    };
    assert_eq!(recorded(&lost()), all.len());
    journal.sync_end();
    assert_eq!(recorded(&lost()), all.len() + 1);
}

#[test]
fn a_record_that_cannot_be_written_refuses_nothing() {
    let (disks, all) = filled(10);
    let journal = disks.open().unwrap();
    disks.ends.set_faults(1, FaultRates { write: 1.0, sync: 1.0, ..FaultRates::default() });
    assert_eq!(append(&journal, &[b"more".to_vec()]).unwrap().0, all.len() as u64);
    disks.ends.set_faults(1, FaultRates::default());
    append(&journal, &[b"and more".to_vec()]).unwrap();
    let RecordedEnd::At(end) = disks.recorded() else { panic!("no record") };
    assert_eq!(end.offset.0, all.len() as u64 + 2);
}

#[test]
fn a_check_goes_on_after_damage_and_a_bad_read_is_no_damage() {
    let (disks, _) = filled(60);
    let journal = disks.open().unwrap();
    let go_on = &mut |_, _| std::ops::ControlFlow::Continue(());
    let whole = journal.check(go_on);
    assert!(whole.is_complete && whole.damaged.is_empty(), "{whole:?}");
    let misdirected = FaultRates { misdirected: 0.01, short: 0.2, ..FaultRates::default() };
    disks.segments.set_faults(3, misdirected);
    let check = journal.check(go_on);
    assert!(check.damaged.is_empty() && check.bytes == whole.bytes, "{check:?}");
    disks.segments.set_faults(0, FaultRates::default());
    let stopped = journal.check(&mut |_, _| std::ops::ControlFlow::Break(()));
    assert!(!stopped.is_complete && stopped.segments == 1);

    let names = segment_names(&disks.segments);
    for damaged in [&names[0], &names[2]] {
        let file = journal::Disk::open(&disks.segments, damaged).unwrap();
        let mut byte = [0];
        file.read_at(&mut byte, 100).unwrap();
        file.write_at(&[byte[0] ^ 4], 100).unwrap();
    }
    let check = journal.check(go_on);
    assert_eq!((check.damaged.len(), check.segments), (2, whole.segments), "{check:?}");
    assert!(
        check.damaged[0].to_string().contains(&names[0])
            && check.damaged[1].to_string().contains(&names[2])
    );
}

#[test]
fn folders_and_files_are_their_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("a/b");
    let mode =
        |path: &std::path::Path| fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
    let open = || {
        FileJournal::open(Arc::new(journal::RealDisk::open(&place).unwrap()), Offset(0)).unwrap()
    };
    append(&open(), &[b"x".to_vec()]).unwrap();
    let segment = place.join("00000000000000000000.seg");
    assert_eq!(
        (mode(&folder.path().join("a")), mode(&place), mode(&segment)),
        (0o700, 0o700, 0o600)
    );
    // Opening restricts looser permissions of an older program.
    fs_err::set_permissions(&place, std::fs::Permissions::from_mode(0o755)).unwrap();
    fs_err::set_permissions(&segment, std::fs::Permissions::from_mode(0o644)).unwrap();
    drop(open());
    assert_eq!((mode(&place), mode(&segment)), (0o700, 0o600));
}

/// A block with a valid header checksum and arbitrary content.
fn block() -> impl Strategy<Value = Vec<u8>> {
    (any::<[u32; 3]>(), any::<u64>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..200))
        .prop_map(|(numbers, first, crc, payload)| {
            let mut bytes = b"BLK1".to_vec();
            numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
            bytes.extend((first % 3).to_le_bytes());
            bytes.extend(if crc % 2 == 0 { crc } else { crc32fast::hash(&payload) }.to_le_bytes());
            bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
            bytes.extend(payload);
            bytes
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_open_or_are_an_error(
        header in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
        blocks in prop::collection::vec(block(), 0..4),
    ) {
        // The valid header of a first segment, unless another one is given.
        let disk = FaultyDisk::default();
        drop(FileJournal::open(Arc::new(disk.clone()), Offset(0)).unwrap());
        let name = "00000000000000000000.seg".to_owned();
        let mut bytes = header.unwrap_or_else(|| disk.bytes(&name).unwrap());
        bytes.extend(blocks.concat());
        let disk = FaultyDisk::with_files([(name, bytes)]);
        if let Ok(journal) = FileJournal::open(Arc::new(disk), Offset(0)) {
            prop_assert!(journal.read_from(Offset(0)).all(|record| record.is_ok()));
            append(&journal, &[b"next".to_vec()]).unwrap();
        }
    }
}
