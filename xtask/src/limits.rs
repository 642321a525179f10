//! Tests end: a suite that hangs is ended with all that it has started, and is named.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGINT, SIGTERM};

/// The longest time of a suite: all of CI has taken less, with a build from nothing.
const STEP_TIME_MAX: Duration = Duration::from_secs(45 * 60);
/// How often it is looked whether a step has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Whether somebody has asked this process to end: the groups of the steps do not hear of it.
static IS_ENDING: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| {
    let is_ending = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&is_ending)).expect("may be handled");
    }
    is_ending
});

/// Runs a program. What it has started and left behind is ended with it.
///
/// # Errors
/// If the program cannot be started, runs longer than [`STEP_TIME_MAX`], or somebody ends us.
pub(crate) fn run(name: &str, command: &mut Command) -> Result<ExitStatus> {
    let program = command.get_program().to_string_lossy().into_owned();
    let is_ending = &*IS_ENDING;
    let mut process =
        command.process_group(0).spawn().with_context(|| format!("cannot run {program}"))?;
    let group = Pid::from_child(&process);
    let started = Instant::now();
    let status = loop {
        if let Some(status) = process.try_wait()? {
            break Some(status);
        }
        if started.elapsed() > STEP_TIME_MAX || is_ending.load(Ordering::Relaxed) {
            break None;
        }
        std::thread::sleep(POLL_INTERVAL);
    };
    // Where nothing is left there is no group.
    kill_process_group(group, Signal::KILL).ok();
    match status {
        Some(status) => Ok(status),
        None => {
            process.wait()?;
            if is_ending.load(Ordering::Relaxed) {
                bail!("{name}: ended by a signal");
            }
            bail!("{name}: {program} did not end within {} minutes", STEP_TIME_MAX.as_secs() / 60)
        }
    }
}
