//! Reads all journals from time to time, so that damage is found while a backup of it is still
//! there.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{BackgroundWork, Engine, Health, Next, Signals, WorkResult};
use web::App;

use super::STOP_TIME_MAX;
use crate::settings::Checks;

pub(super) struct Checker {
    app: Arc<App>,
    settings: Checks,
}

impl Checker {
    pub(super) fn new(app: Arc<App>, settings: Checks) -> Self {
        Self { app, settings }
    }
}

impl BackgroundWork for Checker {
    fn name(&self) -> &'static str {
        "checker"
    }

    fn task(&self) -> &'static str {
        "Reads the journals to find damage"
    }

    fn stop_time_max(&self) -> Duration {
        STOP_TIME_MAX
    }

    fn step(&mut self, signals: &Signals) -> Next {
        let started = Instant::now();
        check_journals(self.app.workspaces().each_engine(), &self.settings, signals);
        Next::Rest(self.settings.interval().saturating_sub(started.elapsed()))
    }
}

/// Reads every journal once, no faster than the settings say; ends early where it should stop.
fn check_journals(
    engines: impl Iterator<Item = Arc<Engine>>,
    settings: &Checks,
    signals: &Signals,
) {
    let (started, mut n_bytes) = (Instant::now(), 0u64);
    for engine in engines {
        let mut pace = |bytes| {
            n_bytes += bytes;
            let due = Duration::from_secs_f64(n_bytes as f64 / settings.bytes_per_s as f64);
            signals.rest(due.saturating_sub(started.elapsed()));
            // One that takes nothing any more waits to be opened again.
            let is_over = signals.is_stopping() || matches!(engine.health(), Health::Broken(_));
            if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        // Damage that it finds is a problem of the workspace, not a failure of the check.
        signals.work_for(engine.id(), || match engine.check_journal(&mut pace).is_complete {
            true => WorkResult::Succeeded,
            false => WorkResult::NothingDone,
        });
    }
}

#[cfg(test)]
mod tests {
    use domain::WorkspaceId;

    use super::*;

    #[test]
    fn a_check_keeps_to_its_rate() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let id = WorkspaceId::new("shop").expect("a right name");
        let engine =
            Arc::new(Engine::open(id, folder.path(), &|_, _| {}).expect("an empty folder opens"));
        engine.reset().expect("an entry is taken");
        let slow = Checks { bytes_per_s: 500, ..Checks::default() };
        let started = Instant::now();
        check_journals([engine].into_iter(), &slow, &Signals::new("test", "Tests"));
        // The header of a segment has 20 bytes, that of a block 32.
        assert!(started.elapsed() >= Duration::from_millis(104), "{:?}", started.elapsed());
    }
}
