//! Does what was asked for about people's data: regulations that are not at their end, also those
//! that an earlier process has begun.

use std::sync::Arc;
use std::time::Duration;

use engine::{BackgroundWork, Next, RegulationError, Signals, WorkResult, describe_error};
use resources::privacy::run_pending;
use web::App;

use super::STOP_TIME_MAX;

/// How often it is looked for regulations.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// The wait after one that could not be done, such as for lack of space.
const FAILURE_REST: Duration = Duration::from_secs(30);

pub(super) struct Regulator {
    app: Arc<App>,
}

impl Regulator {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

impl BackgroundWork for Regulator {
    fn name(&self) -> &'static str {
        "privacy"
    }

    fn task(&self) -> &'static str {
        "Deletes and suppresses people"
    }

    fn stop_time_max(&self) -> Duration {
        STOP_TIME_MAX
    }

    fn step(&mut self, signals: &Signals) -> Next {
        let mut has_failed = false;
        for engine in self.app.workspaces().each_engine().take_while(|_| !signals.is_stopping()) {
            signals.work_for(engine.id(), || match run_pending(&self.app, &engine) {
                Ok(true) => WorkResult::Succeeded,
                Ok(false) | Err(RegulationError::Interrupted) => WorkResult::NothingDone,
                Err(error) => {
                    has_failed = true;
                    let error = describe_error(&error);
                    tracing::error!(workspace = %engine.id(), error, "a regulation could not be done now");
                    WorkResult::Failed(error)
                }
            });
        }
        Next::Rest(if has_failed { FAILURE_REST } else { LOOK_INTERVAL })
    }
}
