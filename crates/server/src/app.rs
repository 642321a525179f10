//! What the handlers share: the open workspaces, found by name or by write key, and the limits on callers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use domain::{Source, WorkspaceId};
use engine::{Engine, MemoryBudget, RequestBudget, RequestLimits, TrainingOptions};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::admission::{Admission, CallerLimits};
use crate::auth;
use crate::error::ApiError;

/// Limits of the server, and how it trains when it is asked to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Limits on callers.
    pub callers: CallerLimits,
    /// The largest catalog file that may be posted, in bytes.
    pub catalog_bytes_max: usize,
    /// Of the runs that the admin API starts.
    pub training: TrainingOptions,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            callers: CallerLimits::default(),
            catalog_bytes_max: 256 * 1_024 * 1_024,
            training: TrainingOptions::default(),
        }
    }
}

type Sources = BTreeMap<[u8; 32], Arc<(Arc<Engine>, Source)>>;

fn sources_of<'e>(engines: impl IntoIterator<Item = &'e Arc<Engine>>) -> Arc<Sources> {
    let of_engine = |engine: &Arc<Engine>| {
        let own = engine.config().sources.clone().into_iter();
        let engine = Arc::clone(engine);
        own.map(move |source| (auth::hash(&source.write_key), Arc::new((Arc::clone(&engine), source))))
    };
    Arc::new(engines.into_iter().flat_map(of_engine).collect())
}

/// The server's state.
pub struct App {
    pub(crate) settings: Settings,
    pub(crate) engines: BTreeMap<WorkspaceId, Arc<Engine>>,
    failed: Vec<(String, String)>,
    /// By the hash of the write key, so that the time of looking one up tells nothing of the keys.
    sources: ArcSwap<Sources>,
    /// Of the runs that the admin API starts.
    pub(crate) training: ArcSwap<TrainingOptions>,
    pub(crate) admin_token_hash: ArcSwap<Option<[u8; 32]>>,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) admission: Arc<Admission>,
    is_stopping: Arc<AtomicBool>,
}

impl App {
    /// Serves these workspaces. No two of their sources have one write key: whoever configures them has checked that.
    pub fn new(
        settings: Settings,
        engines: Vec<Arc<Engine>>,
        admin_token_hash: Option<[u8; 32]>,
        metrics: PrometheusHandle,
    ) -> Self {
        // All workspaces share one budget.
        let memory = engines
            .first()
            .map_or_else(|| Arc::new(MemoryBudget::default()), |engine| Arc::clone(engine.memory()));
        Self {
            admission: Arc::new(Admission::new(settings.callers.clone(), memory)),
            training: ArcSwap::from_pointee(settings.training),
            settings,
            sources: sources_of(&engines).into(),
            engines: engines.into_iter().map(|engine| (engine.id().clone(), engine)).collect(),
            failed: Vec::new(),
            admin_token_hash: ArcSwap::from_pointee(admin_token_hash),
            metrics,
            is_stopping: Arc::default(),
        }
    }

    /// Knows of workspaces that could not be opened, by name, and why.
    pub fn with_failed(mut self, failed: Vec<(String, String)>) -> Self {
        self.failed = failed;
        self
    }

    /// The workspaces that could not be opened, and why: a restart tries again.
    pub fn failed(&self) -> &[(String, String)] {
        &self.failed
    }

    /// The open workspaces.
    pub fn engines(&self) -> Vec<Arc<Engine>> {
        self.engines.values().cloned().collect()
    }

    /// Takes over what may have changed while it serves: the sources of all workspaces, the administrators' token, and how models are
    /// trained.
    pub fn reload(&self, admin_token_hash: Option<[u8; 32]>, training: TrainingOptions) {
        self.sources.store(sources_of(self.engines.values()));
        self.admin_token_hash.store(Arc::new(admin_token_hash));
        self.training.store(Arc::new(training));
    }

    /// Sums up samples of histograms: until somebody does, they gather. To be called every few seconds.
    pub fn keep_up_metrics(&self) {
        self.metrics.run_upkeep();
    }

    /// From now on `/readyz` says that the server is going away, and long work for requests ends.
    pub fn start_stopping(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// The budget of a request that begins now.
    pub(crate) fn budget(&self, limits: RequestLimits) -> Arc<RequestBudget> {
        Arc::new(RequestBudget::new(limits, Arc::clone(&self.is_stopping)))
    }

    pub(crate) fn engine(&self, workspace: &str) -> Option<&Arc<Engine>> {
        WorkspaceId::new(workspace).ok().and_then(|id| self.engines.get(&id))
    }

    /// 503 for a workspace that could not be opened: it may be mended, so nobody is told that it is not there.
    pub(crate) fn refuse_failed(&self, workspace: &str) -> Option<ApiError> {
        let failed = self.failed.iter().find(|(id, _)| id == workspace);
        failed.map(|(id, _)| {
            ApiError::unavailable(format!("workspace {id} could not be opened; /readyz says why"))
        })
    }

    pub(crate) fn source(&self, write_key: &str) -> Option<Arc<(Arc<Engine>, Source)>> {
        self.sources.load().get(&auth::hash(write_key)).cloned()
    }
}
