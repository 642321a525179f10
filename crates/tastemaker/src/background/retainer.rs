//! Cuts the beginnings of journals that are older than their workspaces keep them.

use std::sync::Arc;
use std::time::Duration;

use engine::{BackgroundWork, Engine, Next, RetentionError, Signals, WorkResult, describe_error};
use resources::retention::{is_cancelled, run_due};
use web::App;

use super::STOP_TIME_MAX;

/// How often it looks whether a workspace is due.
const LOOK_INTERVAL: Duration = Duration::from_secs(600);
/// The time between two runs of a workspace, in milliseconds: a day.
const RUN_INTERVAL_MS: i64 = 24 * 3_600 * 1_000;

pub(super) struct Retainer {
    app: Arc<App>,
}

impl Retainer {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

impl BackgroundWork for Retainer {
    fn name(&self) -> &'static str {
        "retention"
    }

    fn task(&self) -> &'static str {
        "Cuts what is older than workspaces keep it"
    }

    fn stop_time_max(&self) -> Duration {
        STOP_TIME_MAX
    }

    fn step(&mut self, signals: &Signals) -> Next {
        for engine in self.app.workspaces().each_engine().take_while(|_| !signals.is_stopping()) {
            signals.work_for(engine.id(), || run_if_due(&self.app, &engine));
        }
        Next::Rest(LOOK_INTERVAL)
    }
}

fn run_if_due(app: &App, engine: &Arc<Engine>) -> WorkResult {
    if engine.config().retention.is_none() {
        return WorkResult::NothingDone;
    }
    match engine.last_retention_run() {
        Ok(Some(last)) if engine.now().0 - last.ended_at.0 < RUN_INTERVAL_MS => {
            return WorkResult::NothingDone;
        }
        Ok(_) => {}
        Err(error) => return WorkResult::Failed(error.describe()),
    }
    match engine.confirm_time() {
        Ok(true) => {}
        // It is tried again with the next look.
        Ok(false) => return WorkResult::NothingDone,
        Err(error) => return WorkResult::Failed(error.describe()),
    }
    match run_due(app, engine) {
        Ok(_) => WorkResult::Succeeded,
        // Somebody has started one, or has cancelled this one, or switched it off.
        Err(RetentionError::AlreadyRunning | RetentionError::NotSet) => WorkResult::NothingDone,
        Err(error) if is_cancelled(&error) => WorkResult::NothingDone,
        Err(error) => {
            let text = describe_error(&error);
            tracing::error!(workspace = %engine.id(), error = text, "retention failed");
            WorkResult::Failed(text)
        }
    }
}
