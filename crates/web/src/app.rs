//! The state that handlers share: the workspaces, the limits on callers and the metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use engine::{
    DataFolder, EngineOptions, MemoryBudget, RequestBudget, RequestLimits, TrainingOptions,
};
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::Workspaces;
use crate::access::{Access, PasswordGate};
use crate::admission::{Admission, CallerLimits};
use crate::background::BackgroundLogs;
use crate::browser_library::BrowserLibrary;
use crate::connections::Connections;
use crate::jobs::Jobs;
use crate::slow_requests::SlowRequests;
use crate::streams::Streams;

/// Limits of the server, and the options of training runs that the admin API starts.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Limits on callers.
    pub callers: CallerLimits,
    /// The largest catalog file that may be posted, in bytes.
    pub catalog_bytes_max: usize,
    /// The options of training runs that the admin API starts.
    pub training: TrainingOptions,
    /// How long the removal of a workspace waits for requests that use it.
    pub removal_wait_max: Duration,
    /// The account that everybody who opens the console is signed in to: only of the demo.
    pub visitor: Option<String>,
    /// The library that pages load from this host, where the operator has given one.
    pub browser_library: Option<Arc<BrowserLibrary>>,
}

/// The default of [`Settings::removal_wait_max`].
const REMOVAL_WAIT_MAX: Duration = Duration::from_secs(10);

impl Default for Settings {
    fn default() -> Self {
        Self {
            callers: CallerLimits::default(),
            catalog_bytes_max: 256 * 1_024 * 1_024,
            training: TrainingOptions::default(),
            removal_wait_max: REMOVAL_WAIT_MAX,
            visitor: None,
            browser_library: None,
        }
    }
}

/// The data folder that is served, and the options for opening its workspaces.
pub struct Installation {
    /// The folder, with accounts and API keys.
    pub data: Arc<DataFolder>,
    /// The options of workspaces that are created while the server runs. Its clock stamps arriving
    /// messages.
    pub options: EngineOptions,
}

/// The server's state.
pub struct App {
    /// The limits.
    pub settings: Settings,
    /// The open and closed workspaces.
    pub workspaces: Arc<Workspaces>,
    /// The memory budget that all workspaces share.
    pub memory: Arc<MemoryBudget>,
    /// The options of training runs that the admin API starts.
    pub training: ArcSwap<TrainingOptions>,
    /// The data folder and the options of workspaces.
    pub installation: Installation,
    /// Held while any configuration changes: write keys are unique among all workspaces.
    pub configuring: Mutex<()>,
    /// The metrics of this process.
    pub metrics: PrometheusHandle,
    /// The limits on requests under way.
    pub admission: Arc<Admission>,
    /// What callers are known by.
    pub access: Arc<Access>,
    /// The answers that go on until the caller leaves.
    pub streams: Arc<Streams>,
    /// Those of pages that wait for in-app messages.
    pub page_streams: Arc<Streams>,
    /// The open connections.
    pub connections: Arc<Connections>,
    /// The latest requests that took long.
    pub slow_requests: SlowRequests,
    /// How the background threads are doing.
    pub background: BackgroundLogs,
    /// Long work of workspaces.
    pub jobs: Jobs,
    is_stopping: Arc<AtomicBool>,
    stopping: watch::Sender<bool>,
}

impl App {
    /// Serves these workspaces, which share the memory budget of the installation's options.
    pub fn new(
        settings: Settings,
        workspaces: Workspaces,
        installation: Installation,
        metrics: PrometheusHandle,
    ) -> Self {
        if let Err(error) = installation.data.remove_job_files() {
            tracing::warn!(%error, "files of earlier exports stay");
        }
        let memory = Arc::clone(&installation.options.memory);
        let callers = settings.callers.clone();
        let admission = Arc::new(Admission::new(callers.clone(), Arc::clone(&memory)));
        let access = Access {
            data: Arc::clone(&installation.data),
            clock: Arc::clone(&installation.options.clock),
            callers,
            admission: Arc::clone(&admission),
            passwords: PasswordGate::default(),
        };
        let is_stopping = Arc::<AtomicBool>::default();
        Self {
            admission,
            access: Arc::new(access),
            jobs: Jobs::new(Arc::clone(&installation.options.clock), Arc::clone(&is_stopping)),
            training: ArcSwap::from_pointee(settings.training),
            settings,
            workspaces: Arc::new(workspaces),
            memory,
            installation,
            configuring: Mutex::new(()),
            metrics,
            streams: Arc::default(),
            page_streams: Arc::new(Streams::of_pages()),
            connections: Arc::default(),
            slow_requests: SlowRequests::default(),
            background: BackgroundLogs::default(),
            is_stopping,
            stopping: watch::Sender::new(false),
        }
    }

    /// The open and closed workspaces.
    pub fn workspaces(&self) -> &Workspaces {
        &self.workspaces
    }

    /// Takes over changes while the server runs: the sources of all workspaces, and the options of
    /// training runs.
    pub fn reload(&self, training: TrainingOptions) {
        self.workspaces.reload_sources();
        self.training.store(Arc::new(training));
    }

    /// Sums up the samples of histograms, which accumulate until then, and forgets jobs that ended
    /// too long ago. Should be called every few seconds.
    pub fn keep_up(&self) {
        self.metrics.run_upkeep();
        self.jobs.forget_old();
    }

    /// The metrics of this process as in `/metrics`, without the gauges that each call of it sets.
    pub fn metrics_text(&self) -> String {
        self.metrics.render()
    }

    /// Announces the stop: `/readyz` answers that the server stops, and long work for requests
    /// ends.
    pub fn start_stopping(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        self.stopping.send_replace(true);
    }

    /// Resolves when the stop is announced.
    pub async fn stopped(&self) {
        // The sender lives as long as this.
        self.stopping.subscribe().wait_for(|is_stopping| *is_stopping).await.ok();
    }

    /// Whether the stop is announced.
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// The budget of a request that begins now.
    pub fn budget(&self, limits: RequestLimits) -> Arc<RequestBudget> {
        Arc::new(RequestBudget::new(limits, Arc::clone(&self.is_stopping)))
    }

    /// The budget of a request from a server, or of an administrator, that begins now.
    pub fn private_budget(&self) -> Arc<RequestBudget> {
        self.budget(self.settings.callers.private)
    }
}
