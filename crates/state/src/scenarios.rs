//! Scenarios: a part of the configuration that is changed one at a time. Whether they make sense was decided
//! before the journal took them.

use domain::Scenario;
use domain::scenario::SCENARIOS_MAX;
use store::Batch;

use crate::command::{Done, Refusal};
use crate::views::Views;

pub(crate) fn apply_put(views: &mut Views, batch: &mut Batch<'_>, scenario: &str) -> Done {
    let scenario = parse(scenario)?;
    let scenarios = &views.setup.config.scenarios;
    let at = scenarios.iter().position(|other| other.name == scenario.name);
    if at.is_none() && scenarios.len() >= SCENARIOS_MAX {
        return Err(Refusal::Invalid(format!("there are {SCENARIOS_MAX} scenarios, the limit")));
    }
    views.setup.change_config(batch, |config| match at {
        Some(at) => config.scenarios[at] = scenario,
        None => config.scenarios.push(scenario),
    });
    Ok(())
}

pub(crate) fn apply_delete(views: &mut Views, batch: &mut Batch<'_>, name: &str) -> Done {
    let Some(at) = views.setup.config.scenarios.iter().position(|scenario| scenario.name == name) else {
        return Err(Refusal::missing("scenario", name));
    };
    views.setup.change_config(batch, |config| drop(config.scenarios.remove(at)));
    views.setup.note_fitting(batch, Vec::new());
    Ok(())
}

pub(crate) fn apply_note_fitting(views: &mut Views, batch: &mut Batch<'_>, scenarios: &[String]) -> Done {
    let scenarios = scenarios.iter().map(|scenario| parse(scenario)).collect::<Result<_, _>>()?;
    views.setup.note_fitting(batch, scenarios);
    Ok(())
}

fn parse(scenario: &str) -> Result<Scenario, Refusal> {
    serde_json::from_str(scenario).map_err(|error| Refusal::Invalid(error.to_string()))
}
