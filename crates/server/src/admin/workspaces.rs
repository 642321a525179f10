//! `GET /api/workspaces[/{workspace}]`: what there is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::json::to_value;
use engine::{Engine, Health};
use serde_json::{Value, json};

use super::Workspace;
use crate::App;

pub(super) async fn list(State(app): State<Arc<App>>) -> Json<Value> {
    let workspaces: Vec<Value> =
        app.workspaces.engines().iter().map(|engine| workspace_json(engine)).collect();
    Json(json!({ "workspaces": workspaces }))
}

pub(super) async fn read(Workspace(engine): Workspace) -> Json<Value> {
    Json(workspace_json(&engine))
}

/// Names and counts; tokens and keys are not shown.
fn workspace_json(engine: &Engine) -> Value {
    let config = engine.config();
    let sources: Vec<Value> = config
        .sources
        .iter()
        .map(|source| json!({ "name": source.name, "enabled": source.enabled }))
        .collect();
    json!({
        "id": config.id,
        "ready": engine.health() == Health::Ready,
        "sources": sources,
        "traits": to_value(&config.traits),
        "counts": engine.counts(),
        "training": to_value(&engine.training()),
    })
}
