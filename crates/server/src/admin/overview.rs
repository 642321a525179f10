//! `GET /api/workspaces/{workspace}/overview`: how a workspace is doing.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use resources::overview::{self, Overview};
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::workspaces::Workspace;

/// Shows how a workspace is doing.
///
/// Callers who may only see people get neither the model nor results.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/overview",
    responses((status = 200, description = "Done", body = Overview)),
)]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
) -> Result<Json<Overview>, ApiError> {
    Ok(Json(overview::read(&app, &workspace, &caller).await?))
}
