//! Refreshes what workspaces keep of their items for lists, filters and searches.

use std::sync::Arc;
use std::time::Duration;

use engine::{BackgroundWork, Next, Signals, WorkResult};
use web::App;

use super::STOP_TIME_MAX;

/// How often search indexes and filters follow what has changed: half of the second within which it
/// can be found.
const REFRESH_INTERVAL: Duration = Duration::from_millis(500);

pub(crate) struct Refresher {
    app: Arc<App>,
}

impl Refresher {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

impl BackgroundWork for Refresher {
    fn name(&self) -> &'static str {
        "refresher"
    }

    fn task(&self) -> &'static str {
        "Keeps up what lists, filters and searches know of items"
    }

    fn stop_time_max(&self) -> Duration {
        STOP_TIME_MAX
    }

    fn step(&mut self, signals: &Signals) -> Next {
        for engine in self.app.workspaces().each_engine().take_while(|_| !signals.is_stopping()) {
            signals.work_for(engine.id(), || {
                engine.refresh();
                WorkResult::Succeeded
            });
        }
        Next::Rest(REFRESH_INTERVAL)
    }
}
