//! Records are replaced at their offsets, whatever journal holds them and whatever fails meanwhile.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::ops::ControlFlow;
use std::sync::Arc;

use journal::{
    FileJournal, Journal, JournalOptions, MemoryJournal, Offset, REWRITTEN_LIST, RewriteError,
    Rewritten, read_rewritten_list,
};
use proptest::prelude::*;
use testkit::{FaultRates, FaultyDisk};

/// Small segments, so that a few batches fill several.
const SEGMENT_BYTES: u64 = 2_000;
const SECRET: &[u8] = b"ann@example.com";

fn open(disk: &FaultyDisk) -> FileJournal {
    let options = JournalOptions { segment_bytes_max: SEGMENT_BYTES, ..Default::default() };
    FileJournal::open_with(Arc::new(disk.clone()), options).unwrap()
}

fn append(journal: &dyn Journal, batch: &[Vec<u8>]) -> Offset {
    let records: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
    journal.append(&records).unwrap()
}

fn read(journal: &dyn Journal, from: u64) -> Vec<(u64, Vec<u8>)> {
    let records = journal.read_from(Offset(from));
    records.map(|record| record.map(|(offset, bytes)| (offset.0, bytes)).unwrap()).collect()
}

fn holds_secret(record: &[u8]) -> bool {
    record.windows(SECRET.len()).any(|window| window == SECRET)
}

fn erase(journal: &dyn Journal) -> Result<Rewritten, RewriteError> {
    journal.rewrite(
        &mut |_, record| Ok(holds_secret(record).then(|| b"erased".to_vec())),
        &mut |_, _| ControlFlow::Continue(()),
    )
}

/// Batches of texts that do not compress, every seventh with the secret.
fn fill(journal: &dyn Journal) {
    for n in 0..40u32 {
        let text = |m: u32| -> Vec<u8> {
            let noise = (0..40u32).map(|k| ((k * k * (n + 7) * (m + 3)) >> 3) as u8);
            let secret = if (n * 3 + m).is_multiple_of(7) { SECRET } else { b"" };
            noise.chain(secret.iter().copied()).collect()
        };
        append(journal, &[text(0), text(1), text(2)]);
    }
}

fn erased(records: Vec<(u64, Vec<u8>)>) -> Vec<(u64, Vec<u8>)> {
    let erase = |(offset, record): (u64, Vec<u8>)| match holds_secret(&record) {
        true => (offset, b"erased".to_vec()),
        false => (offset, record),
    };
    records.into_iter().map(erase).collect()
}

/// Replaces what a journal holds, and reads it from every offset; a reader under way goes on.
fn check_rewriting(journal: &dyn Journal, batches: &[Vec<Vec<u8>>]) {
    for batch in batches {
        append(journal, batch);
    }
    let (end, before) = (journal.end(), read(journal, 0));
    let longer = |record: &[u8]| [record, b" is longer than it was", record].concat();
    let is_replaced = |offset: u64| offset % 3 == 1;
    let mut under_way = journal.read_from(Offset(0));
    let read_first: Vec<_> = under_way.by_ref().take(2).map(Result::unwrap).collect();
    let rewritten = journal
        .rewrite(
            &mut |offset, record| Ok(is_replaced(offset.0).then(|| longer(record))),
            &mut |_, _| ControlFlow::Continue(()),
        )
        .unwrap();
    let after: Vec<_> = before
        .iter()
        .map(|(at, record)| match is_replaced(*at) {
            true => (*at, longer(record)),
            false => (*at, record.clone()),
        })
        .collect();
    assert_eq!(rewritten.records, before.len() as u64);
    assert_eq!(rewritten.replaced, after.iter().filter(|(at, _)| is_replaced(*at)).count() as u64);
    assert_eq!(journal.end(), end);
    for (n, (at, _)) in after.iter().enumerate() {
        assert_eq!(read(journal, *at), after[n..]);
    }
    let rest: Vec<_> = under_way.map(|record| record.map(|(at, _)| at.0).unwrap()).collect();
    let all: Vec<u64> = read_first.iter().map(|(at, _)| at.0).chain(rest).collect();
    assert_eq!(all, before.iter().map(|(at, _)| *at).collect::<Vec<_>>());
    // Records go on being appended behind them.
    let next = append(journal, &[b"next".to_vec()]);
    assert!(next >= end);
    assert_eq!(read(journal, 0).len(), after.len() + 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_journal_replaces_records_at_their_offsets(
        batches in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 1..12), 0..20),
        gap in 0..3u64,
    ) {
        check_rewriting(&MemoryJournal::with_gaps(gap), &batches);
        let disk = FaultyDisk::default();
        check_rewriting(&open(&disk), &batches);
        // A restart finds what was there.
        let journal = open(&disk);
        let n_records: usize = batches.iter().map(Vec::len).sum();
        prop_assert_eq!(read(&journal, 0).len(), n_records + 1);
    }
}

