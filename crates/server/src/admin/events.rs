//! `GET /api/workspaces/{workspace}/events`: events that no preset takes, and the presets that come
//! nearest.

use axum::Json;
use engine::UnmatchedEvent;
use serde_json::{Value, json};

use web::error::ApiError;
use web::workspaces::Workspace;

/// The most frequent event comes first; `would_be_taken_by` is null where no preset comes near.
pub(super) async fn read(Workspace(workspace): Workspace) -> Result<Json<Value>, ApiError> {
    let events = workspace.ask(|engine| Ok(engine.snapshot().unmatched_events.list())).await?;
    let events: Vec<Value> = events.iter().map(UnmatchedEvent::to_json).collect();
    Ok(Json(json!({ "not_taken": events })))
}
