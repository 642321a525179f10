//! What a server does beside its requests: it trains, refreshes, makes lost models again, and sums up metrics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use engine::{BackgroundThread, Engine, Next, Problem, Signals};
use server::App;

use crate::settings::{Settings, Training};

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
/// How long a stopping server waits for these threads once its requests are done. They were told to stop before; a training run or a
/// refresh under way is given up, since the next start does it again.
const STOP_TIME_MAX: Duration = Duration::from_secs(2);

/// The threads of a server.
pub(crate) struct Background(Vec<BackgroundThread>);

impl Background {
    pub(crate) fn start(app: &Arc<App>, engines: &[Arc<Engine>], settings: &Settings) -> Result<Self> {
        let mut threads = vec![start_refresher(engines)?];
        if settings.training.enabled {
            threads.push(start_trainer(engines, &settings.training)?);
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
fn start_trainer(engines: &[Arc<Engine>], settings: &Training) -> Result<BackgroundThread> {
    let settings = settings.clone();
    let mut engines: Vec<(Arc<Engine>, Instant)> =
        engines.iter().map(|engine| (Arc::clone(engine), Instant::now())).collect();
    let reconcile = move |signals: &Signals| {
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
            if let Err(error) = engine.train(settings.options(), &|_| {}) {
                tracing::error!(workspace = %engine.id(), error = error.full_text(), "training failed");
            }
            let rest = (started.elapsed() * TRAINING_REST_FACTOR).max(interval_min);
            *next_allowed = Instant::now() + rest;
        }
    };
    Ok(BackgroundThread::repeat("trainer", TRAINING_CHECK_INTERVAL, reconcile)?)
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
