//! Kills a writer at random moments and checks what it left behind.
//!
//! The parent runs this program again as the writer. Every batch of the writer holds 500 records
//! of ids that no other batch has, a "last batch" key in each table, and the position. After each
//! batch returns, the writer notes its number in a file beside the store, so that the parent knows
//! up to where batches can be there at all.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use fs_err::{OpenOptions, os::unix::fs::FileExt as _};

use crate::{
    store::{self, Put, Result, Store, TABLES, Tuning, View},
    workload::{BATCH_RECORDS, Random, key_of, put, table_of, value_of},
};

const POSITION: &[u8] = b"crash-position";
const LAST: &[u8] = b"crash-last";

/// Ids of the writer's records start here, above those of the mixed load.
const FIRST_ID: u64 = 1 << 50;

fn ids(batch: u64) -> std::ops::Range<u64> {
    FIRST_ID + batch * BATCH_RECORDS..FIRST_ID + (batch + 1) * BATCH_RECORDS
}

fn noted_path(dir: &Path) -> PathBuf {
    dir.with_extension("noted")
}

fn noted(dir: &Path) -> u64 {
    let bytes = fs_err::read(noted_path(dir)).unwrap_or_default();
    bytes.try_into().map_or(0, u64::from_be_bytes)
}

fn number(view: &dyn View, table: usize, key: &[u8]) -> Result<u64> {
    match view.get(table, key)? {
        Some(value) => Ok(u64::from_be_bytes(value.as_slice().try_into()?)),
        None => Ok(0),
    }
}

/// The child: writes batches until it is killed.
pub fn write(name: &str, dir: &Path, tuning: &Tuning) -> Result<()> {
    let mut store = store::open(name, dir, tuning)?;
    let position = number(&*store.view()?, 0, POSITION)?;
    let note = OpenOptions::new().write(true).open(noted_path(dir))?;
    for batch in position + 1.. {
        let mut puts: Vec<Put> = ids(batch).map(|id| put(id, 0)).collect();
        let number = batch.to_be_bytes().to_vec();
        puts.extend((0..TABLES.len()).map(|table| Put {
            table,
            key: LAST.to_vec(),
            value: number.clone(),
        }));
        puts.push(Put { table: 0, key: POSITION.to_vec(), value: number });
        store.apply(&puts)?;
        note.write_all_at(&batch.to_be_bytes(), 0)?;
    }
    Ok(())
}

/// The parent. `writer_args` are the arguments that make this program the writer.
pub fn run(
    name: &str,
    dir: &Path,
    tuning: &Tuning,
    rounds: u64,
    seed: u64,
    writer_args: &[String],
) -> Result<()> {
    println!("{name}: {rounds} rounds, seed {seed}");
    let mut random = Random(seed);
    let mut position = number(&*store::open(name, dir, tuning)?.view()?, 0, POSITION)?;
    let mut failed = 0;
    let mut slowest = Duration::ZERO;
    for round in 1..=rounds {
        fs_err::write(noted_path(dir), position.to_be_bytes())?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(writer_args)
            .stdout(Stdio::null())
            .spawn()?;
        // The clock of the kill starts with the first batch, so that opening doesn't use it up.
        let patience = Instant::now();
        while noted(dir) == position && patience.elapsed() < Duration::from_secs(60) {
            sleep(Duration::from_millis(5));
        }
        let delay = Duration::from_millis(200 + random.below(3800));
        sleep(delay);
        child.kill()?;
        child.wait()?;

        let noted = noted(dir);
        let started = Instant::now();
        let store = store::open(name, dir, tuning)?;
        let reopen = started.elapsed();
        slowest = slowest.max(reopen);
        // The last round looks at all the batches of all rounds, the others at their own.
        let first = if round == rounds { 1 } else { position.saturating_sub(100) + 1 };
        let found = check(&*store, first, noted);
        let stuck = noted == position;
        match found {
            Ok(now) => {
                println!(
                    "round {round}: killed after {delay:?}, batches written {}, lost {}, \
                     reopened in {reopen:.1?}{}",
                    noted - position,
                    noted.saturating_sub(now),
                    if stuck { ", STUCK" } else { "" },
                );
                failed += u64::from(stuck);
                position = now;
            }
            Err(error) => {
                println!("round {round}: FAILED: {error}, reopened in {reopen:.1?}");
                failed += 1;
                position = number(&*store.view()?, 0, POSITION)?;
            }
        }
    }
    println!("rounds ok {} failed {failed}, slowest reopen {slowest:.1?}", rounds - failed);
    Ok(())
}

/// Checks the batches from `first` on against the position, which it returns. The writer may have
/// applied one batch more than it noted.
fn check(store: &dyn Store, first: u64, noted: u64) -> Result<u64> {
    let view = store.view()?;
    let position = number(&*view, 0, POSITION)?;
    if position > noted + 1 {
        return Err(format!("position {position} is past batch {noted}").into());
    }
    for (table, name) in TABLES.iter().enumerate() {
        let last = number(&*view, table, LAST)?;
        if last != position {
            return Err(format!("{name} is at batch {last}, the position at {position}").into());
        }
    }
    for batch in first..=noted + 2 {
        for id in ids(batch) {
            let expected = (batch <= position).then(|| value_of(id, 0));
            if view.get(table_of(id), &key_of(id))? != expected {
                return Err(format!("id {id} of batch {batch}, the position is {position}").into());
            }
        }
    }
    Ok(position)
}
