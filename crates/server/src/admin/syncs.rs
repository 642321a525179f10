//! `GET .../traits/{key}/sync` and `.../audiences/{key}/sync`, `POST` of `.../sync/again`: how
//! traits and audiences go to destinations.

use axum::Json;
use axum::extract::Path;
use engine::SyncSubject;
use resources::syncs::{self, ShownSync, SyncAgain};
use web::error::ApiError;
use web::workspaces::Workspace;

use super::Upload;
use super::body::Body;

/// Shows how a trait, of recommended items or computed, goes to destinations.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/traits/{key}/sync",
    responses((status = 200, description = "Done", body = ShownSync)),
)]
pub(super) async fn read_trait(
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Json<ShownSync>, ApiError> {
    Ok(Json(syncs::read(&workspace, SyncSubject::Trait(key)).await?))
}

/// Sends every value of a trait again.
///
/// To one destination or to all to which it goes, whatever they were sent before.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/traits/{key}/sync/again",
    request_body = SyncAgain,
    responses((status = 200, description = "Done", body = ShownSync)),
)]
pub(super) async fn send_trait_again(
    Path((_, key)): Path<(String, String)>,
    Upload(workspace, Body(again)): Upload<Body<SyncAgain>>,
) -> Result<Json<ShownSync>, ApiError> {
    Ok(Json(syncs::send_again(&workspace, SyncSubject::Trait(key), again).await?))
}

/// Shows how an audience goes to destinations.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/audiences/{key}/sync",
    responses((status = 200, description = "Done", body = ShownSync)),
)]
pub(super) async fn read_audience(
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Json<ShownSync>, ApiError> {
    Ok(Json(syncs::read(&workspace, SyncSubject::Audience(key)).await?))
}

/// Sends the membership of an audience again.
///
/// To one destination or to all to which it goes, whatever they were sent before.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/audiences/{key}/sync/again",
    request_body = SyncAgain,
    responses((status = 200, description = "Done", body = ShownSync)),
)]
pub(super) async fn send_audience_again(
    Path((_, key)): Path<(String, String)>,
    Upload(workspace, Body(again)): Upload<Body<SyncAgain>>,
) -> Result<Json<ShownSync>, ApiError> {
    Ok(Json(syncs::send_again(&workspace, SyncSubject::Audience(key), again).await?))
}
