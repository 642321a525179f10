//! Commands about scenarios: the changes that earlier builds journalled, and records of fitting
//! scenarios.

use domain::Scenario;
use domain::scenario::SCENARIOS_MAX;
use store::Batch;

use crate::command::{CommandResult, Refusal};
use crate::configuration::{self, ConfigChange, ConfigCommand, Expected};
use crate::views::Views;

pub(crate) fn apply_put(
    views: &mut Views,
    batch: &mut Batch<'_>,
    scenario: &str,
    offset: u64,
) -> CommandResult {
    let scenario = parse(scenario)?;
    let scenarios = &views.setup.config.scenarios;
    let is_new = scenarios.iter().all(|other| other.name != scenario.name);
    if is_new && scenarios.len() >= SCENARIOS_MAX {
        return Err(Refusal::Invalid(format!("there are {SCENARIOS_MAX} scenarios, the limit")));
    }
    apply(views, batch, ConfigChange::put_scenario(&scenario), offset)
}

pub(crate) fn apply_delete(
    views: &mut Views,
    batch: &mut Batch<'_>,
    name: String,
    offset: u64,
) -> CommandResult {
    apply(views, batch, ConfigChange::RemoveScenario { name }, offset)
}

fn apply(
    views: &mut Views,
    batch: &mut Batch<'_>,
    change: ConfigChange,
    offset: u64,
) -> CommandResult {
    configuration::apply(
        views,
        batch,
        &ConfigCommand { change, expected: Expected::Anything },
        offset,
    )
}

pub(crate) fn apply_fitting(
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
