//! `GET /api/workspaces/{workspace}/operations`: sizes, lag, memory and problems.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use resources::operations::{self, Operations};
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

/// Shows sizes, lag, memory and problems.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/operations",
    responses((status = 200, description = "Done", body = Operations)),
)]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
) -> Result<Json<Operations>, ApiError> {
    Ok(Json(operations::read(&app, &workspace).await?))
}
