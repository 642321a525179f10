//! Measures the two candidates for the store of the fold, fjall and redb, under its own pattern:
//! one writer applies batches of 500 records over three tables atomically, asks for a record
//! before every second write, and needs no fsync since an outer journal is fsynced already.
//!
//! ```text
//! bench-stores mixed STORE DIR   fills DIR with --keys records, reading in between
//! bench-stores open  STORE DIR   times the opening of the filled DIR
//! bench-stores crash STORE DIR   kills a writer --rounds times and checks what it left
//! ```
//!
//! STORE is `fjall` or `redb`. Further options, each with a number and a default: `--seed`,
//! `--cache-mib`, and of mixed `--keys`, `--batch`, `--limit-seconds`, of crash `--rounds`, of
//! fjall `--workers`, `--memtable-mib`, `--own-rotation` (0 or 1), of redb `--durable-ms`.

mod crash;
mod fjall_store;
mod redb_store;
mod store;
mod workload;

use std::{
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, Instant},
};

use fs_err::{self as fs, File};
use store::{MIB, Put, Result, Tuning};
use workload::{BATCH_RECORDS, Latencies, Random, key_of, put, table_of, user_prefix};

/// How many records the mixed load put in; in the store, it plays the part of the fold's position.
const POSITION: &[u8] = b"position";

/// Ids from here on are in no store, so that getting them looks for an absent key.
const ABSENT_ID: u64 = 1 << 60;

const REPORT_EVERY: u64 = 1_000_000;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [command, name, dir, options @ ..] = args.as_slice() else {
        return Err("usage: bench-stores mixed|open|crash fjall|redb DIR [--OPTION N]...".into());
    };
    let option = |option: &str, default: u64| -> Result<u64> {
        let Some(at) = options.iter().position(|arg| arg == option) else { return Ok(default) };
        Ok(options.get(at + 1).ok_or("an option lacks its number")?.parse()?)
    };
    let tuning = Tuning {
        cache_bytes: option("--cache-mib", 256)? * MIB,
        workers: option("--workers", 2)? as usize,
        memtable_bytes: option("--memtable-mib", 32)? * MIB,
        own_rotation: option("--own-rotation", 1)? != 0,
        durable_every: Duration::from_millis(option("--durable-ms", 5000)?),
    };
    let seed = option("--seed", 1)?;
    let dir = Path::new(dir);
    match command.as_str() {
        "mixed" => {
            let load = Load {
                keys: option("--keys", 10_000_000)?,
                batch: option("--batch", BATCH_RECORDS)?,
                limit: Duration::from_secs(option("--limit-seconds", 480)?),
            };
            mixed(name, dir, &tuning, &load, seed)
        }
        "open" => open(name, dir, &tuning, seed),
        "crash" => {
            let mut writer_args = args.clone();
            writer_args[0] = "crash-writer".into();
            crash::run(name, dir, &tuning, option("--rounds", 10)?, seed, &writer_args)
        }
        "crash-writer" => crash::write(name, dir, &tuning),
        _ => Err(format!("no command is called {command:?}").into()),
    }
}

/// How much the mixed load writes: `keys` different records in batches of `batch`, unless the time
/// is up before.
struct Load {
    keys: u64,
    batch: u64,
    limit: Duration,
}

