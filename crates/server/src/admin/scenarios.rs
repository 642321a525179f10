//! `GET /api/workspaces/{workspace}/scenarios`, `GET`, `PUT` and `DELETE .../scenarios/{name}`: what lists are at each place of a shop.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use domain::Scenario;
use engine::{Engine, ScenarioError};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Upload, Workspace};
use crate::error::ApiError;

/// Written without a detour: a detour would widen numbers.
#[derive(Serialize)]
pub(super) struct Scenarios {
    scenarios: Vec<Answer>,
}

#[derive(Serialize)]
pub(super) struct Answer {
    #[serde(flatten)]
    scenario: Scenario,
    /// What does not fit the catalog any more, and what is in its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

impl Answer {
    fn of(engine: &Engine, scenario: Scenario) -> Self {
        Self { problems: engine.scenario_problems(&scenario.name), scenario }
    }
}

pub(super) async fn list(Workspace(engine): Workspace) -> Json<Scenarios> {
    let scenarios = engine.scenarios().into_iter();
    Json(Scenarios { scenarios: scenarios.map(|scenario| Answer::of(&engine, scenario)).collect() })
}

pub(super) async fn read(
    Workspace(engine): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Json<Answer>, ApiError> {
    let scenario = engine.scenario(&name)?;
    Ok(Json(Answer::of(&engine, scenario)))
}

/// The body without the problems of an answer that is sent back.
fn without_problems(body: &[u8]) -> Option<Vec<u8>> {
    let mut keys: BTreeMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    keys.remove("problems")?;
    serde_json::to_vec(&keys).ok()
}

/// The body is the scenario, with or without its name. Answers it as it is kept.
pub(super) async fn put(
    Path((_, name)): Path<(String, String)>,
    Upload(engine, body): Upload,
) -> Result<(StatusCode, Json<Answer>), ApiError> {
    let scenario = Scenario::from_json(&name, without_problems(&body).as_deref().unwrap_or(&body))
        .map_err(|what| ApiError::invalid(format!("scenario {name:?}: {what}")))?;
    let kept = Arc::clone(&engine);
    let put = tokio::task::spawn_blocking(move || (engine.put_scenario(&scenario), scenario));
    let (is_new, scenario) = match put.await? {
        (Ok(is_new), scenario) => (is_new, scenario),
        (Err(ScenarioError::Invalid(what)), _) => {
            return Err(ApiError::invalid(format!("scenario {name:?}: {what}")));
        }
        (Err(error), _) => return Err(error.into()),
    };
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Answer::of(&kept, scenario))))
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
