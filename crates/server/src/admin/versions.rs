//! `GET .../versions` of scenarios, traits, computed traits and audiences: who changed what.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use engine::Resource;
use resources::versions::{self, ShownVersions};
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

/// Shows the versions of a recommended-items trait.
///
/// Who changed what and when. A `PUT` of an earlier definition puts it in force again.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/traits/{key}/versions",
    responses((status = 200, description = "Done", body = ShownVersions)),
)]
pub(super) async fn of_trait(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Json<ShownVersions>, ApiError> {
    Ok(Json(versions::list(&app, &workspace, Resource::Trait(key)).await?))
}

/// Shows the versions of a computed trait.
///
/// Who changed what and when. A `PUT` of an earlier definition puts it in force again.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/computed_traits/{key}/versions",
    responses((status = 200, description = "Done", body = ShownVersions)),
)]
pub(super) async fn of_computed_trait(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Json<ShownVersions>, ApiError> {
    Ok(Json(versions::list(&app, &workspace, Resource::ComputedTrait(key)).await?))
}

/// Shows the versions of an audience.
///
/// Who changed what and when. A `PUT` of an earlier definition puts it in force again.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/audiences/{key}/versions",
    responses((status = 200, description = "Done", body = ShownVersions)),
)]
pub(super) async fn of_audience(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Json<ShownVersions>, ApiError> {
    Ok(Json(versions::list(&app, &workspace, Resource::Audience(key)).await?))
}

/// Shows the versions of a scenario.
///
/// Who changed what and when. A `PUT` of an earlier definition puts it in force again.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/scenarios/{name}/versions",
    responses((status = 200, description = "Done", body = ShownVersions)),
)]
pub(super) async fn of_scenario(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Json<ShownVersions>, ApiError> {
    Ok(Json(versions::list(&app, &workspace, Resource::Scenario(name)).await?))
}
