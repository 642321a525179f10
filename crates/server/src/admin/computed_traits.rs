//! `GET /api/workspaces/{workspace}/computed_traits`; `GET`, `PUT` and `DELETE
//! .../computed_traits/{key}`: the traits that are computed from people's events.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::ComputedTraitDefinition;
use resources::computed_traits::{self, ComputedTrait};
use serde::Serialize;
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

use super::Upload;
use super::body::RawBody;
use super::revision::{Expectation, revised};

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ComputedTraits {
    computed_traits: Vec<ComputedTrait>,
}

/// Lists the computed traits.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/computed_traits",
    responses((status = 200, description = "Done", body = ComputedTraits)),
)]
pub(super) async fn list(
    Workspace(workspace): Workspace,
) -> Result<Json<ComputedTraits>, ApiError> {
    Ok(Json(ComputedTraits { computed_traits: computed_traits::list(&workspace).await? }))
}

/// Shows a computed trait.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/computed_traits/{key}",
    responses((status = 200, description = "Done", body = ComputedTrait)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(revised(computed_traits::read(&workspace, key).await?))
}

/// Makes or replaces a computed trait.
///
/// The body is the definition, with or without its key. The answer is the definition as it is
/// stored. A trait that computes something else than before begins anew.
#[utoipa::path(
    put,
    path = "/api/workspaces/{workspace}/computed_traits/{key}",
    request_body = ComputedTraitDefinition,
    responses(
        (status = 200, description = "Done", body = ComputedTrait),
        (status = 201, description = "Made", body = ComputedTrait),
    ),
)]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Path((_, key)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, RawBody(body)): Upload<RawBody>,
) -> Result<Response, ApiError> {
    let definition = computed_traits::parse(&key, &body)?;
    let (definition, is_new) = computed_traits::put(&app, &workspace, definition, expected).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, revised(definition)).into_response())
}

/// Removes a computed trait.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/computed_traits/{key}",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<StatusCode, ApiError> {
    computed_traits::delete(&app, &workspace, key, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
