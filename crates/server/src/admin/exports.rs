//! `POST /api/workspaces/{workspace}/exports` starts a job that makes a file of the people, items
//! or interactions; `GET .../jobs/{id}/result` downloads it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use resources::exports::{self, NewExport};
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::jobs::Job;

use super::Upload;
use super::body::Body;
use super::jobs::accepted;

/// Starts a job that makes a file of the people, items or interactions.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/exports",
    request_body = NewExport,
    responses((status = 202, description = "The job", body = Job)),
)]
pub(super) async fn start(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Upload(workspace, Body(new)): Upload<Body<NewExport>>,
) -> Result<Response, ApiError> {
    let job = exports::start(&app, &workspace, caller.actor, new)?;
    Ok(accepted(workspace.id(), job.id, &job))
}
