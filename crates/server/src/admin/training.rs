//! `POST /api/workspaces/{workspace}/training` starts a training run, `GET` shows the model in use
//! and the last run, `GET .../{id}` one run. `GET .../models` lists all recorded runs, `POST
//! .../models/{version}/activate` goes back to an earlier model.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use domain::json::to_value;
use engine::{Engine, EngineError, TrainingError};
use serde_json::{Value, json};
use uuid::Uuid;

use web::App;
use web::error::{ApiError, Classify};
use web::workspaces::BlockingHandle;
use web::workspaces::Workspace;

/// Starts a run in the background and answers at once with its id. A workspace has one run at a
/// time.
pub(super) async fn start(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
) -> Result<impl IntoResponse, ApiError> {
    let options = **app.training.load();
    let start = move |workspace: &BlockingHandle| Ok(workspace.engine()?.start_training(options));
    match workspace.handle().run_with::<_, ApiError>((), start).await? {
        Ok(run) => {
            let location = format!("/api/workspaces/{}/training/{}", workspace.id(), run.id);
            Ok((
                StatusCode::ACCEPTED,
                [(header::LOCATION, location)],
                Json(json!({ "run": to_value(&run) })),
            ))
        }
        Err(EngineError::Training(error @ TrainingError::AlreadyRunning { id, .. })) => {
            let message = format!("{error}; GET this path with /{id} to see how far it is");
            Err(ApiError::new(error.kind(), message).with_detail(json!({ "id": id })))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn read(Workspace(workspace): Workspace) -> Result<Json<Value>, ApiError> {
    let show = |engine: &Engine| {
        let shown = engine.training().map(|training| to_value(&training));
        Ok(Json(json!({ "training": shown, "run": to_value(&engine.last_training_run()) })))
    };
    workspace.run(show).await
}

pub(super) async fn read_run(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let known = id.parse::<Uuid>().ok();
    let run = workspace.run(move |engine| Ok(known.and_then(|id| engine.training_run(id)))).await?;
    let unknown = || {
        format!("no training run {id:?} since the server started; GET .../models lists the models")
    };
    run.map(|run| Json(to_value(&run))).ok_or_else(|| ApiError::not_found(unknown()))
}

pub(super) async fn models(Workspace(workspace): Workspace) -> Result<Json<Value>, ApiError> {
    let show = |engine: &Engine| {
        let active = engine.training().map(|training| training.version);
        let models: Vec<Value> = engine.trainings().iter().map(to_value).collect();
        Ok(Json(json!({ "active": active, "models": models })))
    };
    workspace.run(show).await
}

pub(super) async fn activate(
    Workspace(workspace): Workspace,
    Path((_, version)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let activated = workspace.run(move |engine| Ok(engine.activate_model(&version)?)).await?;
    Ok(Json(json!({ "training": to_value(&activated) })))
}
