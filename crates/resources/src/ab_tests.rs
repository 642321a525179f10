//! A/B tests of scenarios: started, their shares changed, their results read, and ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Day, Group, Scenario, Timestamp};
use engine::{ConfigChange, Engine, Expected, GroupCounts, Place, Resource};
use serde::{Deserialize, Serialize};
use web::App;
use web::error::{ApiError, ErrorKind};
use web::workspaces::RequestedWorkspace;

use crate::comparison::{Comparison, Measure, Sample, compare, days_between};
use crate::results::ShownCounts;
use crate::scenarios::{ShownScenario, find};
use crate::{Revised, configure};

/// The least number of groups of a test.
const GROUPS_MIN: usize = 2;
/// For how many days results of a test are read, the last one included.
pub const TEST_DAYS_MAX: u32 = 90;

/// A test to start.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTest {
    /// The groups. The first is the one that others are compared with.
    #[serde(rename = "group")]
    pub groups: Vec<Group>,
}

/// Other shares of the groups of a test.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShares {
    /// The share of each group, from 0 to 1; together 1.
    pub shares: BTreeMap<String, f32>,
}

/// How a test ends.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TestEnd {
    /// The group whose settings everybody gets; none to leave those of the scenario.
    pub winner: Option<String>,
}

/// The results of a test.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct TestResults {
    /// The scenario.
    pub scenario: String,
    /// When the test started, where that is known.
    pub started_at: Option<String>,
    /// The first day that counts.
    pub from: String,
    /// The last day that counts.
    pub until: String,
    /// The groups in their order.
    pub groups: Vec<GroupResults>,
    /// Each further group beside the first, by clicks and then by purchases.
    pub comparisons: Vec<Comparison>,
}

/// The results of a group. Its rates have intervals that know that the lists of one person
/// resemble each other.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct GroupResults {
    /// The name.
    pub name: String,
    /// The share of people, from 0 to 1.
    pub share: f32,
    /// The counts; people are counted anew each day.
    #[serde(flatten)]
    pub counts: ShownCounts,
}

/// Starts a test of a scenario.
///
/// # Errors
/// 409 where one is running, 422 where the groups do not fit.
pub async fn start(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    NewTest { groups }: NewTest,
    expected: Expected,
) -> Result<Revised<ShownScenario>, ApiError> {
    change(app, workspace, name, expected, move |engine, scenario| {
        if !scenario.groups.is_empty() {
            let what = format!("scenario {:?} has a test already: end it first", scenario.name);
            return Err(ApiError::new(ErrorKind::AlreadyExists, what));
        }
        if groups.len() < GROUPS_MIN {
            let what = format!("a test has {GROUPS_MIN} groups or more, not {}", groups.len());
            return Err(ApiError::invalid(what).at("/group"));
        }
        scenario.groups = groups;
        scenario.test_started_at = Some(engine.now());
        Ok(())
    })
    .await
}

/// Changes the shares of the groups of a test. As few people as possible change their group.
///
/// # Errors
/// 404 where there is no such group, 422 where the shares do not add up.
pub async fn set_shares(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    NewShares { shares }: NewShares,
    expected: Expected,
) -> Result<Revised<ShownScenario>, ApiError> {
    change(app, workspace, name, expected, move |_, scenario| {
        require_test(scenario)?;
        for (group, share) in &shares {
            let own = scenario.groups.iter_mut().find(|own| own.name == *group);
            let own = own.ok_or_else(|| no_group(&scenario.name, group))?;
            own.share = *share;
        }
        Ok(())
    })
    .await
}

/// Ends a test. Everybody gets the settings of the winner, or those that the scenario has.
///
/// # Errors
/// 404 where there is no test, or no such group in it.
pub async fn end(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    TestEnd { winner }: TestEnd,
    expected: Expected,
) -> Result<Revised<ShownScenario>, ApiError> {
    change(app, workspace, name, expected, move |_, scenario| {
        require_test(scenario)?;
        if let Some(winner) = winner {
            let group = scenario.groups.iter().find(|group| group.name == winner);
            let group = group.ok_or_else(|| no_group(&scenario.name, &winner))?;
            scenario.settings = scenario.settings_for(Some(group));
        }
        scenario.groups.clear();
        scenario.test_started_at = None;
        Ok(())
    })
    .await
}

