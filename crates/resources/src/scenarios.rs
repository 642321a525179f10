//! Scenarios: the rules of the lists at each place of a shop.

use std::sync::Arc;

use domain::scenario::ScenarioOfName;
use domain::{Scenario, WorkspaceConfig};
use engine::{ConfigChange, Engine, Expected, ReqlError, Resource, scenario_mistakes};
use serde::Serialize;
use web::App;
use web::error::ApiError;
use web::json;
use web::workspaces::RequestedWorkspace;

use crate::configuration::{put_resource, remove, without_shown};
use crate::{Revised, configure, unknown_resource};

/// A scenario as it is shown. Serialised directly: by way of a `Value`, numbers would be widened to
/// double precision.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownScenario {
    /// The scenario.
    #[serde(flatten)]
    pub scenario: Scenario,
    /// The parts that no longer fit the catalog, and their replacements.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

impl ShownScenario {
    pub(crate) fn new(engine: &Engine, scenario: Scenario) -> Self {
        Self { problems: engine.scenario_problems(&scenario.name), scenario }
    }
}

/// The scenarios of a workspace, by name.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn list(workspace: &RequestedWorkspace) -> Result<Vec<ShownScenario>, ApiError> {
    let list = |engine: &Engine| {
        let scenarios = engine.scenarios().into_iter();
        Ok(scenarios.map(|scenario| ShownScenario::new(engine, scenario)).collect())
    };
    workspace.ask(list).await
}

/// A scenario.
///
/// # Errors
/// 404 where there is none of the name.
pub async fn read(
    workspace: &RequestedWorkspace,
    name: String,
) -> Result<Revised<ShownScenario>, ApiError> {
    let read = move |engine: &Engine| {
        let (config, revisions) = engine.revised_config();
        let scenario = find(&config, &name)?.clone();
        let revision = revisions.revision(&Resource::Scenario(name));
        Ok(Revised { value: ShownScenario::new(engine, scenario), revision })
    };
    workspace.ask(read).await
}

/// Reads a scenario from JSON, with or without its name, and with or without the `problems` that an
/// answer has and a client may send back.
///
/// # Errors
/// If it is no scenario.
pub fn parse(name: &str, given: &[u8]) -> Result<Scenario, ApiError> {
    let subject = format!("scenario {name:?}");
    let read: ScenarioOfName = json::read(&without_shown(given, &["problems"]), &subject)?;
    read.named(name).map_err(|what| ApiError::invalid(format!("{subject}: {what}")).at("/name"))
}

/// A mistake in an expression of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ExpressionMistake)]
pub struct Mistake {
    /// The expression: `filter`, or `group "b": filter`.
    pub place: String,
    /// The column, in characters from 1.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
}

/// The expressions of a scenario that are none, and where. Names of properties are not looked at:
/// they may come later.
pub fn mistakes(scenario: &Scenario) -> Vec<Mistake> {
    let found = scenario_mistakes(scenario).into_iter();
    let mistake = |(place, error): (String, ReqlError)| Mistake {
        place,
        column: error.column,
        message: error.message,
    };
    found.map(mistake).collect()
}

/// Makes or replaces a scenario. The answer has it as it is stored, and whether it is new.
///
/// # Errors
/// If it does not fit the workspace, or the revision is another than expected.
pub async fn put(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    scenario: Scenario,
    expected: Expected,
) -> Result<(Revised<ShownScenario>, bool), ApiError> {
    let change = ConfigChange::put_scenario(&scenario);
    let show = |engine: &Engine| ShownScenario::new(engine, scenario);
    put_resource(app, workspace, change, expected, show).await
}

/// Removes a scenario.
///
/// # Errors
/// 404 where there is none of the name, 409 where a trait or another scenario names it; also where
/// the revision is another than expected.
pub async fn delete(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    expected: Expected,
) -> Result<(), ApiError> {
    configure(app, workspace, move |_, engine| {
        find(&engine.config(), &name)?;
        remove(engine, ConfigChange::RemoveScenario { name }, expected)
    })
    .await
}

pub(crate) fn find<'c>(config: &'c WorkspaceConfig, name: &str) -> Result<&'c Scenario, ApiError> {
    config.scenario(name).ok_or_else(|| {
        let mut names: Vec<&str> =
            config.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
        names.sort_unstable();
        unknown_resource("scenario", name, &names)
    })
}
