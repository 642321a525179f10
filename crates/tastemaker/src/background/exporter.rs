//! Makes scheduled exports when they are due.

use std::sync::Arc;
use std::time::Duration;

use domain::WorkspaceId;
use engine::{BackgroundWork, Next, Signals, WorkResult};
use resources::exports::scheduled::run_due;
use web::App;

use super::STOP_TIME_MAX;

/// How often it looks whether an export is due.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);

pub(super) struct Exporter {
    app: Arc<App>,
}

impl Exporter {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

impl BackgroundWork for Exporter {
    fn name(&self) -> &'static str {
        "exports"
    }

    fn task(&self) -> &'static str {
        "Makes scheduled exports"
    }

    fn stop_time_max(&self) -> Duration {
        STOP_TIME_MAX
    }

    fn step(&mut self, signals: &Signals) -> Next {
        for engine in self.app.workspaces().each_engine() {
            let id = engine.id().clone();
            let due = engine.due_exports();
            // Nobody waits for an export to close a workspace.
            drop(engine);
            let names = match due {
                Ok(names) => names,
                Err(error) => {
                    signals.work_for(&id, || WorkResult::Failed(error.describe()));
                    continue;
                }
            };
            for name in names.into_iter().take_while(|_| !signals.is_stopping()) {
                signals.work_for(&id, || make(&self.app, &id, &name));
            }
        }
        Next::Rest(LOOK_INTERVAL)
    }
}

fn make(app: &Arc<App>, id: &WorkspaceId, name: &str) -> WorkResult {
    // It may have been closed since.
    let Ok(workspace) = app.workspaces.handle(id.as_str()) else {
        return WorkResult::NothingDone;
    };
    match run_due(app, &workspace, name) {
        Ok(()) => WorkResult::Succeeded,
        Err(error) => {
            tracing::warn!(workspace = %id, export = name, error = error.message, "an export failed");
            WorkResult::Failed(error.message)
        }
    }
}
