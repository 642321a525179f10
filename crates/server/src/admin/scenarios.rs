//! `GET /api/workspaces/{workspace}/scenarios`, `GET`, `PUT` and `DELETE .../scenarios/{name}`: the
//! rules of the lists at each place of a shop.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::{Scenario, WorkspaceConfig};
use engine::{ConfigChange, Engine, Resource};
use serde::Serialize;
use serde_json::value::RawValue;

use super::body::RawBody;
use super::revision::{Expectation, put_error, show, show_revised};
use super::{Upload, Workspace, configure, unknown_resource};
use web::App;
use web::error::ApiError;

/// Serialised directly: by way of a `Value`, numbers would be widened to double precision.
#[derive(Serialize)]
pub(super) struct Scenarios {
    scenarios: Vec<ScenarioBody>,
}

#[derive(Serialize)]
pub(super) struct ScenarioBody {
    #[serde(flatten)]
    scenario: Scenario,
    /// The parts that no longer fit the catalog, and their replacements.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

impl ScenarioBody {
    fn new(engine: &Engine, scenario: Scenario) -> Self {
        Self { problems: engine.scenario_problems(&scenario.name), scenario }
    }
}

pub(super) async fn list(Workspace(workspace): Workspace) -> Result<Json<Scenarios>, ApiError> {
    let list = |engine: &Engine| {
        let scenarios = engine.scenarios().into_iter();
        Ok(Json(Scenarios {
            scenarios: scenarios.map(|scenario| ScenarioBody::new(engine, scenario)).collect(),
        }))
    };
    workspace.ask(list).await
}

pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let read = move |engine: &Engine| {
        show(engine, &Resource::Scenario(name.clone()), |config| {
            Ok(ScenarioBody::new(engine, find_scenario(config, &name)?.clone()))
        })
    };
    workspace.ask(read).await
}

/// The body without `problems`, which an answer has and a client may send back. None where there
/// are none.
fn without_problems(body: &[u8]) -> Option<Vec<u8>> {
    let mut keys: BTreeMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    keys.remove("problems")?;
    serde_json::to_vec(&keys).ok()
}

/// The body is the scenario, with or without its name. The answer is the scenario as it is stored.
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, RawBody(body)): Upload<RawBody>,
) -> Result<Response, ApiError> {
    let scenario = Scenario::from_json(&name, without_problems(&body).as_deref().unwrap_or(&body))
        .map_err(|what| ApiError::invalid(format!("scenario {name:?}: {what}")))?;
    configure(&app, &workspace, move |_, engine| {
        let is_new = engine.config().scenario(&name).is_none();
        let change = ConfigChange::put_scenario(&scenario);
        engine.change_config(change, expected).map_err(|error| put_error(error, expected))?;
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        let body =
            show_revised(engine, &Resource::Scenario(name), ScenarioBody::new(engine, scenario));
        Ok((status, body).into_response())
    })
    .await
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<StatusCode, ApiError> {
    configure(&app, &workspace, move |_, engine| {
        find_scenario(&engine.config(), &name)?;
        engine.change_config(ConfigChange::RemoveScenario { name }, expected)?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

fn find_scenario<'c>(config: &'c WorkspaceConfig, name: &str) -> Result<&'c Scenario, ApiError> {
    config.scenario(name).ok_or_else(|| {
        let mut names: Vec<&str> =
            config.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
        names.sort_unstable();
        unknown_resource("scenario", name, &names)
    })
}
