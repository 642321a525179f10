//! `GET /api/workspaces/{workspace}/retention` shows how long the journal is kept and what a run
//! would cut, `POST` starts a run, or with `dry_run` shows the same as `GET`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use resources::retention::{self, RetentionReport};
use serde::Deserialize;
use web::App;
use web::access::{Caller, NothingDone};
use web::error::ApiError;
use web::jobs::Job;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::Upload;
use super::body::NoBody;
use super::jobs::accepted;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ReadQuery {
    /// Shows what a run would cut if entries were kept for so many days.
    days: Option<u32>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RunQuery {
    /// Whether to say what would be cut, and cut nothing.
    #[serde(default)]
    dry_run: bool,
}

/// Shows how long the journal is kept.
///
/// Shows the setting, the journal with the time of its first entry, what a run would cut now, what
/// keeps older entries, and the last run.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/retention",
    params(ReadQuery),
    responses((status = 200, description = "Done", body = RetentionReport)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Parameters(ReadQuery { days }): Parameters<ReadQuery>,
) -> Result<Json<RetentionReport>, ApiError> {
    Ok(Json(retention::read(&workspace, days).await?))
}

/// Cuts what is older than the workspace keeps it.
///
/// Starts a job. It takes a snapshot of the state and compares it with a fold of the journal,
/// archives the old segments where the server has an archive, and removes them. The server does the
/// same once a day.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/retention",
    params(RunQuery),
    responses(
        (status = 200, description = "With `dry_run`: what would be cut", body = RetentionReport),
        (status = 202, description = "Started", body = Job),
    ),
)]
pub(super) async fn start(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Parameters(RunQuery { dry_run }): Parameters<RunQuery>,
    Upload(workspace, NoBody): Upload<NoBody>,
) -> Result<Response, ApiError> {
    if dry_run {
        let report = retention::read(&workspace, None).await?;
        return Ok((Extension(NothingDone), Json(report)).into_response());
    }
    let job = retention::start(&app, &workspace, caller.actor).await?;
    Ok(accepted(workspace.id(), job.id, &job))
}
