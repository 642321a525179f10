//! `GET /api/workspaces/{workspace}/traits`; `GET`, `PUT` and `DELETE .../traits/{key}`: the
//! recommended-items traits on every profile.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::TraitDefinition;
use resources::traits;
use serde::Serialize;
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

use super::Upload;
use super::body::RawBody;
use super::revision::{Expectation, revised};

/// Serialised directly: by way of a `Value`, numbers would be widened to double precision.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Traits {
    traits: Vec<TraitDefinition>,
}

/// Lists the recommended-items traits.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/traits",
    responses((status = 200, description = "Done", body = Traits)),
)]
pub(super) async fn list(Workspace(workspace): Workspace) -> Result<Json<Traits>, ApiError> {
    Ok(Json(Traits { traits: traits::list(&workspace)? }))
}

/// Shows a recommended-items trait.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/traits/{key}",
    responses((status = 200, description = "Done", body = TraitDefinition)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(revised(traits::read(&workspace, key).await?))
}

/// Makes or replaces a recommended-items trait.
///
/// The body is the definition, with or without its key. The answer is the definition as it is
/// stored.
#[utoipa::path(
    put,
    path = "/api/workspaces/{workspace}/traits/{key}",
    request_body = TraitDefinition,
    responses(
        (status = 200, description = "Done", body = TraitDefinition),
        (status = 201, description = "Made", body = TraitDefinition),
    ),
)]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Path((_, key)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, RawBody(body)): Upload<RawBody>,
) -> Result<Response, ApiError> {
    let definition = traits::parse(&key, &body)?;
    let (definition, is_new) = traits::put(&app, &workspace, definition, expected).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, revised(definition)).into_response())
}

/// Removes a recommended-items trait.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/traits/{key}",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<StatusCode, ApiError> {
    traits::delete(&app, &workspace, key, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
