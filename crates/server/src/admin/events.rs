//! `GET /api/workspaces/{workspace}/events`: events that no preset takes, and what would take them.

use axum::Json;
use engine::UnmatchedEvent;
use serde_json::{Value, json};

use super::Workspace;

/// All that are counted, the most frequent first; `would_be_taken_by` is null where no preset comes near.
pub(super) async fn read(Workspace(engine): Workspace) -> Json<Value> {
    let events: Vec<Value> =
        engine.snapshot().unmatched_events.all().iter().map(UnmatchedEvent::to_json).collect();
    Json(json!({ "not_taken": events }))
}
