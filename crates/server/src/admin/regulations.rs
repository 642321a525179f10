//! `/api/workspaces/{workspace}/regulations`: people's data is deleted and new data refused, with a
//! receipt; `GET .../suppressed/{id}` says whether new data with an id is refused.

use axum::Json;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use resources::privacy::{self, AskedRegulation, Regulations, ShownRegulation, Suppression};
use web::error::ApiError;
use web::workspaces::Workspace;

use super::Upload;
use super::body::Body;

/// Lists what was asked for about people's data, the latest first.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/regulations",
    responses((status = 200, description = "Done", body = Regulations)),
)]
pub(super) async fn list(Workspace(workspace): Workspace) -> Result<Json<Regulations>, ApiError> {
    Ok(Json(privacy::list(&workspace).await?))
}

/// Deletes people, or refuses new data of them, as a job.
///
/// Of up to 5,000 people, each named by a user id or an anonymous id. With the deletion goes what
/// every file holds of them; the receipt says what was removed where, and proves it by a search.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/regulations",
    request_body = AskedRegulation,
    responses((status = 202, description = "It is under way", body = ShownRegulation)),
)]
pub(super) async fn create(
    Upload(workspace, Body(asked)): Upload<Body<AskedRegulation>>,
) -> Result<Response, ApiError> {
    let shown = privacy::create(&workspace, asked).await?;
    let location = format!("/api/workspaces/{}/regulations/{}", workspace.id(), shown.id);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(shown)).into_response())
}

/// Shows where a regulation stands, and its receipt once it has ended.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/regulations/{id}",
    responses((status = 200, description = "Done", body = ShownRegulation)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<ShownRegulation>, ApiError> {
    Ok(Json(privacy::read(&workspace, &id).await?))
}

/// Says whether new data with an id is refused.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/suppressed/{id}",
    responses((status = 200, description = "Done", body = Suppression)),
)]
pub(super) async fn suppression(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Suppression>, ApiError> {
    Ok(Json(privacy::suppression(&workspace, id).await?))
}
