//! Sizes, lag, memory and problems of a workspace, for whoever operates the server.

use std::sync::Arc;

use domain::Timestamp;
use engine::{DiskUse, Engine, Health, QUEUE_BYTES_MAX, TrainingRun};
use serde::Serialize;
use web::App;
use web::admission::AdmissionUse;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

/// A workspace and the server around it, as operators see them.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Operations {
    /// The time of the answer.
    pub at: Timestamp,
    /// Whether entries are taken.
    pub ready: bool,
    /// What hinders the workspace.
    pub problems: Vec<String>,
    /// The sizes of its files.
    pub disk: DiskUse,
    /// The number of journal entries that the fold has not applied yet.
    pub fold_lag: u64,
    /// Bytes of entries that wait for the journal.
    pub queued_bytes: u64,
    /// The most bytes that may wait.
    pub queued_bytes_max: u64,
    /// Memory of the workspace's own.
    pub memory: WorkspaceMemory,
    /// The memory budget that all workspaces share, by part.
    pub budget: Vec<MemoryUse>,
    /// The most bytes of the budget.
    pub budget_bytes_max: u64,
    /// Requests under way and turns in use, of the whole server.
    pub requests: AdmissionUse,
    /// The training run under way, or the last one since the server started.
    pub training: Option<TrainingRun>,
}

/// Memory of one workspace, in bytes.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
pub struct WorkspaceMemory {
    /// Blocks of the store that were read.
    pub store_cache_bytes: u64,
    /// Writes to the store that are in no table yet.
    pub store_unflushed_bytes: u64,
    /// Message ids of the last one to two days.
    pub message_ids_bytes: u64,
}

/// A part of the memory budget.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
pub struct MemoryUse {
    /// The part, as in the metrics.
    pub part: &'static str,
    /// Bytes that it takes.
    pub bytes: u64,
    /// The most bytes that it may take.
    pub bytes_max: u64,
}

/// Says how a workspace and the server around it run.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn read(app: &Arc<App>, workspace: &RequestedWorkspace) -> Result<Operations, ApiError> {
    let app = Arc::clone(app);
    workspace.run(move |engine| Operations::new(&app, engine)).await
}

impl Operations {
    fn new(app: &App, engine: &Engine) -> Result<Self, ApiError> {
        let (store_cache_bytes, store_unflushed_bytes) = engine.store_bytes();
        let part = |(part, bytes): (engine::MemoryPart, usize)| MemoryUse {
            part: part.name(),
            bytes: bytes as u64,
            bytes_max: app.memory.share(part) as u64,
        };
        Ok(Self {
            at: engine.now(),
            ready: engine.health() == Health::Ready,
            problems: engine.problems().iter().map(ToString::to_string).collect(),
            disk: engine.measure_disk()?,
            fold_lag: engine.fold_lag(),
            queued_bytes: engine.counts().queued_bytes,
            queued_bytes_max: QUEUE_BYTES_MAX as u64,
            memory: WorkspaceMemory {
                store_cache_bytes,
                store_unflushed_bytes,
                message_ids_bytes: engine.message_ids_bytes(),
            },
            budget: app.memory.bytes_by_part().map(part).to_vec(),
            budget_bytes_max: app.memory.bytes_max() as u64,
            requests: app.admission.usage(),
            training: engine.last_training_run(),
        })
    }
}
