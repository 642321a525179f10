//! `GET` and `PATCH /api/workspaces/{workspace}/settings`; `GET` and `PUT .../interaction_weights`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::InteractionWeights;
use resources::settings::{self, SettingsPatch, ShownSettings};
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

use super::Upload;
use super::body::Body;
use super::revision::{Expectation, revised};

/// Shows the settings of a workspace.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/settings",
    responses((status = 200, description = "Done", body = ShownSettings)),
)]
pub(super) async fn read(Workspace(workspace): Workspace) -> Result<Response, ApiError> {
    Ok(revised(settings::read(&workspace).await?))
}

/// Changes settings of a workspace.
#[utoipa::path(
    patch,
    path = "/api/workspaces/{workspace}/settings",
    request_body = SettingsPatch,
    responses((status = 200, description = "Done", body = ShownSettings)),
)]
pub(super) async fn update(
    State(app): State<Arc<App>>,
    Expectation(expected): Expectation,
    Upload(workspace, Body(patch)): Upload<Body<SettingsPatch>>,
) -> Result<Response, ApiError> {
    Ok(revised(settings::update(&app, &workspace, patch, expected).await?))
}

/// Shows the weights of interactions.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/interaction_weights",
    responses((status = 200, description = "Done", body = InteractionWeights)),
)]
pub(super) async fn read_weights(Workspace(workspace): Workspace) -> Result<Response, ApiError> {
    Ok(revised(settings::read_weights(&workspace).await?))
}

/// Replaces the weights of interactions.
///
/// Kinds that the body leaves out get their defaults.
#[utoipa::path(
    put,
    path = "/api/workspaces/{workspace}/interaction_weights",
    request_body = InteractionWeights,
    responses((status = 200, description = "Done", body = InteractionWeights)),
)]
pub(super) async fn put_weights(
    State(app): State<Arc<App>>,
    Expectation(expected): Expectation,
    Upload(workspace, Body(weights)): Upload<Body<InteractionWeights>>,
) -> Result<Response, ApiError> {
    Ok(revised(settings::put_weights(&app, &workspace, weights, expected).await?))
}
