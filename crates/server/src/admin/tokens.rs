//! `GET` and `POST /api/workspaces/{workspace}/tokens`; `GET` and `DELETE .../tokens/{name}`. A
//! token is shown once, in the answer that made it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use resources::tokens::{self, NewToken, ShownToken};
use serde::Serialize;
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

use super::body::Body;
use super::revision::{Expectation, revised};
use super::{Upload, resource_path};

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Tokens {
    tokens: Vec<ShownToken>,
}

/// Lists the tokens of the profile and recommender APIs.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/tokens",
    responses((status = 200, description = "Done", body = Tokens)),
)]
pub(super) async fn list(Workspace(workspace): Workspace) -> Result<Json<Tokens>, ApiError> {
    Ok(Json(Tokens { tokens: tokens::list(&workspace)? }))
}

/// Makes a token.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/tokens",
    request_body = NewToken,
    responses((status = 201, description = "Made", body = ShownToken)),
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Upload(workspace, Body(new)): Upload<Body<NewToken>>,
) -> Result<Response, ApiError> {
    let made = tokens::create(&app, &workspace, new).await?;
    let location = resource_path(workspace.id(), "tokens", &made.value.name);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], revised(made)).into_response())
}

/// Shows a token.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/tokens/{name}",
    responses((status = 200, description = "Done", body = ShownToken)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(revised(tokens::read(&workspace, name).await?))
}

/// Revokes a token.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/tokens/{name}",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<StatusCode, ApiError> {
    tokens::delete(&app, &workspace, name, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
