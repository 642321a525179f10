//! Scenarios: part of the configuration, by their names, and what is checked of their expressions.

use domain::scenario::SCENARIOS_MAX;
use domain::{ExpressionRole, Scenario, WorkspaceConfig};
use reql::{Schema, Subject, Type};
use store::Batch;

use crate::Engine;
use crate::command::{Done, Refusal};
use crate::configuration::{self, ConfigChange, ConfigCommand, Expected};
use crate::recommendation::subject_of;
use crate::views::Views;

/// Why a scenario cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// There is none of this name.
    #[error("no scenario {name:?}; there are: {known}")]
    NotFound {
        /// Which.
        name: String,
        /// The names of those there are.
        known: String,
    },
}

/// Checks what the types of a configuration cannot: that its expressions are expressions. Their properties may come later.
pub fn check_config(config: &WorkspaceConfig) -> Result<(), String> {
    for scenario in &config.scenarios {
        check_expressions(scenario)
            .map_err(|what| format!("workspace {}: scenario {:?}: {what}", config.id, scenario.name))?;
    }
    Ok(())
}

/// Properties of any name and type: they may come later.
struct AnyProperty(Subject);

impl Schema for AnyProperty {
    fn item_property(&self, _: &str) -> Option<Type> {
        Some(Type::Any)
    }

    fn user_property(&self, _: &str) -> Option<Type> {
        Some(Type::Any)
    }

    fn subject(&self) -> Subject {
        self.0
    }
}

pub(crate) fn check_expressions(scenario: &Scenario) -> Result<(), String> {
    let subject = subject_of(scenario.endpoint);
    for (place, role, text) in scenario.expressions() {
        let named = |error: reql::ReqlError| format!("{place}: {error}");
        let parsed = reql::parse(text).map_err(named)?;
        let checked = match role {
            ExpressionRole::Filter => parsed.check_filter(&AnyProperty(subject)),
            ExpressionRole::Booster => parsed.check_booster(&AnyProperty(subject)),
            ExpressionRole::Promoted => parsed.check_filter(&AnyProperty(Subject::Items)),
        };
        checked.map_err(named)?;
    }
    Ok(())
}

impl Engine {
    /// All scenarios in the order of their names.
    pub fn scenarios(&self) -> Vec<Scenario> {
        let mut scenarios = self.shared.views.read().config.scenarios.clone();
        scenarios.sort_by(|a, b| a.name.cmp(&b.name));
        scenarios
    }

    /// The scenario of a name.
    pub fn scenario(&self, name: &str) -> Result<Scenario, ScenarioError> {
        let found = self.shared.views.read().config.scenario(name).cloned();
        found.ok_or_else(|| self.no_such_scenario(name))
    }

    fn no_such_scenario(&self, name: &str) -> ScenarioError {
        let names: Vec<String> = self.scenarios().into_iter().map(|scenario| scenario.name).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        ScenarioError::NotFound { name: name.to_owned(), known }
    }
}

/// Applies a change of a scenario as earlier versions journalled it: the fold checked it then.
pub(crate) fn apply_earlier_put(
    views: &mut Views,
    batch: &mut Batch<'_>,
    scenario: &str,
    offset: u64,
) -> Done {
    let scenario: Scenario =
        serde_json::from_str(scenario).map_err(|error| Refusal::Invalid(error.to_string()))?;
    scenario.validate().map_err(Refusal::Invalid)?;
    let is_new = views.config.scenario(&scenario.name).is_none();
    if is_new && views.config.scenarios.len() >= SCENARIOS_MAX {
        return Err(Refusal::Invalid(format!("there are {SCENARIOS_MAX} scenarios, the limit")));
    }
    let change = ConfigChange::put_scenario(&scenario);
    let command = ConfigCommand { change, expected: Expected::Anything };
    configuration::apply(views, batch, &command, offset)
}
