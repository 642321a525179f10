//! `GET` and `POST /api/workspaces/{workspace}/replays`, `POST .../replays/{id}/continue`: a span
//! of the journal once more to a destination or into another workspace; `POST
//! .../destinations/{name}/backfill`: the mappings of our own engine applied to the past.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use axum::{Extension, Json};
use resources::back_fills::{self, NewBackFill};
use resources::replays::{self, NewReplay, ShownReplay};
use serde::Serialize;
use web::App;
use web::access::{Caller, MadeResource};
use web::error::ApiError;
use web::jobs::Job;
use web::workspaces::Workspace;

use super::Upload;
use super::body::{Body, NoBody};
use super::jobs::accepted;

/// The replays of a workspace.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Replays {
    /// The latest first.
    replays: Vec<ShownReplay>,
}

/// Lists replays, the latest first, with how far each came.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/replays",
    responses((status = 200, description = "Done", body = Replays)),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
) -> Result<Json<Replays>, ApiError> {
    Ok(Json(Replays { replays: replays::list(&app, &workspace).await? }))
}

/// Starts a replay as a job.
///
/// Messages of a span go to a destination once more, or into another workspace. With `dry_run` the
/// job counts them, with examples of requests, and sends nothing.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/replays",
    request_body = NewReplay,
    responses((status = 202, description = "The job", body = Job)),
)]
pub(super) async fn start(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Upload(workspace, Body(new)): Upload<Body<NewReplay>>,
) -> Result<Response, ApiError> {
    let made = new.made_workspace();
    let job = replays::start(&app, &workspace, &caller, new).await?;
    let mut response = accepted(workspace.id(), job.id, &job);
    if let Some(id) = made {
        response.extensions_mut().insert(MadeResource(id));
    }
    Ok(response)
}

/// Goes on with a replay that was stopped.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/replays/{id}/continue",
    responses((status = 202, description = "The job", body = Job)),
)]
pub(super) async fn go_on(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path((_, id)): Path<(String, String)>,
    Upload(workspace, NoBody): Upload<NoBody>,
) -> Result<Response, ApiError> {
    let job = replays::go_on(&app, &workspace, &caller, &id).await?;
    Ok(accepted(workspace.id(), job.id, &job))
}

/// Applies the mappings of our own engine to the past, as a job.
///
/// What earlier mappings made of the messages of a span is replaced. With `preview` the job says
/// what would change.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/destinations/{name}/backfill",
    request_body = NewBackFill,
    responses((status = 202, description = "The job", body = Job)),
)]
pub(super) async fn back_fill(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path((_, name)): Path<(String, String)>,
    Upload(workspace, Body(new)): Upload<Body<NewBackFill>>,
) -> Result<Response, ApiError> {
    let job = back_fills::start(&app, &workspace, &caller, &name, &new)?;
    Ok(accepted(workspace.id(), job.id, &job))
}
