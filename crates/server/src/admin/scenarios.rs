//! `GET /api/workspaces/{workspace}/scenarios`, `GET`, `PUT` and `DELETE .../scenarios/{name}`: what lists are at each place of a shop.

use axum::Json;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use domain::Scenario;
use engine::ScenarioError;
use serde::Serialize;

use super::Workspace;
use crate::error::ApiError;

/// Written without a detour: a detour would widen numbers.
#[derive(Serialize)]
pub(super) struct Scenarios {
    scenarios: Vec<Scenario>,
}

pub(super) async fn list(Workspace(engine): Workspace) -> Json<Scenarios> {
    Json(Scenarios { scenarios: engine.scenarios() })
}

pub(super) async fn read(
    Workspace(engine): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Json<Scenario>, ApiError> {
    Ok(Json(engine.scenario(&name)?))
}

/// The body is the scenario, with or without its name. Answers it as it is kept.
pub(super) async fn put(
    Workspace(engine): Workspace,
    Path((_, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<(StatusCode, Json<Scenario>), ApiError> {
    let scenario = Scenario::from_json(&name, &body)
        .map_err(|what| ApiError::invalid(format!("scenario {name:?}: {what}")))?;
    let put = tokio::task::spawn_blocking(move || (engine.put_scenario(&scenario), scenario));
    let (is_new, scenario) = match put.await? {
        (Ok(is_new), scenario) => (is_new, scenario),
        (Err(ScenarioError::Invalid(what)), _) => {
            return Err(ApiError::invalid(format!("scenario {name:?}: {what}")));
        }
        (Err(error), _) => return Err(error.into()),
    };
    Ok((if is_new { StatusCode::CREATED } else { StatusCode::OK }, Json(scenario)))
}

pub(super) async fn delete(
    Workspace(engine): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    tokio::task::spawn_blocking(move || engine.delete_scenario(&name)).await??;
    Ok(StatusCode::NO_CONTENT)
}

impl From<ScenarioError> for ApiError {
    fn from(error: ScenarioError) -> Self {
        match error {
            ScenarioError::Invalid(what) => Self::invalid(what),
            error @ ScenarioError::NotFound { .. } => Self::not_found(error.to_string()),
            ScenarioError::Submit(error) => error.into(),
        }
    }
}
