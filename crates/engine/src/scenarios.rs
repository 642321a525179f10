//! Scenarios, one at a time, for whoever sets them up.

use domain::Scenario;
use state::{Command, Refusal};

use crate::{Engine, Outcome, SubmitError};

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

impl Engine {
    /// What of a scenario that once fitted the catalog does not fit it now, and what is in its place.
    pub fn scenario_problems(&self, name: &str) -> Vec<String> {
        let unfit = self.serving.unfit_scenarios(&self.snapshot());
        let found = unfit.into_iter().find(|unfit| unfit.scenario == name);
        found.map(|unfit| unfit.problems).unwrap_or_default()
    }

    /// All scenarios in the order of their names.
    pub fn scenarios(&self) -> Vec<Scenario> {
        let mut scenarios = self.snapshot().setup.config.scenarios.clone();
        scenarios.sort_by(|a, b| a.name.cmp(&b.name));
        scenarios
    }

    /// The scenario of a name.
    pub fn scenario(&self, name: &str) -> Result<Scenario, ScenarioError> {
        let found = self.snapshot().setup.config.scenario(name).cloned();
        found.ok_or_else(|| self.no_such_scenario(name))
    }

    /// Makes a scenario or replaces the one of its name; says whether it is new.
    pub fn put_scenario(&self, scenario: &Scenario) -> Result<bool, ScenarioError> {
        let is_new = self.snapshot().setup.config.scenario(&scenario.name).is_none();
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
