//! `POST` and `GET /api/workspaces/{workspace}/training`: train now, or see the last run.

use axum::Json;
use serde_json::{Value, json};

use super::Workspace;
use crate::error::ApiError;

/// Trains beside the traffic and answers when the new model is in use.
pub(super) async fn run(Workspace(engine): Workspace) -> Result<Json<Value>, ApiError> {
    let training = tokio::task::spawn_blocking(move || engine.train(&|_| {})).await??;
    Ok(Json(json!({ "training": training })))
}

pub(super) async fn read(Workspace(engine): Workspace) -> Json<Value> {
    Json(json!({ "training": engine.training() }))
}
