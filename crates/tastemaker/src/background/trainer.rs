//! Trains each workspace when it is due, beside the traffic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::WorkspaceId;
use engine::{BackgroundWork, EngineError, Next, Signals, TrainingError};
use web::App;

use super::STOP_TIME_MAX;
use crate::reload::LiveSettings;

/// How often it looks whether a workspace is due.
const TRAINING_CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// After a run a workspace rests this many times as long as it took.
const TRAINING_REST_FACTOR: u32 = 3;

pub(super) struct Trainer {
    app: Arc<App>,
    live: LiveSettings,
    /// Before then a workspace is not trained again.
    next_allowed: BTreeMap<WorkspaceId, Instant>,
}

impl Trainer {
    pub(super) fn new(app: Arc<App>, live: LiveSettings) -> Self {
        Self { app, live, next_allowed: BTreeMap::new() }
    }
}

impl BackgroundWork for Trainer {
    fn name(&self) -> &'static str {
        "trainer"
    }

    fn stop_time_max(&self) -> Duration {
        STOP_TIME_MAX
    }

    fn step(&mut self, signals: &Signals) -> Next {
        let settings = self.live.load().training.clone();
        if !settings.enabled {
            return Next::Rest(TRAINING_CHECK_INTERVAL);
        }
        for engine in self.app.workspaces().each_engine().take_while(|_| !signals.is_stopping()) {
            if self.next_allowed.get(engine.id()).is_some_and(|next| Instant::now() < *next)
                || !engine.is_training_due(settings.new_share, settings.interval_max_s)
            {
                continue;
            }
            let interval_min = Duration::from_secs(settings.interval_min_s);
            let started = Instant::now();
            // Before the run, so that one that panics is not begun again at once.
            self.next_allowed.insert(engine.id().clone(), started + interval_min);
            match engine.train(settings.options(), &|_| {}) {
                // Another caller has started one.
                Ok(_) | Err(EngineError::Training(TrainingError::AlreadyRunning { .. })) => {}
                Err(error) => engine.report_failed_training(&error),
            }
            let rest = (started.elapsed() * TRAINING_REST_FACTOR).max(interval_min);
            self.next_allowed.insert(engine.id().clone(), Instant::now() + rest);
        }
        Next::Rest(TRAINING_CHECK_INTERVAL)
    }
}
