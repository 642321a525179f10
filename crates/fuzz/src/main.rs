//! The runner for the stable compiler: runs each body on mutations of its corpus for a given time.

use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use fuzz::mutation::Mutator;
use fuzz::{BODIES, Body};

/// An input that takes longer is a finding. Bodies need microseconds to milliseconds; the rest is
/// for busy machines.
const INPUT_TIME_MAX: Duration = Duration::from_secs(10);
/// An input during which the process has more memory than this is a finding, in bytes.
const MEMORY_BYTES_MAX: u64 = 1_024 * 1_024 * 1_024;
/// The interval between checks of time and memory.
const WATCH_INTERVAL: Duration = Duration::from_millis(100);
/// The stack of a body, in bytes: that of the server's threads.
const STACK_BYTES: usize = 2 * 1_024 * 1_024;
/// The size of a page that `/proc/self/statm` counts in, in bytes.
const PAGE_BYTES: u64 = 4_096;

/// Runs fuzz bodies on mutations of their corpora.
#[derive(Parser)]
#[command(name = "fuzz", max_term_width = 100)]
struct Cli {
    /// Which body, or `all`
    #[arg(default_value = "all")]
    body: String,
    /// How long each body runs
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Ends each body after so many inputs, if that is earlier
    #[arg(long, value_name = "N", default_value_t = u64::MAX, hide_default_value = true)]
    inputs: u64,
    /// Repeats a run [default: another each time]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// The folder of the corpora, one folder a body
    #[arg(long, value_name = "DIR", default_value_os_t = fuzz::corpus_folder(), hide_default_value = true)]
    corpus: PathBuf,
    /// Where inputs that fail are written
    #[arg(long, value_name = "DIR", default_value = "target/fuzz")]
    findings: PathBuf,
    /// Runs this input alone, without catching anything
    #[arg(long, value_name = "FILE")]
    repeat: Option<PathBuf>,
    /// Writes the whole corpus of each body to this folder and ends: for other fuzzers
    #[arg(long, value_name = "DIR")]
    write_corpus: Option<PathBuf>,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let bodies: Vec<Body> =
        BODIES.into_iter().filter(|body| cli.body == "all" || cli.body == body.name).collect();
    if bodies.is_empty() {
        let names = BODIES.map(|body| body.name).join(", ");
        bail!("there is no body {:?}: take one of {names} or all", cli.body);
    }
    if let Some(path) = &cli.repeat {
        let [body] = bodies.as_slice() else { bail!("say which body --repeat is for") };
        (body.run)(&fs_err::read(path)?);
        println!("{}: {} does no harm", body.name, path.display());
        return Ok(());
    }
    if let Some(folder) = &cli.write_corpus {
        return bodies.iter().try_for_each(|body| write_corpus(body, &cli.corpus, folder));
    }
    let clock_s = || std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let seed = cli.seed.unwrap_or_else(clock_s);
    println!("seed {seed}");
    fs_err::create_dir_all(&cli.findings)?;
    let n_failed = bodies
        .iter()
        .map(|body| fuzz_body(body, &cli, seed))
        .collect::<Result<Vec<bool>>>()?
        .into_iter()
        .filter(|passed| !passed)
        .count();
    if n_failed > 0 {
        bail!("{n_failed} of {} bodies failed; the seed was {seed}", bodies.len());
    }
    Ok(())
}

fn write_corpus(body: &Body, corpus: &Path, folder: &Path) -> Result<()> {
    let folder = folder.join(body.name);
    fs_err::create_dir_all(&folder)?;
    for (n, input) in body.load_corpus(corpus)?.iter().enumerate() {
        fs_err::write(folder.join(format!("kept-{n:03}")), input)?;
    }
    Ok(())
}

/// The current input, in a file that outlives the process, and its start, for the watch.
struct CurrentInput {
    file: fs_err::File,
    path: PathBuf,
    clock: Instant,
    /// The start of the current input, in milliseconds of the clock; 0 for none.
    since_ms: AtomicU64,
}

