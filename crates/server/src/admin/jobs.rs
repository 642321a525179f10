//! `GET /api/workspaces/{workspace}/jobs` lists long work, `GET .../{id}` shows one job, `POST
//! .../{id}/cancel` ends it, `GET .../{id}/result` downloads the file that it has made.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::WorkspaceId;
use resources::jobs;
use serde::Serialize;
use uuid::Uuid;
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::jobs::Job;
use web::workspaces::Workspace;

/// The jobs of a workspace.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ListedJobs {
    /// The latest first.
    jobs: Vec<Job>,
}

/// 202 with the path of a job that was started.
pub(super) fn accepted(workspace: &WorkspaceId, job: Uuid, body: impl Serialize) -> Response {
    let location = format!("/api/workspaces/{workspace}/jobs/{job}");
    (StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(body)).into_response()
}

/// Lists long work, the latest first.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/jobs",
    responses((status = 200, description = "Done", body = ListedJobs)),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
) -> Json<ListedJobs> {
    Json(ListedJobs { jobs: jobs::list(&app, workspace.id()) })
}

/// Shows how far a job is, or how it ended.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/jobs/{id}",
    responses((status = 200, description = "Done", body = Job)),
)]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Job>, ApiError> {
    Ok(Json(jobs::read(&app, workspace.id(), &id)?))
}

/// Downloads the file that a job has made.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/jobs/{id}/result",
    responses((
        status = 200,
        description = "The file",
        content((String = "text/csv"), (String = "application/x-ndjson")),
    )),
)]
pub(super) async fn result(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    jobs::file(&app, workspace.id(), &id)?.download().await
}

/// Ends a job.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/jobs/{id}/cancel",
    responses((status = 200, description = "Done", body = Job)),
)]
pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Job>, ApiError> {
    Ok(Json(jobs::cancel(&app, workspace.id(), &caller, &id)?))
}
