//! `POST /api/workspaces/{workspace}/sources/{name}/files`: a job takes the messages of a file.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use resources::message_files::{self, Options};
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::jobs::Job;
use web::parameters::Parameters;

use super::Upload;
use super::jobs::accepted;

/// Starts a job that takes the messages of a file.
///
/// The body is the file. Each row becomes a message of the source.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/sources/{name}/files",
    params(Options),
    request_body(content(
        (String = "text/csv"),
        (String = "application/x-ndjson"),
        (String = "application/vnd.apache.parquet"),
    )),
    responses((status = 202, description = "The job", body = Job)),
)]
pub(super) async fn start(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path((_, name)): Path<(String, String)>,
    Parameters(options): Parameters<Options>,
    Upload(workspace, file): Upload<Bytes>,
) -> Result<Response, ApiError> {
    let job = message_files::start(&app, &workspace, caller.actor, name, file, &options)?;
    Ok(accepted(workspace.id(), job.id, &job))
}
