//! What a server does beside its requests: it trains, refreshes, checks journals, makes lost models again, opens
//! workspaces again, and sums up metrics.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use domain::WorkspaceId;
use engine::{BackgroundThread, Engine, EngineError, Health, Next, Signals};
use server::App;

use crate::opener::start_reopener;
use crate::reload::LiveSettings;
use crate::service::Service;
use crate::settings::Checks;

/// How often the reconciler looks whether a workspace is due.
const TRAINING_CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// After a run the reconciler rests this many times as long as it took.
const TRAINING_REST_FACTOR: u32 = 3;
/// How often search indexes and filters follow what has changed: half of the second within which it can be found.
const REFRESH_INTERVAL: Duration = Duration::from_millis(500);
/// How often it is looked for models that are lost, which may be one that could not be made again.
const REMAKE_INTERVAL: Duration = Duration::from_secs(60);
/// How often samples of histograms are summed up; they gather meanwhile, some bytes each.
const METRICS_INTERVAL: Duration = Duration::from_secs(5);
/// How long a stopping server waits for these threads once its requests are done. They were told to stop
/// before; a training run or a refresh under way is given up, since the next start does it again.
const STOP_TIME_MAX: Duration = Duration::from_secs(2);

/// The threads of a server.
pub(crate) struct Background(Vec<BackgroundThread>);

impl Background {
    pub(crate) fn start(service: &Service, live: &LiveSettings) -> Result<Self> {
        let (app, settings) = (&service.app, live.load_full());
        let mut threads = vec![
            start_refresher(app)?,
            start_trainer(app, live)?,
            start_remaking(app)?,
            start_reopener(app, &service.opener)?,
        ];
        if settings.checks.enabled {
            threads.push(start_checker(app, &settings.checks)?);
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
pub(crate) fn start_refresher(app: &Arc<App>) -> Result<BackgroundThread> {
    let app = Arc::clone(app);
    let refresh = move |signals: &Signals| {
        app.workspaces()
            .each_engine()
            .take_while(|_| !signals.is_stopping())
            .for_each(|engine| engine.refresh());
    };
    Ok(BackgroundThread::repeat("refresher", REFRESH_INTERVAL, refresh)?)
}

/// Trains each workspace when it is due, beside the traffic.
fn start_trainer(app: &Arc<App>, live: &LiveSettings) -> Result<BackgroundThread> {
    let (app, live) = (Arc::clone(app), Arc::clone(live));
    let mut next_allowed: BTreeMap<WorkspaceId, Instant> = BTreeMap::new();
    let reconcile = move |signals: &Signals| {
        let settings = live.load().training.clone();
        if !settings.enabled {
            return;
        }
        for engine in app.workspaces().each_engine().take_while(|_| !signals.is_stopping()) {
            if next_allowed.get(engine.id()).is_some_and(|next| Instant::now() < *next)
                || !engine.is_training_due(settings.new_share, settings.interval_max_s)
            {
                continue;
            }
            let interval_min = Duration::from_secs(settings.interval_min_s);
            let started = Instant::now();
            // Before the run, so that one that panics is not begun again at once.
            next_allowed.insert(engine.id().clone(), started + interval_min);
            match engine.train(settings.options(), &|_| {}) {
                // Somebody else has started one.
                Ok(_) | Err(EngineError::TrainingUnderWay { .. }) => {}
                Err(error) => engine.report_failed_training(&error),
            }
            let rest = (started.elapsed() * TRAINING_REST_FACTOR).max(interval_min);
            next_allowed.insert(engine.id().clone(), Instant::now() + rest);
        }
    };
    Ok(BackgroundThread::repeat("trainer", TRAINING_CHECK_INTERVAL, reconcile)?)
}

/// Reads all journals from time to time, so that damage is found while a backup of it is still there.
fn start_checker(app: &Arc<App>, settings: &Checks) -> Result<BackgroundThread> {
    let (app, settings) = (Arc::clone(app), settings.clone());
    let check = move |signals: &Signals| {
        if signals.is_stopping() {
            return Next::End;
        }
        let started = Instant::now();
        check_journals(app.workspaces().each_engine(), &settings, signals);
        Next::Rest(settings.interval().saturating_sub(started.elapsed()))
    };
    Ok(BackgroundThread::start("checker", check)?)
}

/// Reads every journal once, no faster than the settings say; ends early where it should stop.
fn check_journals(engines: impl Iterator<Item = Arc<Engine>>, settings: &Checks, signals: &Signals) {
    let (started, mut n_bytes) = (Instant::now(), 0u64);
    for engine in engines {
        engine.check_journal(&mut |bytes| {
            n_bytes += bytes;
            let due = Duration::from_secs_f64(n_bytes as f64 / settings.bytes_per_s as f64);
            signals.rest(due.saturating_sub(started.elapsed()));
            // One that takes nothing any more waits to be opened again.
            let is_over = signals.is_stopping() || matches!(engine.health(), Health::Broken(_));
            if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }
}

/// Makes models again without which workspaces were opened.
fn start_remaking(app: &Arc<App>) -> Result<BackgroundThread> {
    let app = Arc::clone(app);
    let remake = move |signals: &Signals| {
        for engine in app.workspaces().each_engine().take_while(|_| !signals.is_stopping()) {
            match engine.remake_lost_model() {
                // It is being closed, and opened without its model again.
                Ok(_) | Err(EngineError::TrainingCancelled(_)) => {}
                Err(error) => {
                    let error = error.full_text();
                    tracing::error!(workspace = %engine.id(), error, "a lost model could not be made again");
                }
            }
        }
    };
    Ok(BackgroundThread::repeat("remaking", REMAKE_INTERVAL, remake)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_keeps_to_its_rate() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let id = WorkspaceId::new("shop").expect("a right name");
        let engine = Arc::new(Engine::open(id, folder.path(), &|_, _| {}).expect("an empty folder opens"));
        engine.reset().expect("an entry is taken");
        let slow = Checks { bytes_per_s: 500, ..Checks::default() };
        let started = Instant::now();
        check_journals([engine].into_iter(), &slow, &Signals::default());
        // The header of a segment has 20 bytes, that of a block 32.
        assert!(started.elapsed() >= Duration::from_millis(104), "{:?}", started.elapsed());
    }
}
