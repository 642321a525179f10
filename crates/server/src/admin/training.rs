//! `POST /api/workspaces/{workspace}/training` starts a training run, `GET` shows the model in use and the last run, `GET .../{id}` one
//! run. `GET .../models`: all that are remembered. `POST .../models/{version}/activate`: back to an earlier one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use domain::json::to_value;
use engine::{EngineError, TrainingError};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Workspace;
use crate::App;
use crate::error::{ApiError, Classify};

/// Starts a run beside the traffic and answers at once with its id. Only one goes on in a workspace.
pub(super) async fn start(
    State(app): State<Arc<App>>,
    Workspace(engine): Workspace,
) -> Result<impl IntoResponse, ApiError> {
    match engine.start_training(**app.training.load()) {
        Ok(run) => {
            let location = format!("/api/workspaces/{}/training/{}", engine.id(), run.id);
            Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(json!({ "run": to_value(&run) }))))
        }
        Err(EngineError::Training(error @ TrainingError::UnderWay { id, .. })) => {
            let message = format!("{error}; GET this path with /{id} to see how far it is");
            Err(ApiError::new(error.kind(), message).with_detail(json!({ "id": id })))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn read(Workspace(engine): Workspace) -> Json<Value> {
    let shown = engine.training().map(|training| to_value(&training));
    Json(json!({ "training": shown, "run": to_value(&engine.last_training_run()) }))
}

pub(super) async fn read_run(
    Workspace(engine): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let run = id.parse().ok().and_then(|id: Uuid| engine.training_run(id));
    let unknown =
        || format!("no training run {id:?} since the server started; GET .../models lists the models");
    run.map(|run| Json(to_value(&run))).ok_or_else(|| ApiError::not_found(unknown()))
}

pub(super) async fn models(Workspace(engine): Workspace) -> Json<Value> {
    let active = engine.training().map(|training| training.version);
    let trainings = engine.trainings();
    let models: Vec<Value> = trainings.iter().map(to_value).collect();
    Json(json!({ "active": active, "models": models }))
}

pub(super) async fn activate(
    Workspace(engine): Workspace,
    Path((_, version)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let activated = tokio::task::spawn_blocking(move || engine.activate_model(&version)).await?;
    Ok(Json(json!({ "training": to_value(&activated?) })))
}
