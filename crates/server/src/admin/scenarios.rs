//! `GET /api/workspaces/{workspace}/scenarios`, `GET`, `PUT` and `DELETE .../scenarios/{name}`: the
//! rules of the lists at each place of a shop.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use resources::scenarios::{self, ShownScenario};
use serde::Serialize;
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

use super::Upload;
use super::body::RawBody;
use super::revision::{Expectation, revised};

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Scenarios {
    scenarios: Vec<ShownScenario>,
}

/// Lists the scenarios.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/scenarios",
    responses((status = 200, description = "Done", body = Scenarios)),
)]
pub(super) async fn list(Workspace(workspace): Workspace) -> Result<Json<Scenarios>, ApiError> {
    Ok(Json(Scenarios { scenarios: scenarios::list(&workspace).await? }))
}

/// Shows a scenario.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/scenarios/{name}",
    responses((status = 200, description = "Done", body = ShownScenario)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(revised(scenarios::read(&workspace, name).await?))
}

/// Makes or replaces a scenario.
///
/// The body is the scenario, with or without its name. The answer is the scenario as it is stored.
#[utoipa::path(
    put,
    path = "/api/workspaces/{workspace}/scenarios/{name}",
    request_body = domain::Scenario,
    responses(
        (status = 200, description = "Done", body = ShownScenario),
        (status = 201, description = "Made", body = ShownScenario),
    ),
)]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, RawBody(body)): Upload<RawBody>,
) -> Result<Response, ApiError> {
    let scenario = scenarios::parse(&name, &body)?;
    let (scenario, is_new) = scenarios::put(&app, &workspace, scenario, expected).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, revised(scenario)).into_response())
}

/// Removes a scenario.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/scenarios/{name}",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<StatusCode, ApiError> {
    scenarios::delete(&app, &workspace, name, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
