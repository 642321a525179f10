//! What the handlers share: the open workspaces, found by name or by write key.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::{Source, WorkspaceId};
use engine::{Engine, TrainingOptions};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;

use crate::error::ApiError;

/// Limits of the server, and how it trains when it is asked to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many requests may be under way at once.
    pub requests_max: usize,
    /// The largest catalog file that may be posted, in bytes.
    pub catalog_bytes_max: usize,
    /// Of the runs that the admin API starts.
    pub training: TrainingOptions,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            requests_max: 1_024,
            catalog_bytes_max: 256 * 1_024 * 1_024,
            training: TrainingOptions::default(),
        }
    }
}

/// The server's state.
pub struct App {
    pub(crate) settings: Settings,
    pub(crate) engines: BTreeMap<WorkspaceId, Arc<Engine>>,
    failed: Vec<(WorkspaceId, String)>,
    /// By write key.
    sources: BTreeMap<String, (Arc<Engine>, Source)>,
    pub(crate) admin_token_hash: Option<[u8; 32]>,
    pub(crate) metrics: PrometheusHandle,
    /// As many recommendations are computed at once as there are cores; more would only take turns with each other, and all end later.
    pub(crate) recommending: Arc<Semaphore>,
    n_requests: AtomicUsize,
    is_stopping: AtomicBool,
}

impl App {
    /// Serves these workspaces. No two of their sources have one write key: whoever configures them has checked that.
    pub fn new(
        settings: Settings,
        engines: Vec<Arc<Engine>>,
        admin_token_hash: Option<[u8; 32]>,
        metrics: PrometheusHandle,
    ) -> Self {
        let sources = engines.iter().flat_map(|engine| {
            let own = engine.config().sources.clone().into_iter();
            own.map(move |source| (source.write_key.clone(), (Arc::clone(engine), source)))
        });
        let n_cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            settings,
            sources: sources.collect(),
            engines: engines.into_iter().map(|engine| (engine.id().clone(), engine)).collect(),
            failed: Vec::new(),
            admin_token_hash,
            metrics,
            recommending: Arc::new(Semaphore::new(n_cores)),
            n_requests: AtomicUsize::new(0),
            is_stopping: AtomicBool::new(false),
        }
    }

    /// Knows of workspaces that could not be opened, and why.
    pub fn with_failed(mut self, failed: Vec<(WorkspaceId, String)>) -> Self {
        self.failed = failed;
        self
    }

    /// The workspaces that could not be opened, and why: a restart tries again.
    pub fn failed(&self) -> &[(WorkspaceId, String)] {
        &self.failed
    }

    /// Sums up samples of histograms: until somebody does, they gather. To be called every few seconds.
    pub fn keep_up_metrics(&self) {
        self.metrics.run_upkeep();
    }

    /// From now on `/readyz` says that the server is going away.
    pub fn start_stopping(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    pub(crate) fn engine(&self, workspace: &str) -> Option<&Arc<Engine>> {
        WorkspaceId::new(workspace).ok().and_then(|id| self.engines.get(&id))
    }

    pub(crate) fn source(&self, write_key: &str) -> Option<&(Arc<Engine>, Source)> {
        self.sources.get(write_key)
    }
}

/// Refuses requests beyond the limit before anything is read of them.
pub(crate) async fn limit_requests(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    struct UnderWay<'a>(&'a AtomicUsize);
    impl Drop for UnderWay<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let n = app.n_requests.fetch_add(1, Ordering::Relaxed);
    let _under_way = UnderWay(&app.n_requests);
    let is_operations = matches!(request.uri().path(), "/healthz" | "/readyz" | "/metrics");
    if n >= app.settings.requests_max && !is_operations {
        return ApiError::too_many_requests(format!(
            "{n} requests are under way, the limit is {}",
            app.settings.requests_max
        ))
        .into_response();
    }
    next.run(request).await
}