/// Four of five records of a batch are new and the fifth replaces a random one. Before each batch,
/// random gets, half of them of absent keys, and a few scans of a user's records.
fn mixed(name: &str, dir: &Path, tuning: &Tuning, load: &Load, seed: u64) -> Result<()> {
    let mut store = store::open(name, dir, tuning)?;
    let mut random = Random(seed);
    let (mut gets, mut scans, mut commits) = Default::default();
    let mut recent_gets = Latencies::default();
    let (mut records, mut upserts, mut scanned) = (0, 0, 0);
    let started = Instant::now();
    let mut reported = started;
    while records < load.keys && started.elapsed() < load.limit {
        if records > 0 {
            let view = store.view()?;
            for _ in 0..load.batch / 2 {
                let present = random.below(2) == 0;
                let id = random.below(records) + if present { 0 } else { ABSENT_ID };
                let (table, key) = (table_of(id), key_of(id));
                let found = timed(&mut recent_gets, || view.get(table, &key))?;
                if found.is_some_and(|value| value[..8] == id.to_be_bytes()) != present {
                    return Err(format!("record {id} of {records} was lost or invented").into());
                }
            }
            for _ in 0..load.batch / 100 {
                let prefix = user_prefix(random.next());
                let table = random.below(3) as usize;
                scanned += timed(&mut scans, || view.scan(table, &prefix, 20))?;
            }
        }
        let mut puts = Vec::with_capacity(load.batch as usize + 1);
        for record in 0..load.batch {
            upserts += 1;
            if record % 5 == 4 {
                puts.push(put(random.below(records), upserts));
            } else {
                puts.push(put(records, upserts));
                records += 1;
            }
        }
        let value = records.to_be_bytes().to_vec();
        puts.push(Put { table: 0, key: POSITION.to_vec(), value });
        timed(&mut commits, || store.apply(&puts))?;

        if upserts % REPORT_EVERY == 0 {
            println!(
                "{:>3} M upserts: {:>7.0} upserts/s, get p50 {:.1} p99 {:.1} us, RSS peak {} MiB, {}",
                upserts / REPORT_EVERY,
                REPORT_EVERY as f64 / reported.elapsed().as_secs_f64(),
                recent_gets.quantile_us(0.5),
                recent_gets.quantile_us(0.99),
                peak_rss_mib(),
                store.status(),
            );
            merge_into(&mut gets, &mut recent_gets);
            reported = Instant::now();
        }
    }
    merge_into(&mut gets, &mut recent_gets);
    let seconds = started.elapsed().as_secs_f64();
    let closing = Instant::now();
    drop(store);
    println!(
        "{name}: {records} keys, {upserts} upserts in {seconds:.1} s ({:.0} upserts/s), closed in \
         {:.1?}",
        upserts as f64 / seconds,
        closing.elapsed(),
    );
    println!("get p50 {:.1} us p99 {:.1} us", gets.quantile_us(0.5), gets.quantile_us(0.99));
    println!(
        "scan p50 {:.1} us p99 {:.1} us ({scanned} records seen)",
        scans.quantile_us(0.5),
        scans.quantile_us(0.99),
    );
    println!(
        "batch commit p50 {:.2} ms p99 {:.2} ms max {:.1} ms",
        commits.quantile_us(0.5) / 1000.0,
        commits.quantile_us(0.99) / 1000.0,
        commits.max.as_secs_f64() * 1000.0,
    );
    println!("peak RSS {} MiB, on disk {} MiB", peak_rss_mib(), disk_bytes(dir)? / MIB);
    Ok(())
}

/// Opens the store twice: first with none of its files in the page cache, then as the first open
/// left them. Each time it also gets 1,000 random records.
fn open(name: &str, dir: &Path, tuning: &Tuning, seed: u64) -> Result<()> {
    evict_from_page_cache(dir)?;
    let mut random = Random(seed);
    for state in ["cold", "warm"] {
        let started = Instant::now();
        let store = store::open(name, dir, tuning)?;
        let opened = started.elapsed();
        let view = store.view()?;
        let position = view.get(0, POSITION)?.ok_or("no mixed load filled this store")?;
        let records = u64::from_be_bytes(position.as_slice().try_into()?);
        let reading = Instant::now();
        for _ in 0..1000 {
            let id = random.below(records);
            view.get(table_of(id), &key_of(id))?.ok_or("a record is lost")?;
        }
        println!(
            "{name} {state}: opened in {opened:.1?}, then 1,000 gets in {:.1?}, peak RSS {} MiB",
            reading.elapsed(),
            peak_rss_mib(),
        );
    }
    Ok(())
}

fn timed<T>(latencies: &mut Latencies, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = work();
    latencies.add(started.elapsed());
    result
}

fn merge_into(all: &mut Latencies, recent: &mut Latencies) {
    all.merge(&std::mem::take(recent));
}

/// The high-water mark of this process's resident memory.
fn peak_rss_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .map_or(0, |kib: u64| kib / 1024)
}

/// The space that the files of a folder really take, without the holes that a journal starts with.
fn disk_bytes(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let (path, meta) = entry.and_then(|entry| Ok((entry.path(), entry.metadata()?)))?;
        bytes += if meta.is_dir() { disk_bytes(&path)? } else { meta.blocks() * 512 };
    }
    Ok(bytes)
}

fn evict_from_page_cache(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            evict_from_page_cache(&path)?;
        } else {
            let file = File::open(path)?;
            file.sync_all()?;
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        }
    }
    Ok(())
}
