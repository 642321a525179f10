//! `GET /api/workspaces/{workspace}/feeds`, and what is below it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::Feed;
use engine::ConfirmedRemovals;
use resources::feeds::{self, FeedReport};
use serde::{Deserialize, Serialize};
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::jobs::Job;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::Upload;
use super::body::RawBody;
use super::jobs::accepted;
use super::revision::{Expectation, revised};

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Feeds {
    feeds: Vec<FeedReport>,
}

#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct RunQuery {
    /// How many items this run may withdraw; a tenth of the catalog without it.
    confirm: Option<u64>,
    /// Properties in use that it may drop.
    drop: Vec<String>,
}

/// Lists the catalog files that are fetched again and again.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/feeds",
    responses((status = 200, description = "Done", body = Feeds)),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
) -> Result<Json<Feeds>, ApiError> {
    Ok(Json(Feeds { feeds: feeds::list(&app, &workspace).await? }))
}

/// Shows a feed with its last run.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/feeds/{name}",
    responses((status = 200, description = "Done", body = FeedReport)),
)]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(revised(feeds::read(&app, &workspace, name).await?))
}

/// Makes or replaces a feed.
///
/// It is fetched for the first time within a minute.
#[utoipa::path(
    put,
    path = "/api/workspaces/{workspace}/feeds/{name}",
    request_body = Feed,
    responses(
        (status = 200, description = "Done", body = Feed),
        (status = 201, description = "Made", body = Feed),
    ),
)]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, RawBody(body)): Upload<RawBody>,
) -> Result<Response, ApiError> {
    let feed = feeds::parse(&name, &body)?;
    let (feed, is_new) = feeds::put(&app, &workspace, feed, expected).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, revised(feed)).into_response())
}

/// Removes a feed.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/feeds/{name}",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<StatusCode, ApiError> {
    feeds::delete(&app, &workspace, name, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Fetches a feed now, as a job.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/feeds/{name}/run",
    params(RunQuery),
    responses((status = 202, description = "The job", body = Job)),
)]
pub(super) async fn start(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Parameters(query): Parameters<RunQuery>,
) -> Result<Response, ApiError> {
    let RunQuery { confirm, drop } = query;
    let confirmed = ConfirmedRemovals { n_withdrawn: confirm, dropped: drop };
    let job = feeds::start(&app, &workspace, name, confirmed, caller.actor).await?;
    Ok(accepted(workspace.id(), job.id, &job))
}
