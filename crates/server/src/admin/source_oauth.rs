//! `GET`, `PUT` and `DELETE /api/workspaces/{workspace}/sources/{name}/oauth`: the public keys that
//! senders of a source ask for bearer tokens with.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use resources::sources::oauth::{self, NewOAuth, ShownOAuth};
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

use super::Upload;
use super::body::RawBody;
use super::revision::{Expectation, revised};

/// Shows the OAuth keys of a source.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/sources/{name}/oauth",
    responses((status = 200, description = "Done", body = ShownOAuth)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(revised(oauth::read(&workspace, name).await?))
}

/// Sets the OAuth keys of a source.
#[utoipa::path(
    put,
    path = "/api/workspaces/{workspace}/sources/{name}/oauth",
    request_body = NewOAuth,
    responses((status = 200, description = "Done", body = ShownOAuth)),
)]
pub(super) async fn set(
    State(app): State<Arc<App>>,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, RawBody(body)): Upload<RawBody>,
) -> Result<Response, ApiError> {
    let new = oauth::parse(&body)?;
    Ok(revised(oauth::set(&app, &workspace, name, new, expected).await?))
}

/// Removes the OAuth keys of a source; its tokens are refused from now on.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/sources/{name}/oauth",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<StatusCode, ApiError> {
    oauth::remove(&app, &workspace, name, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
