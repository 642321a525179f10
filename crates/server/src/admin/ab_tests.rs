//! `GET`, `POST` and `PATCH /api/workspaces/{workspace}/scenarios/{name}/test`, `POST
//! .../test/end`: A/B tests of a scenario.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use resources::ab_tests::{self, NewShares, NewTest, TestEnd, TestResults};
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

use super::Upload;
use super::body::Body;
use super::revision::{Expectation, revised};

/// Shows the results of the A/B test of a scenario.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/scenarios/{name}/test",
    responses((status = 200, description = "Done", body = TestResults)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Json<TestResults>, ApiError> {
    Ok(Json(ab_tests::read(&workspace, name).await?))
}

/// Starts an A/B test.
///
/// The answers to changes are the scenario as it is stored.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/scenarios/{name}/test",
    request_body = NewTest,
    responses((status = 201, description = "Made", body = resources::scenarios::ShownScenario)),
)]
pub(super) async fn start(
    State(app): State<Arc<App>>,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, Body(test)): Upload<Body<NewTest>>,
) -> Result<Response, ApiError> {
    let scenario = ab_tests::start(&app, &workspace, name, test, expected).await?;
    Ok((StatusCode::CREATED, revised(scenario)).into_response())
}

/// Changes the shares of the groups of an A/B test.
#[utoipa::path(
    patch,
    path = "/api/workspaces/{workspace}/scenarios/{name}/test",
    request_body = NewShares,
    responses((status = 200, description = "Done", body = resources::scenarios::ShownScenario)),
)]
pub(super) async fn set_shares(
    State(app): State<Arc<App>>,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, Body(shares)): Upload<Body<NewShares>>,
) -> Result<Response, ApiError> {
    Ok(revised(ab_tests::set_shares(&app, &workspace, name, shares, expected).await?))
}

/// Ends an A/B test.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/scenarios/{name}/test/end",
    request_body = TestEnd,
    responses((status = 200, description = "Done", body = resources::scenarios::ShownScenario)),
)]
pub(super) async fn end(
    State(app): State<Arc<App>>,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, Body(end)): Upload<Body<TestEnd>>,
) -> Result<Response, ApiError> {
    Ok(revised(ab_tests::end(&app, &workspace, name, end, expected).await?))
}
