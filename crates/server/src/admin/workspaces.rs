//! `GET` and `POST /api/workspaces`; `GET` and `DELETE /api/workspaces/{workspace}`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::json::to_value;
use engine::{Engine, Health};
use resources::lifecycle::{self, NewWorkspace, RemovedWorkspace};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Body;
use super::revision::revised;
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

/// Lists the workspaces that the caller may see.
#[utoipa::path(
    get,
    path = "/api/workspaces",
    responses((status = 200, description = "Done", body = Object)),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, ApiError> {
    let _turn = app.admission.administrators_account().take_question_turn().await?;
    let show = move |engines: &[Arc<Engine>]| {
        let covered = engines.iter().filter(|engine| caller.grant.covers(engine.id().as_str()));
        covered.map(|engine| workspace_json(engine)).collect()
    };
    let workspaces: Vec<Value> = app.workspaces.look_at_all(show).await?;
    Ok(Json(json!({ "workspaces": workspaces })))
}

/// Shows a workspace.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}",
    responses((status = 200, description = "Done", body = Object)),
)]
pub(super) async fn read(Workspace(workspace): Workspace) -> Result<Json<Value>, ApiError> {
    workspace.ask(|engine| Ok(Json(workspace_json(engine)))).await
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
        "name": config.name,
        "ready": engine.health() == Health::Ready,
        "sources": sources,
        "traits": to_value(&config.traits),
        "counts": engine.counts(),
        "training": to_value(&engine.training()),
    })
}

/// Makes an empty workspace.
///
/// Creates an empty workspace, which is served from now on.
#[utoipa::path(
    post,
    path = "/api/workspaces",
    request_body = NewWorkspace,
    responses((status = 201, description = "Made", body = Object)),
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Body(new): Body<NewWorkspace>,
) -> Result<Response, ApiError> {
    let location = format!("/api/workspaces/{}", new.id);
    let made = lifecycle::create(&app, new, workspace_json).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], revised(made)).into_response())
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Removal {
    confirm: Option<String>,
}

/// Removes a workspace.
///
/// Closes the workspace and moves its folder to the trash of the data folder.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}",
    params(Removal),
    responses((status = 200, description = "Done", body = RemovedWorkspace)),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Parameters(Removal { confirm }): Parameters<Removal>,
) -> Result<Json<RemovedWorkspace>, ApiError> {
    Ok(Json(lifecycle::remove(&app, &id, confirm.as_deref()).await?))
}
