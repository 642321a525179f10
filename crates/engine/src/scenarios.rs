//! Queries about single scenarios.

use domain::Scenario;

use crate::Engine;

/// Errors of queries about scenarios.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// There is none of this name.
    #[error("no scenario {name:?}; there are: {known}")]
    NotFound {
        /// The requested name.
        name: String,
        /// The names of those there are.
        known: String,
    },
}

impl Engine {
    /// The parts of a scenario that fitted the catalog once and do not now, with their
    /// replacements.
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

    fn no_such_scenario(&self, name: &str) -> ScenarioError {
        let names: Vec<String> =
            self.scenarios().into_iter().map(|scenario| scenario.name).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        ScenarioError::NotFound { name: name.to_owned(), known }
    }
}
