//! Makes models again without which workspaces were opened.

use std::sync::Arc;
use std::time::Duration;

use engine::{BackgroundWork, EngineError, Next, Signals, TrainingError, WorkResult};
use web::App;

use super::STOP_TIME_MAX;

/// How often it is looked for models that are lost, which may be one that could not be made again.
const REMAKE_INTERVAL: Duration = Duration::from_secs(60);

pub(super) struct Remaker {
    app: Arc<App>,
}

impl Remaker {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

impl BackgroundWork for Remaker {
    fn name(&self) -> &'static str {
        "remaking"
    }

    fn task(&self) -> &'static str {
        "Makes models again whose files are lost"
    }

    fn stop_time_max(&self) -> Duration {
        STOP_TIME_MAX
    }

    fn step(&mut self, signals: &Signals) -> Next {
        for engine in self.app.workspaces().each_engine().take_while(|_| !signals.is_stopping()) {
            signals.work_for(engine.id(), || match engine.remake_lost_model() {
                Ok(_) => WorkResult::Succeeded,
                // It is being closed, and opened without its model again.
                Err(EngineError::Training(TrainingError::Cancelled(_))) => WorkResult::NothingDone,
                Err(error) => {
                    let error = error.describe();
                    tracing::error!(workspace = %engine.id(), error, "a lost model could not be made again");
                    WorkResult::Failed(error)
                }
            });
        }
        Next::Rest(REMAKE_INTERVAL)
    }
}
