//! Sums up samples of histograms, which gather until then, some bytes each.

use std::sync::Arc;
use std::time::Duration;

use engine::{BackgroundWork, Next, Signals};
use web::App;

use super::STOP_TIME_MAX;

/// How often samples of histograms are summed up.
const METRICS_INTERVAL: Duration = Duration::from_secs(5);

pub(super) struct MetricsKeeper {
    app: Arc<App>,
}

impl MetricsKeeper {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

impl BackgroundWork for MetricsKeeper {
    fn name(&self) -> &'static str {
        "metrics"
    }

    fn task(&self) -> &'static str {
        "Sums up metrics, and forgets old jobs"
    }

    fn stop_time_max(&self) -> Duration {
        STOP_TIME_MAX
    }

    fn step(&mut self, _signals: &Signals) -> Next {
        self.app.keep_up();
        Next::Rest(METRICS_INTERVAL)
    }
}
