//! `GET /api/workspaces/{workspace}/destinations`; `GET` and `PUT .../destinations/{name}`;
//! `POST .../destinations/{name}/try`: where messages go, and what mappings make of them there.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use resources::destinations::{
    self, DestinationChange, MappingTrial, ShownDestination, TriedMessage,
};
use serde::Serialize;
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

use super::Upload;
use super::body::Body;
use super::revision::{Expectation, revised};

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Destinations {
    destinations: Vec<ShownDestination>,
}

/// Lists the destinations.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/destinations",
    responses((status = 200, description = "Done", body = Destinations)),
)]
pub(super) async fn list(Workspace(workspace): Workspace) -> Result<Json<Destinations>, ApiError> {
    Ok(Json(Destinations { destinations: destinations::list(&workspace)? }))
}

/// Shows a destination with its mappings.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/destinations/{name}",
    responses((status = 200, description = "Done", body = ShownDestination)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(revised(destinations::read(&workspace, name).await?))
}

/// Changes the mappings of a destination.
///
/// They hold for the messages that come from then on.
#[utoipa::path(
    put,
    path = "/api/workspaces/{workspace}/destinations/{name}",
    request_body = DestinationChange,
    responses((status = 200, description = "Done", body = ShownDestination)),
)]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, Body(change)): Upload<Body<DestinationChange>>,
) -> Result<Response, ApiError> {
    Ok(revised(destinations::put(&app, &workspace, name, change, expected).await?))
}

/// Tries a message.
///
/// Says what each mapping would make of it. Changes nothing.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/destinations/{name}/try",
    request_body = MappingTrial,
    responses((status = 200, description = "Done", body = TriedMessage)),
)]
pub(super) async fn try_message(
    Path((_, name)): Path<(String, String)>,
    Upload(workspace, Body(trial)): Upload<Body<MappingTrial>>,
) -> Result<Json<TriedMessage>, ApiError> {
    Ok(Json(destinations::try_message(&workspace, name, trial).await?))
}
