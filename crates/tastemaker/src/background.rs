//! The work of a server beside its requests: one list, one file each.

mod checker;
mod metrics;
mod refresher;
mod regulator;
mod remaker;
mod reopener;
mod retainer;
mod scheduler;
mod trainer;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use engine::{BackgroundThread, Scheduled};

use self::checker::Checker;
use self::metrics::MetricsKeeper;
pub(crate) use self::refresher::Refresher;
use self::regulator::Regulator;
use self::remaker::Remaker;
use self::reopener::Reopener;
use self::retainer::Retainer;
use self::scheduler::Scheduler;
use self::trainer::Trainer;
use crate::reload::LiveSettings;
use crate::service::Service;

/// How long a stopping server waits for these threads once its requests are done. They were told to
/// stop before; a training run or a refresh under way is given up, since the next start does it
/// again.
const STOP_TIME_MAX: Duration = Duration::from_secs(2);

/// The threads of a server.
pub(crate) struct Background(Vec<BackgroundThread>);

impl Background {
    pub(crate) fn start(service: &Service, live: &LiveSettings) -> Result<Self> {
        let app = || Arc::clone(&service.app);
        let mut threads = vec![
            BackgroundThread::start(Refresher::new(app()))?,
            BackgroundThread::start(Trainer::new(app(), Arc::clone(live)))?,
            BackgroundThread::start(Remaker::new(app()))?,
            BackgroundThread::start(Regulator::new(app()))?,
            BackgroundThread::start(Reopener::new(app(), Arc::clone(&service.opener)))?,
            BackgroundThread::start(Retainer::new(app()))?,
            BackgroundThread::start(Scheduler::new(app(), Scheduled::Exports))?,
            BackgroundThread::start(Scheduler::new(app(), Scheduled::Feeds))?,
            BackgroundThread::start(MetricsKeeper::new(app()))?,
        ];
        let checks = live.load().checks.clone();
        if checks.enabled {
            threads.push(BackgroundThread::start(Checker::new(app(), checks))?);
        }
        service.app.background.watch(&threads);
        Ok(Self(threads))
    }

    /// Tells all threads to end, so that they have time until [`Background::stop`].
    pub(crate) fn start_stopping(&self) {
        self.0.iter().for_each(BackgroundThread::start_stopping);
    }

    /// Waits for the threads, but not for what can be given up.
    pub(crate) fn stop(&self) {
        BackgroundThread::stop_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use arc_swap::ArcSwap;
    use engine::Activity;

    use super::*;
    use crate::settings::Settings;

    #[test]
    fn every_work_is_named_in_the_metrics_and_stops_within_its_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::default();
        let service = Service::open(folder.path(), None, &settings).unwrap();
        let live = LiveSettings::new(ArcSwap::from_pointee(settings));
        let background = Background::start(&service, &live).unwrap();
        let text = service.app.metrics_text();
        for thread in &background.0 {
            let name = thread.name();
            let metric = format!("background_panics_total{{thread=\"{name}\"}}");
            assert!(text.contains(&metric), "{name}: {text}");
            assert!(thread.stop(), "{name}");
        }
        assert_eq!(background.0.len(), 10);
        let watched = service.app.background.statuses();
        let names: Vec<_> = watched.iter().map(|status| status.name).collect();
        assert_eq!(names, background.0.iter().map(BackgroundThread::name).collect::<Vec<_>>());
        assert!(watched.iter().all(|status| status.activity == Activity::Ended), "{watched:?}");
        service.close();
    }
}