impl CurrentInput {
    fn begin(&self, input: &[u8]) -> Result<()> {
        self.file.file().write_all_at(input, 0)?;
        self.file.set_len(input.len() as u64)?;
        self.since_ms.store(self.clock.elapsed().as_millis() as u64 + 1, Ordering::Relaxed);
        Ok(())
    }

    fn end(&self) {
        self.since_ms.store(0, Ordering::Relaxed);
    }

    /// The exceeded limit of the current input, if any.
    fn fault(&self) -> Option<String> {
        let since_ms = self.since_ms.load(Ordering::Relaxed);
        let took_ms = (self.clock.elapsed().as_millis() as u64 + 1).saturating_sub(since_ms);
        if since_ms > 0 && took_ms > INPUT_TIME_MAX.as_millis() as u64 {
            return Some(format!("an input takes longer than {} s", INPUT_TIME_MAX.as_secs()));
        }
        let statm = fs_err::read_to_string("/proc/self/statm").ok()?;
        let resident: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
        let bytes = resident * PAGE_BYTES;
        (bytes > MEMORY_BYTES_MAX).then(|| format!("the process has {bytes} bytes in memory"))
    }
}

/// Runs one body. Returns whether no input failed.
fn fuzz_body(body: &Body, cli: &Cli, seed: u64) -> Result<bool> {
    let corpus = body.load_corpus(&cli.corpus)?;
    let path = cli.findings.join(format!("{}.input", body.name));
    let current = Arc::new(CurrentInput {
        file: fs_err::File::create(&path)?,
        path,
        clock: Instant::now(),
        since_ms: AtomicU64::new(0),
    });
    let until = Instant::now() + Duration::from_secs(cli.seconds);
    let (run, name, dictionary, inputs_max) = (body.run, body.name, body.dictionary, cli.inputs);
    let worker = {
        let current = Arc::clone(&current);
        let work = move || -> Result<(u64, Option<String>)> {
            let mut mutator = Mutator::new(seed, name, &corpus, dictionary);
            let mut input = Vec::new();
            let mut n = 0;
            while n < inputs_max && Instant::now() < until {
                // The inputs of the corpus come first, unchanged.
                match corpus.get(n as usize) {
                    Some(kept) => input.clone_from(kept),
                    None => mutator.generate(&mut input),
                }
                current.begin(&input)?;
                let result = catch_unwind(AssertUnwindSafe(|| run(&input)));
                current.end();
                n += 1;
                if result.is_err() {
                    return Ok((n, Some("an input panics, see above".to_owned())));
                }
            }
            Ok((n, None))
        };
        std::thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES).spawn(work)?
    };
    while !worker.is_finished() {
        std::thread::park_timeout(WATCH_INTERVAL);
        if let Some(fault) = current.fault() {
            report(body, &current, &fault, seed)?;
            // The thread cannot be stopped.
            std::process::exit(1);
        }
    }
    let elapsed_s = current.clock.elapsed().as_secs_f64();
    let Ok(result) = worker.join() else {
        bail!("{name}: the thread of the body ended in a panic")
    };
    let (n, fault) = result?;
    println!("{name:<12} {n:>10} inputs, {:>8.0} a second", n as f64 / elapsed_s.max(1e-3));
    if let Some(fault) = &fault {
        report(body, &current, fault, seed)?;
    }
    Ok(fault.is_none())
}

fn report(body: &Body, current: &CurrentInput, fault: &str, seed: u64) -> Result<()> {
    let kept = current.path.with_file_name(format!("{}-{seed}.finding", body.name));
    fs_err::copy(&current.path, &kept).context("the input is lost")?;
    eprintln!(
        "{}: {fault}. To repeat it: cargo run --package fuzz -- {} --repeat {}",
        body.name,
        body.name,
        kept.display()
    );
    Ok(())
}
