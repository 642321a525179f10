//! Scenarios: part of the configuration, set by the bootstrap file and, one at a time, over the admin API.

use crate::recommendation::subject_of;
use crate::{Engine, Outcome, SubmitError};
use domain::{ExpressionRole, Scenario, WorkspaceConfig};
use reql::{Schema, Subject, Type};
use state::{Command, Refusal};

/// Why a scenario is not what it was asked to be.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It says something that makes no sense; the text names the key.
    #[error("{0}")]
    Invalid(String),
    /// There is none of this name.
    #[error("no scenario {name:?}; there are: {known}")]
    NotFound {
        /// Which.
        name: String,
        /// The names of those there are.
        known: String,
    },
    /// Of the writer.
    #[error(transparent)]
    Submit(#[from] SubmitError),
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

/// Checks a scenario in its JSON, as far as that does not depend on the catalog.
pub(crate) fn check(json: &str) -> Result<(), String> {
    let scenario: Scenario = serde_json::from_str(json).map_err(|error| error.to_string())?;
    scenario.validate()?;
    check_expressions(&scenario)
}

fn check_expressions(scenario: &Scenario) -> Result<(), String> {
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
        let mut scenarios = self.shared.views.read().setup.config.scenarios.clone();
        scenarios.sort_by(|a, b| a.name.cmp(&b.name));
        scenarios
    }

    /// The scenario of a name.
    pub fn scenario(&self, name: &str) -> Result<Scenario, ScenarioError> {
        let found = self.shared.views.read().setup.config.scenario(name).cloned();
        found.ok_or_else(|| self.no_such_scenario(name))
    }

    /// Makes a scenario or replaces the one of its name; says whether it is new.
    pub fn put_scenario(&self, scenario: &Scenario) -> Result<bool, ScenarioError> {
        let is_new = self.shared.views.read().setup.config.scenario(&scenario.name).is_none();
        let scenario = serde_json::to_string(scenario).expect("a scenario is plain JSON");
        match self.submit_command(Command::PutScenario { scenario })? {
            Outcome::Refused(
                Refusal::Invalid(what) | Refusal::NotFound(what) | Refusal::AlreadyThere(what),
            ) => Err(ScenarioError::Invalid(what)),
            _ => Ok(is_new),
        }
    }

    /// Deletes a scenario.
    pub fn delete_scenario(&self, name: &str) -> Result<(), ScenarioError> {
        match self.submit_command(Command::DeleteScenario { name: name.to_owned() })? {
            Outcome::Refused(_) => Err(self.no_such_scenario(name)),
            _ => Ok(()),
        }
    }

    fn no_such_scenario(&self, name: &str) -> ScenarioError {
        let names: Vec<String> = self.scenarios().into_iter().map(|scenario| scenario.name).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        ScenarioError::NotFound { name: name.to_owned(), known }
    }
}
