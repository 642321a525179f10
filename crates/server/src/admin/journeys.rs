//! `GET /api/workspaces/{workspace}/journeys`, and what is below it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::Journey;
use resources::journeys::{
    self, JourneyCall, JourneyCallAnswer, JourneyReport, JourneySimulationReport,
    JourneyStatistics, PersonJourneys,
};
use serde::Serialize;
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

use super::Upload;
use super::body::{Body, RawBody};
use super::revision::{Expectation, revised};

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Journeys {
    journeys: Vec<JourneyReport>,
}

/// Lists the journeys with how many are inside.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/journeys",
    responses((status = 200, description = "Done", body = Journeys)),
)]
pub(super) async fn list(Workspace(workspace): Workspace) -> Result<Json<Journeys>, ApiError> {
    Ok(Json(Journeys { journeys: journeys::list(&workspace).await? }))
}

/// Shows a journey.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/journeys/{key}",
    responses((status = 200, description = "Done", body = JourneyReport)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(revised(journeys::read(&workspace, key).await?))
}

/// Shows a journey as text, one node a line.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/journeys/{key}/text",
    responses((status = 200, description = "Done", body = String, content_type = "text/plain")),
)]
pub(super) async fn text(
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<String, ApiError> {
    Ok(journeys::read(&workspace, key).await?.value.journey.to_text())
}

/// Makes or replaces a journey.
///
/// Other nodes, entries or exits than before make a new version: who is inside finishes the version
/// on which they began, or is moved by `moves`.
#[utoipa::path(
    put,
    path = "/api/workspaces/{workspace}/journeys/{key}",
    request_body = Journey,
    responses(
        (status = 200, description = "Done", body = Journey),
        (status = 201, description = "Made", body = Journey),
    ),
)]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Path((_, key)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, RawBody(body)): Upload<RawBody>,
) -> Result<Response, ApiError> {
    let journey = journeys::parse(&key, &body)?;
    let (journey, is_new) = journeys::put(&app, &workspace, journey, expected).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, revised(journey)).into_response())
}

/// Removes a journey; everybody is out of it.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/journeys/{key}",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<StatusCode, ApiError> {
    journeys::delete(&app, &workspace, key, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows what was counted of a journey, node by node.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/journeys/{key}/statistics",
    responses((status = 200, description = "Done", body = JourneyStatistics)),
)]
pub(super) async fn statistics(
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Json<JourneyStatistics>, ApiError> {
    Ok(Json(journeys::statistics(&workspace, key).await?))
}

/// Lets people enter a journey whose entry is `triggered`.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/journeys/{key}/trigger",
    request_body = JourneyCall,
    responses((status = 200, description = "Done", body = JourneyCallAnswer)),
)]
pub(super) async fn trigger(
    Path((_, key)): Path<(String, String)>,
    Upload(workspace, Body(call)): Upload<Body<JourneyCall>>,
) -> Result<Json<JourneyCallAnswer>, ApiError> {
    Ok(Json(journeys::trigger(&workspace, key, call).await?))
}

/// Simulates a journey on what people did in the last 30 days.
///
/// The journey of the body need not be stored. Where there are many people, a random sample is
/// simulated; `share` says how large it is.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/journeys/{key}/simulate",
    request_body = Journey,
    responses((status = 200, description = "Done", body = JourneySimulationReport)),
)]
pub(super) async fn simulate(
    Path((_, key)): Path<(String, String)>,
    Upload(workspace, RawBody(body)): Upload<RawBody>,
) -> Result<Json<JourneySimulationReport>, ApiError> {
    let journey = journeys::parse(&key, &body)?;
    Ok(Json(journeys::simulate(&workspace, journey).await?))
}

/// Shows where a person is in journeys, and what happened to them there.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/people/{id}/journeys",
    responses((status = 200, description = "Done", body = PersonJourneys)),
)]
pub(super) async fn of_person(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<PersonJourneys>, ApiError> {
    Ok(Json(journeys::of_person(&workspace, id).await?))
}
