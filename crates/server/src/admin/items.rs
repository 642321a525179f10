//! `GET /api/workspaces/{workspace}/items` and `.../items/{item_id}`: what the catalog has, with
//! what goes with an item, and who is likely to want it. `PUT .../off` takes it off all lists,
//! `DELETE .../off` lets them have it again.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use resources::items::{self, ItemDetail, ItemPage, LikelyPerson, Query, SimilarItem};
use serde::Serialize;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

/// Lists items, the best matches first.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/items",
    params(Query),
    responses((status = 200, description = "Done", body = ItemPage)),
)]
pub(super) async fn list(
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Query>,
) -> Result<Json<ItemPage>, ApiError> {
    Ok(Json(items::list(&workspace, query).await?))
}

/// Shows an item.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/items/{item_id}",
    responses((status = 200, description = "Done", body = ItemDetail)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<ItemDetail>, ApiError> {
    Ok(Json(items::read(&workspace, id).await?))
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Similar {
    items: Vec<SimilarItem>,
}

/// Lists items that go with an item.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/items/{item_id}/similar",
    responses((status = 200, description = "Done", body = Similar)),
)]
pub(super) async fn similar(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Similar>, ApiError> {
    Ok(Json(Similar { items: items::similar(&workspace, id).await? }))
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = LikelyPeople)]
pub(super) struct People {
    people: Vec<LikelyPerson>,
}

/// Lists people who are likely to want an item.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/items/{item_id}/people",
    responses((status = 200, description = "Done", body = People)),
)]
pub(super) async fn people(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<People>, ApiError> {
    Ok(Json(People { people: items::people(&workspace, id).await? }))
}

/// Takes an item off all lists.
#[utoipa::path(
    put,
    path = "/api/workspaces/{workspace}/items/{item_id}/off",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn turn_off(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    items::switch(&workspace, id, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets lists have an item again.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/items/{item_id}/off",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn turn_on(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    items::switch(&workspace, id, true).await?;
    Ok(StatusCode::NO_CONTENT)
}
