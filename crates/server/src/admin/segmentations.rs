//! `GET` and `POST /api/workspaces/{workspace}/segmentations`; `GET`, `PUT` and `DELETE .../{id}`;
//! `POST .../segmentation_trials`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use resources::segmentations::{self, Rule, RuleMistake, ShownSegmentation, ShownSegments};
use serde::Serialize;
use web::error::ApiError;
use web::workspaces::Workspace;

use super::Upload;
use super::body::{Body, RawBody};

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Segmentations {
    segmentations: Vec<ShownSegmentation>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct WithSegments {
    #[serde(flatten)]
    segmentation: ShownSegmentation,
    segments: ShownSegments,
}

/// What a rule would do, or its mistake.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Trial {
    Segments(ShownSegments),
    Mistake(RuleMistake),
}

/// Lists the segmentations.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/segmentations",
    responses((status = 200, description = "Done", body = Segmentations)),
)]
pub(super) async fn list(Workspace(workspace): Workspace) -> Result<Json<Segmentations>, ApiError> {
    Ok(Json(Segmentations { segmentations: segmentations::list(&workspace).await? }))
}

/// Shows a segmentation with its segments.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/segmentations/{id}",
    responses((status = 200, description = "Done", body = WithSegments)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<WithSegments>, ApiError> {
    let (segmentation, segments) = segmentations::read(&workspace, id).await?;
    Ok(Json(WithSegments { segmentation, segments }))
}

/// Makes a segmentation.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/segmentations",
    request_body = ShownSegmentation,
    responses((status = 201, description = "Made", body = ShownSegmentation)),
)]
pub(super) async fn create(
    Upload(workspace, Body(segmentation)): Upload<Body<ShownSegmentation>>,
) -> Result<(StatusCode, Json<ShownSegmentation>), ApiError> {
    segmentations::create(&workspace, segmentation.clone()).await?;
    Ok((StatusCode::CREATED, Json(segmentation)))
}

/// Makes a segmentation anew.
#[utoipa::path(
    put,
    path = "/api/workspaces/{workspace}/segmentations/{id}",
    request_body = ShownSegmentation,
    responses((status = 200, description = "Done", body = ShownSegmentation)),
)]
pub(super) async fn put(
    Path((_, id)): Path<(String, String)>,
    Upload(workspace, RawBody(body)): Upload<RawBody>,
) -> Result<Json<ShownSegmentation>, ApiError> {
    let segmentation = ShownSegmentation::parse(id, &body)?;
    segmentations::update(&workspace, segmentation.clone()).await?;
    Ok(Json(segmentation))
}

/// Removes a segmentation.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/segmentations/{id}",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn delete(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    segmentations::delete(&workspace, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows the segments that a rule would make.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/segmentation_trials",
    request_body = Rule,
    responses((status = 200, description = "Done", body = Trial)),
)]
pub(super) async fn try_rule(
    Upload(workspace, Body(rule)): Upload<Body<Rule>>,
) -> Result<Json<Trial>, ApiError> {
    Ok(Json(match segmentations::try_rule(&workspace, rule).await? {
        Ok(segments) => Trial::Segments(segments),
        Err(mistake) => Trial::Mistake(mistake),
    }))
}
