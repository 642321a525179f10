//! `GET` and `POST /api/workspaces/{workspace}/sources`; `GET`, `PATCH` and `DELETE
//! .../sources/{name}`; `GET .../sources/{name}/schema` and `.../violations`; `POST
//! .../sources/{name}/rotate`; `DELETE .../sources/{name}/earlier_key`.
//! A write key is shown once, in the answer that made it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use resources::source_schema::{self, SourceSchema, SourceViolations};
use resources::sources::{self, NewSource, Rotation, ShownSource, SourcePatch};
use serde::Serialize;
use web::App;
use web::error::ApiError;
use web::json;
use web::workspaces::Workspace;

use super::body::{Body, RawBody};
use super::revision::{Expectation, revised};
use super::{Upload, resource_path};

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Sources {
    sources: Vec<ShownSource>,
}

/// Lists the sources.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/sources",
    responses((status = 200, description = "Done", body = Sources)),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
) -> Result<Json<Sources>, ApiError> {
    Ok(Json(Sources { sources: sources::list(&app, &workspace).await? }))
}

/// Makes a source.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/sources",
    request_body = NewSource,
    responses((status = 201, description = "Made", body = ShownSource)),
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Upload(workspace, Body(new)): Upload<Body<NewSource>>,
) -> Result<Response, ApiError> {
    let made = sources::create(&app, &workspace, new).await?;
    let location = resource_path(workspace.id(), "sources", &made.value.name);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], revised(made)).into_response())
}

/// Shows a source.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/sources/{name}",
    responses((status = 200, description = "Done", body = ShownSource)),
)]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(revised(sources::read(&app, &workspace, name).await?))
}

/// Changes a source.
#[utoipa::path(
    patch,
    path = "/api/workspaces/{workspace}/sources/{name}",
    request_body = SourcePatch,
    responses((status = 200, description = "Done", body = ShownSource)),
)]
pub(super) async fn update(
    State(app): State<Arc<App>>,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, Body(patch)): Upload<Body<SourcePatch>>,
) -> Result<Response, ApiError> {
    Ok(revised(sources::update(&app, &workspace, name, patch, expected).await?))
}

/// Shows the events and properties that a source has sent.
///
/// With types, counts, first and last time and a sample value. Rejected messages do not count.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/sources/{name}/schema",
    responses((status = 200, description = "Done", body = SourceSchema)),
)]
pub(super) async fn schema(
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Json<SourceSchema>, ApiError> {
    Ok(Json(source_schema::read(&workspace, name).await?))
}

/// Counts how messages of a source violated its tracking plan.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/sources/{name}/violations",
    responses((status = 200, description = "Done", body = SourceViolations)),
)]
pub(super) async fn violations(
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Json<SourceViolations>, ApiError> {
    Ok(Json(source_schema::violations(&workspace, name).await?))
}

/// Gives a source another write key.
///
/// Without a body the earlier key is refused from now on.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/sources/{name}/rotate",
    request_body = Option<resources::sources::Rotation>,
    responses((status = 200, description = "Done", body = ShownSource)),
)]
pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, RawBody(body)): Upload<RawBody>,
) -> Result<Response, ApiError> {
    let rotation: Option<Rotation> = match body.is_empty() {
        true => None,
        false => json::read(&body, "the body is wrong")?,
    };
    let rotation = rotation.unwrap_or_default();
    Ok(revised(sources::rotate(&app, &workspace, name, rotation, expected).await?))
}

/// Refuses the write key before the last rotation from now on.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/sources/{name}/earlier_key",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn end_overlap(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<StatusCode, ApiError> {
    sources::end_overlap(&app, &workspace, name, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a source.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/sources/{name}",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<StatusCode, ApiError> {
    sources::delete(&app, &workspace, name, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
