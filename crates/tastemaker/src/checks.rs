//! The thread that reads all journals from time to time, so that damage is found while a backup of it is
//! still there.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use engine::Engine;

use crate::settings::Checks;

/// How long a check waits before it looks again whether it should stop.
const STOP_POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Checks the journals of all workspaces beside the traffic.
pub(crate) struct Checker {
    is_stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Checker {
    pub(crate) fn start(engines: &[Arc<Engine>], settings: &Checks) -> Result<Self> {
        let is_stopping = Arc::new(AtomicBool::new(false));
        if !settings.enabled {
            return Ok(Self { is_stopping, thread: None });
        }
        let (engines, settings, stop) = (engines.to_vec(), settings.clone(), Arc::clone(&is_stopping));
        let run = move || {
            let mut started = Instant::now();
            check_once(&engines, &settings, &stop);
            while wait_until(started + settings.interval(), &stop).is_continue() {
                started = Instant::now();
                check_once(&engines, &settings, &stop);
            }
        };
        let thread = std::thread::Builder::new().name("checker".to_owned()).spawn(run)?;
        Ok(Self { is_stopping, thread: Some(thread) })
    }

    /// Whatever is under way can be given up: it only reads.
    pub(crate) fn stop(self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread {
            thread.thread().unpark();
        }
    }
}

/// Reads every journal once, no faster than the settings say; ends early where it should stop.
pub(crate) fn check_once(engines: &[Arc<Engine>], settings: &Checks, is_stopping: &AtomicBool) {
    let (mut n_bytes, started) = (0u64, Instant::now());
    for engine in engines {
        engine.check_journal(&mut |bytes| {
            n_bytes += bytes;
            let due = Duration::from_secs_f64(n_bytes as f64 / settings.bytes_per_s as f64);
            wait_until(started + due, is_stopping)
        });
    }
}

/// Waits; breaks off where the server stops.
fn wait_until(until: Instant, is_stopping: &AtomicBool) -> ControlFlow<()> {
    loop {
        if is_stopping.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        let rest = until.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return ControlFlow::Continue(());
        }
        std::thread::park_timeout(rest.min(STOP_POLL_INTERVAL));
    }
}

#[cfg(test)]
mod tests {
    use domain::WorkspaceId;

    use super::*;

    #[test]
    fn a_check_keeps_to_its_rate_and_ends_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let id = WorkspaceId::new("shop").unwrap();
        let engine = Arc::new(Engine::open(id, folder.path(), &|_, _| {}).unwrap());
        engine.reset().unwrap();
        let slow = Checks { bytes_per_s: 500, ..Checks::default() };
        let started = Instant::now();
        check_once(&[Arc::clone(&engine)], &slow, &AtomicBool::new(false));
        // The header of a segment has 20 bytes, that of a block 32.
        assert!(started.elapsed() >= Duration::from_millis(104), "{:?}", started.elapsed());
        let never = Checks { bytes_per_s: 1, ..Checks::default() };
        check_once(&[engine], &never, &AtomicBool::new(true));
    }
}