/// The results of the test of a scenario.
///
/// # Errors
/// 404 where there is no such scenario, or no test of it.
pub async fn read(workspace: &RequestedWorkspace, name: String) -> Result<TestResults, ApiError> {
    let read = move |engine: &Engine| {
        let config = engine.config();
        let scenario = find(&config, &name)?;
        require_test(scenario)?;
        let until = Day::from_timestamp(engine.now());
        let earliest = until.earlier(TEST_DAYS_MAX - 1);
        let started = scenario.test_started_at.map(Day::from_timestamp);
        let from = started.map_or(earliest, |started| started.max(earliest)).min(until);
        let place = Place::Scenario {
            endpoint: scenario.endpoint.word().to_owned(),
            scenario: Some(name.clone()),
        };
        let counts = engine.snapshot().attribution.groups(&place, from, until);
        Ok(results(scenario, (from, until), engine.now(), &counts))
    };
    workspace.ask(read).await
}

fn results(
    scenario: &Scenario,
    (from, until): (Day, Day),
    now: Timestamp,
    counts: &BTreeMap<String, GroupCounts>,
) -> TestResults {
    let none = GroupCounts::default();
    let counts_of = |group: &Group| counts.get(&group.name).unwrap_or(&none);
    let groups = scenario.groups.iter().map(|group| {
        let GroupCounts { counts, clusters } = counts_of(group);
        let rate = |measure| Sample::of_lists(clusters, measure).rate();
        let counts = ShownCounts {
            click_through_rate: rate(Measure::ClickThroughRate),
            conversion_rate: rate(Measure::ConversionRate),
            ..ShownCounts::from(counts)
        };
        GroupResults { name: group.name.clone(), share: group.share, counts }
    });
    let mut comparisons = Vec::new();
    let started_at = scenario.test_started_at.unwrap_or_default().max(from.start());
    let days = days_between(started_at.0, now.0);
    if let Some((first, others)) = scenario.groups.split_first() {
        for measure in [Measure::ClickThroughRate, Measure::ConversionRate] {
            let sample = |group: &Group| Sample::of_lists(&counts_of(group).clusters, measure);
            let beside = sample(first);
            comparisons.extend(others.iter().map(|other| {
                let (beside, sample) = ((&*first.name, &beside), sample(other));
                compare(beside, (&other.name, &sample), measure, scenario.groups.len(), days)
            }));
        }
    }
    TestResults {
        scenario: scenario.name.clone(),
        started_at: scenario.test_started_at.map(|at| at.to_string()),
        from: from.to_string(),
        until: until.to_string(),
        groups: groups.collect(),
        comparisons,
    }
}

fn require_test(scenario: &Scenario) -> Result<(), ApiError> {
    match scenario.groups.is_empty() {
        true => Err(ApiError::not_found(format!("scenario {:?} has no test", scenario.name))),
        false => Ok(()),
    }
}

fn no_group(scenario: &str, group: &str) -> ApiError {
    ApiError::not_found(format!("the test of scenario {scenario:?} has no group {group:?}"))
}

/// Changes a scenario as it is now.
async fn change(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    expected: Expected,
    change: impl FnOnce(&Engine, &mut Scenario) -> Result<(), ApiError> + Send + 'static,
) -> Result<Revised<ShownScenario>, ApiError> {
    configure(app, workspace, move |_, engine| {
        let mut scenario = find(&engine.config(), &name)?.clone();
        change(engine, &mut scenario)?;
        engine.change_config(ConfigChange::put_scenario(&scenario), expected)?;
        let resource = Resource::Scenario(name);
        Ok(Revised::now(engine, &resource, ShownScenario::new(engine, scenario)))
    })
    .await
}
