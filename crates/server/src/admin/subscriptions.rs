//! `/api/workspaces/{workspace}/people/{id}/subscriptions`: what a person wants to hear.

use axum::Json;
use axum::extract::Path;
use resources::subscriptions::{self, ShownSubscriptions, SubscriptionChange};
use web::error::ApiError;
use web::workspaces::Workspace;

use super::Upload;
use super::body::Body;

/// Shows what a person said of channels and topics.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/people/{id}/subscriptions",
    responses((status = 200, description = "Done", body = ShownSubscriptions)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<ShownSubscriptions>, ApiError> {
    Ok(Json(subscriptions::read(&workspace, id).await?))
}

/// Changes what a person is subscribed to.
///
/// What the body does not name stays as it is. The change is a message of the source `staff` in the
/// person's history.
#[utoipa::path(
    patch,
    path = "/api/workspaces/{workspace}/people/{id}/subscriptions",
    request_body = SubscriptionChange,
    responses((status = 200, description = "Done", body = ShownSubscriptions)),
)]
pub(super) async fn update(
    Path((_, id)): Path<(String, String)>,
    Upload(workspace, Body(change)): Upload<Body<SubscriptionChange>>,
) -> Result<Json<ShownSubscriptions>, ApiError> {
    Ok(Json(subscriptions::change(&workspace, id, change).await?))
}
