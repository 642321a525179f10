//! Commands that change the configuration, those about scenarios that earlier builds journalled,
//! and records of fitting scenarios.

use domain::Scenario;
use domain::scenario::SCENARIOS_MAX;
use store::{Batch, StoreError};

use crate::configuration::{ConfigChange, ConfigCommand, Expected};
use crate::refusal::{CommandResult, Refusal};
use crate::views::Views;

pub(super) fn apply(
    views: &mut Views,
    batch: &mut Batch<'_>,
    command: &ConfigCommand,
    offset: u64,
) -> Result<CommandResult, StoreError> {
    let mut config = (*views.setup.config).clone();
    let after = match command.apply_to(&mut config, &views.setup.config_revisions) {
        Ok(after) => after,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut revisions = views.setup.config_revisions.clone();
    revisions.record(&command.change.resource(), after, offset);
    views.put_config(batch, offset, config, revisions)?;
    Ok(Ok(()))
}

pub(super) fn put_scenario(
    views: &mut Views,
    batch: &mut Batch<'_>,
    scenario: &str,
    offset: u64,
) -> Result<CommandResult, StoreError> {
    let scenario = match parse(scenario) {
        Ok(scenario) => scenario,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let scenarios = &views.setup.config.scenarios;
    let is_new = scenarios.iter().all(|other| other.name != scenario.name);
    if is_new && scenarios.len() >= SCENARIOS_MAX {
        let what = format!("the limit of {SCENARIOS_MAX} scenarios is reached");
        return Ok(Err(Refusal::Invalid(what)));
    }
    apply_unchecked(views, batch, ConfigChange::put_scenario(&scenario), offset)
}

pub(super) fn delete_scenario(
    views: &mut Views,
    batch: &mut Batch<'_>,
    name: String,
    offset: u64,
) -> Result<CommandResult, StoreError> {
    apply_unchecked(views, batch, ConfigChange::RemoveScenario { name }, offset)
}

/// Applies a change whatever the resource is now.
fn apply_unchecked(
    views: &mut Views,
    batch: &mut Batch<'_>,
    change: ConfigChange,
    offset: u64,
) -> Result<CommandResult, StoreError> {
    apply(views, batch, &ConfigCommand { change, expected: Expected::Anything }, offset)
}

pub(super) fn note_fitting_scenarios(
    views: &mut Views,
    batch: &mut Batch<'_>,
    scenarios: &[String],
) -> CommandResult {
    let scenarios = scenarios.iter().map(|scenario| parse(scenario)).collect::<Result<_, _>>()?;
    views.setup.record_fitting_scenarios(batch, scenarios);
    Ok(())
}

fn parse(scenario: &str) -> Result<Scenario, Refusal> {
    serde_json::from_str(scenario).map_err(|error| Refusal::Invalid(error.to_string()))
}
