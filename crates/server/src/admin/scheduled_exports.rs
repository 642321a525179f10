//! `GET /api/workspaces/{workspace}/scheduled_exports`, and what is below it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::ScheduledExport;
use resources::exports::scheduled::{self, ExportReport};
use serde::Serialize;
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::jobs::Job;
use web::workspaces::Workspace;

use super::Upload;
use super::body::RawBody;
use super::jobs::accepted;
use super::revision::{Expectation, revised};

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ScheduledExports {
    exports: Vec<ExportReport>,
}

/// Lists the exports that are made again and again.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/scheduled_exports",
    responses((status = 200, description = "Done", body = ScheduledExports)),
)]
pub(super) async fn list(
    Workspace(workspace): Workspace,
) -> Result<Json<ScheduledExports>, ApiError> {
    Ok(Json(ScheduledExports { exports: scheduled::list(&workspace).await? }))
}

/// Shows a scheduled export with its last run.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/scheduled_exports/{name}",
    responses((status = 200, description = "Done", body = ExportReport)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(revised(scheduled::read(&workspace, name).await?))
}

/// Makes or replaces a scheduled export.
///
/// It is made for the first time within a minute.
#[utoipa::path(
    put,
    path = "/api/workspaces/{workspace}/scheduled_exports/{name}",
    request_body = ScheduledExport,
    responses(
        (status = 200, description = "Done", body = ScheduledExport),
        (status = 201, description = "Made", body = ScheduledExport),
    ),
)]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, RawBody(body)): Upload<RawBody>,
) -> Result<Response, ApiError> {
    let export = scheduled::parse(&name, &body)?;
    let (export, is_new) = scheduled::put(&app, &workspace, export, expected).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, revised(export)).into_response())
}

/// Removes a scheduled export.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/scheduled_exports/{name}",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<StatusCode, ApiError> {
    scheduled::delete(&app, &workspace, name, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a scheduled export now, as a job.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/scheduled_exports/{name}/run",
    responses((status = 202, description = "The job", body = Job)),
)]
pub(super) async fn start(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let job = scheduled::start(&app, &workspace, name, caller.actor).await?;
    Ok(accepted(workspace.id(), job.id, &job))
}
