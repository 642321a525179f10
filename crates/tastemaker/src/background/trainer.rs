//! Trains each workspace when it is due, beside the traffic.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::WorkspaceId;
use engine::{
    BackgroundWork, Engine, EngineError, Next, Signals, TrainingError, TrainingOptions,
    TrainingRunState, WorkResult,
};
use resources::training::run_due;
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
    /// The workspaces that this thread has begun to train and not trained.
    untrained: BTreeSet<WorkspaceId>,
}

impl Trainer {
    pub(super) fn new(app: Arc<App>, live: LiveSettings) -> Self {
        Self { app, live, next_allowed: BTreeMap::new(), untrained: BTreeSet::new() }
    }
}

impl BackgroundWork for Trainer {
    fn name(&self) -> &'static str {
        "trainer"
    }

    fn task(&self) -> &'static str {
        "Trains the models of workspaces that are due"
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
            if self.untrained.contains(engine.id()) && has_been_trained(&engine) {
                self.untrained.remove(engine.id());
                signals.work_for(engine.id(), || WorkResult::Succeeded);
            }
            if self.next_allowed.get(engine.id()).is_some_and(|next| Instant::now() < *next)
                || !engine.is_training_due(settings.new_share, settings.interval_max_s)
            {
                continue;
            }
            let interval_min = Duration::from_secs(settings.interval_min_s);
            let started = Instant::now();
            // Before the run, so that one that panics is not begun again at once.
            self.next_allowed.insert(engine.id().clone(), started + interval_min);
            self.untrained.insert(engine.id().clone());
            signals.work_for(engine.id(), || train(&self.app, &engine, settings.options()));
            let rest = (started.elapsed() * TRAINING_REST_FACTOR).max(interval_min);
            self.next_allowed.insert(engine.id().clone(), Instant::now() + rest);
        }
        Next::Rest(TRAINING_CHECK_INTERVAL)
    }
}

fn train(app: &App, engine: &Arc<Engine>, options: TrainingOptions) -> WorkResult {
    match run_due(app, engine, options) {
        Ok(_) => WorkResult::Succeeded,
        // Another caller has started one, or somebody has cancelled this one.
        Err(EngineError::Training(
            TrainingError::AlreadyRunning { .. } | TrainingError::Cancelled(_),
        )) => WorkResult::NothingDone,
        Err(error) => WorkResult::Failed(error.describe()),
    }
}

/// Whether the last run has ended well, whoever started it.
fn has_been_trained(engine: &Engine) -> bool {
    let last = engine.last_training_run();
    last.is_some_and(|run| matches!(run.state, TrainingRunState::Done { .. }))
}
