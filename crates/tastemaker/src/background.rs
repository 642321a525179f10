//! What a server does beside its requests: it trains, refreshes, checks journals, makes lost models again, and sums up metrics.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use engine::{BackgroundThread, Engine, EngineError, Next, Problem, Signals};
use server::App;

use crate::reload::LiveSettings;
use crate::settings::Checks;

/// How often the reconciler looks whether a workspace is due.
const TRAINING_CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// After a run the reconciler rests this many times as long as it took.
const TRAINING_REST_FACTOR: u32 = 3;
/// How often search indexes and filters follow what has changed: half of the second within which it can be found.
const REFRESH_INTERVAL: Duration = Duration::from_millis(500);
/// How often a model that could not be made again is tried once more.
const REMAKE_INTERVAL: Duration = Duration::from_secs(60);
/// How often samples of histograms are summed up; they gather meanwhile, some bytes each.
const METRICS_INTERVAL: Duration = Duration::from_secs(5);
/// How long a stopping server waits for these threads once its requests are done. They were told to stop
/// before; a training run or a refresh under way is given up, since the next start does it again.
const STOP_TIME_MAX: Duration = Duration::from_secs(2);

/// The threads of a server.
pub(crate) struct Background(Vec<BackgroundThread>);

impl Background {
    pub(crate) fn start(app: &Arc<App>, engines: &[Arc<Engine>], live: &LiveSettings) -> Result<Self> {
        let settings = live.load_full();
        let mut threads = vec![start_refresher(engines)?, start_trainer(engines, live)?];
        if settings.checks.enabled {
            threads.push(start_checker(engines, &settings.checks)?);
        }
        let is_lost = |engine: &Arc<Engine>| {
            engine.problems().iter().any(|problem| matches!(problem, Problem::ModelLost { .. }))
        };
        let lost: Vec<Arc<Engine>> = engines.iter().filter(|engine| is_lost(engine)).cloned().collect();
        if !lost.is_empty() {
            threads.push(start_remaking(lost)?);
        }
        let app = Arc::clone(app);
        let keep_up = move |_: &Signals| app.keep_up_metrics();
        threads.push(BackgroundThread::repeat("metrics", METRICS_INTERVAL, keep_up)?);
        Ok(Self(threads))
    }

    /// Tells all threads to end, so that they have time until [`Background::stop`].
    pub(crate) fn start_stopping(&self) {
        self.0.iter().for_each(BackgroundThread::start_stopping);
    }

    /// Waits for the threads, but not for what can be given up.
    pub(crate) fn stop(&self) {
        self.start_stopping();
        let until = Instant::now() + STOP_TIME_MAX;
        self.0.iter().for_each(|thread| thread.stop(until.saturating_duration_since(Instant::now())));
    }
}

/// Refreshes what workspaces keep of their items for lists, filters and searches.
pub(crate) fn start_refresher(engines: &[Arc<Engine>]) -> Result<BackgroundThread> {
    let engines = engines.to_vec();
    let refresh = move |signals: &Signals| {
        engines.iter().take_while(|_| !signals.is_stopping()).for_each(|engine| engine.refresh());
    };
    Ok(BackgroundThread::repeat("refresher", REFRESH_INTERVAL, refresh)?)
}

/// Trains each workspace when it is due, beside the traffic.
fn start_trainer(engines: &[Arc<Engine>], live: &LiveSettings) -> Result<BackgroundThread> {
    let live = Arc::clone(live);
    let mut engines: Vec<(Arc<Engine>, Instant)> =
        engines.iter().map(|engine| (Arc::clone(engine), Instant::now())).collect();
    let reconcile = move |signals: &Signals| {
        let settings = live.load().training.clone();
        if !settings.enabled {
            return;
        }
        for (engine, next_allowed) in engines.iter_mut().take_while(|_| !signals.is_stopping()) {
            if Instant::now() < *next_allowed
                || !engine.is_training_due(settings.new_share, settings.interval_max_s)
            {
                continue;
            }
            let interval_min = Duration::from_secs(settings.interval_min_s);
            let started = Instant::now();
            // Before the run, so that one that panics is not begun again at once.
            *next_allowed = started + interval_min;
            match engine.train(settings.options(), &|_| {}) {
                // Somebody else has started one.
                Ok(_) | Err(EngineError::TrainingUnderWay { .. }) => {}
                Err(error) => {
                    tracing::error!(workspace = %engine.id(), error = error.full_text(), "training failed");
                }
            }
            let rest = (started.elapsed() * TRAINING_REST_FACTOR).max(interval_min);
            *next_allowed = Instant::now() + rest;
        }
    };
    Ok(BackgroundThread::repeat("trainer", TRAINING_CHECK_INTERVAL, reconcile)?)
}

/// Reads all journals from time to time, so that damage is found while a backup of it is still there.
fn start_checker(engines: &[Arc<Engine>], settings: &Checks) -> Result<BackgroundThread> {
    let (engines, settings) = (engines.to_vec(), settings.clone());
    let check = move |signals: &Signals| {
        if signals.is_stopping() {
            return Next::End;
        }
        let started = Instant::now();
        check_journals(&engines, &settings, signals);
        Next::Rest(settings.interval().saturating_sub(started.elapsed()))
    };
    Ok(BackgroundThread::start("checker", check)?)
}

/// Reads every journal once, no faster than the settings say; ends early where it should stop.
fn check_journals(engines: &[Arc<Engine>], settings: &Checks, signals: &Signals) {
    let (started, mut n_bytes) = (Instant::now(), 0u64);
    for engine in engines {
        engine.check_journal(&mut |bytes| {
            n_bytes += bytes;
            let due = Duration::from_secs_f64(n_bytes as f64 / settings.bytes_per_s as f64);
            signals.rest(due.saturating_sub(started.elapsed()));
            if signals.is_stopping() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }
}

/// Makes models again without which workspaces were opened, until all are there.
fn start_remaking(mut lost: Vec<Arc<Engine>>) -> Result<BackgroundThread> {
    let remake = move |signals: &Signals| {
        lost.retain(|engine| {
            !signals.is_stopping()
                && engine.remake_lost_model().is_err_and(|error| {
                    let error = error.full_text();
                    tracing::error!(workspace = %engine.id(), error, "a lost model could not be made again");
                    true
                })
        });
        if signals.is_stopping() || lost.is_empty() { Next::End } else { Next::Rest(REMAKE_INTERVAL) }
    };
    Ok(BackgroundThread::start("remaking", remake)?)
}

#[cfg(test)]
mod tests {
    use domain::WorkspaceId;

    use super::*;

    #[test]
    fn a_check_keeps_to_its_rate() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let id = WorkspaceId::new("shop").expect("a right name");
        let engine = Arc::new(Engine::open(id, folder.path(), &|_, _| {}).expect("an empty folder opens"));
        engine.reset().expect("an entry is taken");
        let slow = Checks { bytes_per_s: 500, ..Checks::default() };
        let started = Instant::now();
        check_journals(&[engine], &slow, &Signals::default());
        // The header of a segment has 20 bytes, that of a block 32.
        assert!(started.elapsed() >= Duration::from_millis(104), "{:?}", started.elapsed());
    }
}
