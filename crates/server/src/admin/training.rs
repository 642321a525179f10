//! `POST` and `GET /api/workspaces/{workspace}/training`: train now, or see the run in use. `GET .../models`: all runs that are
//! remembered. `POST .../models/{version}/activate`: back to an earlier one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use domain::json::to_value;
use engine::EngineError;
use serde_json::{Value, json};

use super::Workspace;
use crate::App;
use crate::error::ApiError;

/// Trains beside the traffic and answers when the new model is in use, or refused.
pub(super) async fn run(
    State(app): State<Arc<App>>,
    Workspace(engine): Workspace,
) -> Result<Json<Value>, ApiError> {
    let train = move || engine.train(app.settings.training, &|_| {});
    let training = tokio::task::spawn_blocking(train).await??;
    Ok(Json(json!({ "training": to_value(&training) })))
}

pub(super) async fn read(Workspace(engine): Workspace) -> Json<Value> {
    Json(json!({ "training": to_value(&engine.training()) }))
}

pub(super) async fn models(Workspace(engine): Workspace) -> Json<Value> {
    let active = engine.training().map(|training| training.version);
    Json(json!({ "active": active, "models": to_value(&engine.trainings()) }))
}

pub(super) async fn activate(
    Workspace(engine): Workspace,
    Path((_, version)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let activated = tokio::task::spawn_blocking(move || engine.activate_model(&version)).await?;
    match activated {
        Ok(training) => Ok(Json(json!({ "training": to_value(&training) }))),
        Err(error @ EngineError::NoSuchModel { .. }) => Err(ApiError::not_found(error.to_string())),
        Err(error) => Err(error.into()),
    }
}
