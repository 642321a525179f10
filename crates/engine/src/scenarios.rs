//! Queries about scenarios.

use domain::{Endpoint, ExpressionRole, ListSettings, Scenario};
use reql::ReqlError;

use crate::Engine;

impl Engine {
    /// The parts of a scenario that no longer fit the catalog, with their replacements.
    pub fn scenario_problems(&self, name: &str) -> Vec<String> {
        let unfit = self.serving.unfit_scenarios(&self.snapshot());
        let found = unfit.into_iter().find(|unfit| unfit.scenario == name);
        found.map(|unfit| unfit.problems).unwrap_or_default()
    }

    /// The expressions of settings that do not fit the catalog as it is, such as those that name a
    /// property that there is not.
    pub fn expression_mistakes(
        &self,
        endpoint: Endpoint,
        settings: &ListSettings,
    ) -> Vec<(ExpressionRole, ReqlError)> {
        serving::expression_mistakes(&self.snapshot(), endpoint, settings)
    }

    /// All scenarios in the order of their names.
    pub fn scenarios(&self) -> Vec<Scenario> {
        let mut scenarios = self.snapshot().setup.config.scenarios.clone();
        scenarios.sort_by(|a, b| a.name.cmp(&b.name));
        scenarios
    }
}
