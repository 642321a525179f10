//! `GET /api/workspaces/{workspace}/events`: events that no mapping takes, and the presets that
//! come nearest.

use axum::Json;
use resources::events::{self, Events};

use web::error::ApiError;
use web::workspaces::Workspace;

/// Lists events that no mapping takes, and the presets that come nearest.
///
/// The most frequent event comes first; `would_be_taken_by` is null where no preset comes near.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/events",
    responses((status = 200, description = "Done", body = Events)),
)]
pub(super) async fn read(Workspace(workspace): Workspace) -> Result<Json<Events>, ApiError> {
    Ok(Json(events::list(&workspace).await?))
}