#[test]
fn no_file_holds_what_was_replaced_and_only_the_segments_that_did_are_written_anew() {
    let disk = FaultyDisk::default();
    let journal = open(&disk);
    append(&journal, &(0..60).map(|n| vec![n; 50]).collect::<Vec<_>>());
    fill(&journal);
    let before = read(&journal, 0);
    let torn = "00000000000000000000.seg.77.torn".to_owned();
    drop(journal);
    let names = journal::Disk::list(&disk).unwrap();
    let files = names.into_iter().map(|name| (name.clone(), disk.bytes(&name).unwrap()));
    let disk = FaultyDisk::with_files(files.chain([(torn, SECRET.to_vec())]).collect::<Vec<_>>());
    let journal = open(&disk);
    let rewritten = erase(&journal).unwrap();
    assert_eq!(rewritten.torn_files, 1);
    assert!(rewritten.segments > 2, "{rewritten:?}");
    assert_eq!(read(&journal, 0), erased(before.clone()));
    for name in journal::Disk::list(&disk).unwrap() {
        assert!(!holds_secret(&disk.bytes(&name).unwrap()), "{name}");
        assert!(!name.ends_with(".new"), "{name}");
    }
    let list = journal::Disk::open(&disk, REWRITTEN_LIST).unwrap();
    assert_eq!(read_rewritten_list(list.as_ref()).unwrap().len() as u64, rewritten.segments);
    // The second time there is nothing to do.
    let again = erase(&journal).unwrap();
    assert_eq!((again.replaced, again.segments), (0, 0));
    drop(journal);
    assert_eq!(read(&open(&disk), 0), erased(before));
}

#[test]
fn whatever_fails_and_whenever_the_power_is_lost_no_record_is_lost_and_doing_it_again_ends_it() {
    let rates =
        FaultRates { open: 0.02, write: 0.05, sync: 0.05, short: 0.2, ..Default::default() };
    for seed in 0..60 {
        let disk = FaultyDisk::default();
        let journal = open(&disk);
        fill(&journal);
        let before = read(&journal, 0);
        disk.set_faults(seed, rates);
        let outcome = erase(&journal);
        disk.set_faults(seed, FaultRates::default());
        // The records are whole, each replaced or not, also in the running process.
        let is_either = |records: &[(u64, Vec<u8>)]| {
            records.len() == before.len()
                && records.iter().zip(&before).all(|(now, then)| {
                    now == then || (holds_secret(&then.1) && *now == (then.0, b"erased".to_vec()))
                })
        };
        assert!(is_either(&read(&journal, 0)), "seed {seed}");
        if outcome.is_ok() {
            assert_eq!(read(&journal, 0), erased(before.clone()), "seed {seed}");
        }
        let lost = disk.after_reordering_power_loss(seed);
        let reopened = open(&lost);
        assert!(is_either(&read(&reopened, 0)), "seed {seed}");
        erase(&reopened).unwrap();
        assert_eq!(read(&reopened, 0), erased(before.clone()), "seed {seed}");
        for name in journal::Disk::list(&lost).unwrap() {
            assert!(!holds_secret(&lost.bytes(&name).unwrap()), "seed {seed}: {name}");
        }
    }
}

#[test]
fn it_can_be_ended_between_two_blocks_and_an_unknown_record_is_named() {
    let disk = FaultyDisk::default();
    let journal = open(&disk);
    fill(&journal);
    let before = read(&journal, 0);
    let mut n_blocks = 0;
    let ended = journal.rewrite(&mut |_, _| Ok(Some(Vec::new())), &mut |_, _| {
        n_blocks += 1;
        if n_blocks < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert!(matches!(ended, Err(RewriteError::Ended)));
    let unknown = journal.rewrite(
        &mut |offset, _| if offset.0 == 5 { Err("unknown".into()) } else { Ok(None) },
        &mut |_, _| ControlFlow::Continue(()),
    );
    assert!(matches!(unknown, Err(RewriteError::Record { offset: Offset(5), .. })));
    assert_eq!(read(&journal, 0), before);
}
