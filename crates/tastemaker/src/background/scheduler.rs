//! Does what is done again and again when it is due: scheduled exports and feeds of the catalog.

use std::sync::Arc;
use std::time::Duration;

use domain::WorkspaceId;
use engine::{BackgroundWork, Next, Scheduled, Signals, WorkResult};
use resources::{exports, feeds};
use web::App;

use super::STOP_TIME_MAX;

/// How often it looks whether something is due.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);

pub(super) struct Scheduler {
    app: Arc<App>,
    what: Scheduled,
}

impl Scheduler {
    pub(super) fn new(app: Arc<App>, what: Scheduled) -> Self {
        Self { app, what }
    }

    fn run(&self, id: &WorkspaceId, name: &str) -> WorkResult {
        // It may have been closed since.
        let Ok(workspace) = self.app.workspaces.handle(id.as_str()) else {
            return WorkResult::NothingDone;
        };
        let done = match self.what {
            Scheduled::Exports => exports::scheduled::run_due(&self.app, &workspace, name),
            Scheduled::Feeds => feeds::run_due(&self.app, &workspace, name),
        };
        match done {
            Ok(()) => WorkResult::Succeeded,
            Err(error) => {
                let (what, error) = (self.name(), error.message);
                tracing::warn!(workspace = %id, what, name, error, "scheduled work failed");
                WorkResult::Failed(error)
            }
        }
    }
}

impl BackgroundWork for Scheduler {
    fn name(&self) -> &'static str {
        match self.what {
            Scheduled::Exports => "exports",
            Scheduled::Feeds => "feeds",
        }
    }

    fn task(&self) -> &'static str {
        match self.what {
            Scheduled::Exports => "Makes scheduled exports",
            Scheduled::Feeds => "Fetches feeds of the catalog",
        }
    }

    fn stop_time_max(&self) -> Duration {
        STOP_TIME_MAX
    }

    fn step(&mut self, signals: &Signals) -> Next {
        for engine in self.app.workspaces().each_engine() {
            let id = engine.id().clone();
            let due = engine.due(self.what);
            // Nobody waits for the work to close a workspace.
            drop(engine);
            let names = match due {
                Ok(names) => names,
                Err(error) => {
                    signals.work_for(&id, || WorkResult::Failed(error.describe()));
                    continue;
                }
            };
            for name in names.into_iter().take_while(|_| !signals.is_stopping()) {
                signals.work_for(&id, || self.run(&id, &name));
            }
        }
        Next::Rest(LOOK_INTERVAL)
    }
}
