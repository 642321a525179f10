//! `GET /api/workspaces/{workspace}/rejections`: rejected messages, with the reasons.

use axum::Json;
use resources::rejections::{self, Rejections};
use serde::Deserialize;

use web::error::ApiError;
use web::parameters::{Parameters, count};
use web::workspaces::Workspace;

const LIMIT_DEFAULT: usize = 50;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Query {
    limit: Option<usize>,
}

/// Counts rejected messages by source and reason, and shows the latest.
///
/// All-time counts by source and reason, and the latest rejections, newest first.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/rejections",
    params(Query),
    responses((status = 200, description = "Done", body = Rejections)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Query>,
) -> Result<Json<Rejections>, ApiError> {
    let limit = count("limit", query.limit, LIMIT_DEFAULT, engine::REJECTIONS_KEPT_MAX)?;
    Ok(Json(rejections::read(&workspace, limit).await?))
}
