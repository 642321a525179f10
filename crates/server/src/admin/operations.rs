//! `GET /api/workspaces/{workspace}/operations`: sizes, lag, memory, problems, background work and
//! slow requests.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use resources::operations::{self, Operations};
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::workspaces::Workspace;

/// Shows sizes, lag, memory, problems, background work and slow requests.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/operations",
    responses((status = 200, description = "Done", body = Operations)),
)]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
) -> Result<Json<Operations>, ApiError> {
    Ok(Json(operations::read(&app, &workspace, &caller).await?))
}
