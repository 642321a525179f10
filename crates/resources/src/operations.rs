//! Sizes, lag, memory, problems, background work and slow requests of a workspace, for whoever
//! operates the server.

use std::sync::Arc;

use domain::Timestamp;
use engine::{CheckProgress, DiskUse, Engine, Health, QUEUE_BYTES_MAX, TrainingRun};
use serde::Serialize;
use web::access::Caller;
use web::admission::AdmissionUse;
use web::error::ApiError;
use web::slow_requests::{SLOW_REQUEST, SlowRequest};
use web::streams::{STREAMS_MAX, STREAMS_PER_ACCOUNT_MAX};
use web::workspaces::RequestedWorkspace;
use web::{App, ConnectionUse};

use crate::background::{self, BackgroundThread};

/// A workspace and the server around it, as operators see them.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Operations {
    /// The time of the answer.
    pub at: Timestamp,
    /// Whether entries are taken.
    pub ready: bool,
    /// What hinders the workspace.
    pub problems: Vec<String>,
    /// The sizes of its files: at most half a minute old.
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
    /// The open connections of the whole server; none while it listens nowhere.
    pub connections: Option<ConnectionUse>,
    /// Answers that go on until the caller leaves, of the whole server.
    pub streams: StreamUse,
    /// The training run under way, or the last one since the server started.
    pub training: Option<TrainingRun>,
    /// The background threads: those that work for all workspaces, and those of this one. What
    /// failed for workspaces that the caller may not see is left out.
    pub background: Vec<BackgroundThread>,
    /// The check of the journal for damage that is under way, or the last one since the workspace
    /// was opened.
    pub journal_check: Option<JournalCheck>,
    /// A request that took the server longer is slow, in milliseconds.
    pub slow_request_ms: u64,
    /// The latest slow requests for this workspace, newest first. Callers of all workspaces get
    /// those too of which it is not known which workspace they were for.
    pub slow_requests: Vec<SlowRequest>,
}

/// The streams that are open now, and how many there may be.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
pub struct StreamUse {
    /// Open streams: live pages, and calls that follow messages as they arrive.
    pub open: usize,
    /// The most streams that may be open.
    pub max: usize,
    /// The most that may be open for one account or API key.
    pub per_account_max: usize,
}

/// A check of a journal for damage.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
pub struct JournalCheck {
    /// When it began.
    pub started_at: Timestamp,
    /// The share of the journal that is read, from 0 to 1.
    pub share: f64,
    /// When it ended; none while it is under way.
    pub ended_at: Option<Timestamp>,
    /// Whether it has read the whole journal. Damage that it found is among the problems.
    pub is_complete: bool,
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
/// 503 where the workspace is closed, and where its files cannot be measured.
pub async fn read(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    caller: &Caller,
) -> Result<Operations, ApiError> {
    let (app, caller) = (Arc::clone(app), caller.clone());
    workspace.run(move |engine| Operations::new(&app, engine, &caller)).await
}

impl Operations {
    fn new(app: &App, engine: &Engine, caller: &Caller) -> Result<Self, ApiError> {
        let (store_cache_bytes, store_unflushed_bytes) = engine.store_bytes();
        let part = |(part, bytes): (engine::MemoryPart, usize)| MemoryUse {
            part: part.name(),
            bytes: bytes as u64,
            bytes_max: app.memory.share(part) as u64,
        };
        let sees_all = caller.grant.workspaces.is_none();
        let is_own = |request: &SlowRequest| match &request.workspace {
            Some(workspace) => workspace == engine.id(),
            None => sees_all,
        };
        Ok(Self {
            at: engine.now(),
            ready: engine.health() == Health::Ready,
            problems: engine.problems().iter().map(ToString::to_string).collect(),
            disk: engine.disk_use()?,
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
            connections: app.connections.usage(),
            streams: StreamUse {
                open: app.streams.n_open(),
                max: STREAMS_MAX,
                per_account_max: STREAMS_PER_ACCOUNT_MAX,
            },
            training: engine.last_training_run(),
            background: background::list(app, engine, |id| {
                caller.grant.covers(id.as_str()) && app.workspaces.knows(id)
            }),
            journal_check: engine.journal_check().map(JournalCheck::from),
            slow_request_ms: SLOW_REQUEST.as_millis() as u64,
            slow_requests: app.slow_requests.list(is_own),
        })
    }
}

impl From<CheckProgress> for JournalCheck {
    fn from(check: CheckProgress) -> Self {
        let CheckProgress { started_at, share, ended_at, is_complete } = check;
        Self { started_at, share, ended_at, is_complete }
    }
}
