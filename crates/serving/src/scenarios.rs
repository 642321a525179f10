//! Checks of scenarios that do not depend on the catalog.

use domain::{ExpressionRole, Scenario, WorkspaceConfig};
use reql::{ReqlError, Schema, Subject, Type};

use crate::evaluation::endpoint_subject;

/// Checks what the types of a configuration cannot: that its expressions are expressions. Their
/// properties may come later.
pub fn check_config(config: &WorkspaceConfig) -> Result<(), String> {
    for scenario in &config.scenarios {
        check_expressions(scenario).map_err(|what| {
            format!("workspace {}: scenario {:?}: {what}", config.id, scenario.name)
        })?;
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

/// Checks that a text is a filter of items, whose properties may come later.
///
/// # Errors
/// A message for its author.
pub fn check_item_filter(text: &str) -> Result<(), String> {
    let parsed = reql::parse(text).map_err(|error| error.to_string())?;
    parsed.check_filter(&AnyProperty(Subject::Items)).map_err(|error| error.to_string())
}

/// Checks a scenario in its JSON, as far as that does not depend on the catalog.
///
/// # Errors
/// A message for the author of the scenario.
pub fn check_scenario(json: &str) -> Result<(), String> {
    let scenario: Scenario = serde_json::from_str(json).map_err(|error| error.to_string())?;
    scenario.validate()?;
    check_expressions(&scenario)
}

fn check_expressions(scenario: &Scenario) -> Result<(), String> {
    match scenario_mistakes(scenario).into_iter().next() {
        Some((place, error)) => Err(format!("{place}: {error}")),
        None => Ok(()),
    }
}

/// The expressions of a scenario that are none, by their place: `filter`, or `group "b": filter`.
/// Properties may come later, so that any name passes.
pub fn scenario_mistakes(scenario: &Scenario) -> Vec<(String, ReqlError)> {
    let subject = endpoint_subject(scenario.endpoint);
    let check = |role: ExpressionRole, text: &str| {
        let parsed = reql::parse(text)?;
        match role {
            ExpressionRole::Filter => parsed.check_filter(&AnyProperty(subject)),
            ExpressionRole::Booster => parsed.check_booster(&AnyProperty(subject)),
            ExpressionRole::Promoted => parsed.check_filter(&AnyProperty(Subject::Items)),
            ExpressionRole::UserFilter => parsed.check_filter(&AnyProperty(Subject::Users)),
        }
    };
    let checked = scenario.expressions();
    checked.filter_map(|(place, role, text)| Some((place, check(role, text).err()?))).collect()
}
