//! `GET` and `POST /api/workspaces/{workspace}/synonyms`, `DELETE .../{id}`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use resources::synonyms::{self, NewSynonym, ShownSynonym};
use serde::Serialize;
use web::error::ApiError;
use web::workspaces::Workspace;

use super::Upload;
use super::body::Body;

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Synonyms {
    synonyms: Vec<ShownSynonym>,
}

/// Lists the synonyms of search.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/synonyms",
    responses((status = 200, description = "Done", body = Synonyms)),
)]
pub(super) async fn list(Workspace(workspace): Workspace) -> Result<Json<Synonyms>, ApiError> {
    Ok(Json(Synonyms { synonyms: synonyms::list(&workspace).await? }))
}

/// Makes a synonym.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/synonyms",
    request_body = NewSynonym,
    responses((status = 201, description = "Made", body = ShownSynonym)),
)]
pub(super) async fn create(
    Upload(workspace, Body(synonym)): Upload<Body<NewSynonym>>,
) -> Result<(StatusCode, Json<ShownSynonym>), ApiError> {
    Ok((StatusCode::CREATED, Json(synonyms::create(&workspace, synonym).await?)))
}

/// Removes a synonym.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/synonyms/{id}",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn delete(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    synonyms::delete(&workspace, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
