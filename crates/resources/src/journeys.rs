//! Journeys, with where people are in them and what was counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Journey, Timestamp};
use engine::{
    ConfigChange, Engine, EnteringPerson, Expected, ExternalId, ExternalIdType, Instance,
    JourneySimulation, JourneyTrigger, NodeCounts, Resource, SIMULATED_PEOPLE_MAX, Stage,
    TRIGGERED_PEOPLE_MAX,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use web::App;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::configuration::{parse_named, put_resource, remove_resource};
use crate::people::resolve;
use crate::{Revised, unknown_resource};

/// What is wrong with an id of a call that names nobody.
const ID_TYPES: &str = "user_id, anonymous_id, or a type of the rules of identity";

/// What was counted at a node of a journey.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct JourneyNodeStatistics {
    /// The name of the node.
    pub node: String,
    /// How often somebody came to it.
    pub entered: u64,
    /// How often they left it, by connector.
    pub moved: BTreeMap<String, u64>,
    /// How often they left the journey from it, by the reason.
    pub left: BTreeMap<String, u64>,
    /// How many are at it now.
    pub waiting: u64,
}

/// What was counted of a journey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct JourneyStatistics {
    /// The number of the present version.
    pub version: u32,
    /// How often somebody entered.
    pub entered: u64,
    /// How often somebody would have, and did not, by the reason.
    pub not_entered: BTreeMap<String, u64>,
    /// How often somebody left, by the reason: `goal 1`, `exit 1`, `timeout`, `completed`, others.
    pub left: BTreeMap<String, u64>,
    /// How many are inside now.
    pub inside: u64,
    /// The nodes of the present version, and those of earlier ones of which something was counted.
    pub nodes: Vec<JourneyNodeStatistics>,
}

/// A journey with its version.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct JourneyReport {
    /// The journey.
    #[serde(flatten)]
    pub journey: Journey,
    /// The number of its version.
    pub version: u32,
    /// How many are inside now.
    pub inside: u64,
}

/// Somebody whom a call lets enter.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JourneyPerson {
    /// The type of the id, such as `user_id`.
    #[serde(rename = "type")]
    pub type_: String,
    /// The id.
    pub id: String,
    /// What tests and messages find as properties of the entry, beside those of the call.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub properties: Map<String, Value>,
}

/// A call that lets people enter a journey.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JourneyCall {
    /// The people, 1 to 1,000.
    pub people: Vec<JourneyPerson>,
    /// What tests and messages find as properties of the entry.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub properties: Map<String, Value>,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct JourneyCallAnswer {
    /// How many people were named to the journey. Whether they enter depends on the journey.
    pub named: usize,
    /// The ids of people whom nobody knows.
    pub unknown: Vec<String>,
}

/// What a journey would have done.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct JourneySimulationReport {
    /// The first instant.
    pub from: Timestamp,
    /// The last instant.
    pub until: Timestamp,
    /// How many profiles there are.
    pub profiles: u64,
    /// How many of them were simulated: at random, and all where there are few. All numbers below
    /// are of these.
    pub simulated: u64,
    /// The share of all profiles that was simulated, 0 to 1.
    pub share: f64,
    /// How often somebody would have entered.
    pub entered: u64,
    /// How often somebody would not have, by the reason.
    pub not_entered: BTreeMap<String, u64>,
    /// How often somebody would have left, by the reason.
    pub left: BTreeMap<String, u64>,
    /// How many would be inside at the end.
    pub inside: u64,
    /// The messages that would have been sent, by campaign.
    pub messages: BTreeMap<String, u64>,
    /// The nodes.
    pub nodes: Vec<JourneyNodeStatistics>,
}

/// Where a person is in a journey.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PersonInJourney {
    /// The key of the journey.
    pub journey: String,
    /// The version on which they are.
    pub version: u32,
    /// The value of the property `per`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// When they entered.
    pub entered: Timestamp,
    /// The name of the node.
    pub node: String,
    /// Since when they are at it.
    pub since: Timestamp,
    /// When time alone moves them on; none where that is for something else to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// What was sent with the events along the way, by node; that of the entry as `entry`.
    #[schema(value_type = Object)]
    pub context: Map<String, Value>,
}

/// Something that happened to a person in a journey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PersonJourneyStep {
    /// When it happened.
    pub at: Timestamp,
    /// The key of the journey; none of one that was removed.
    pub journey: Option<String>,
    /// The value of the property `per`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The name of the node.
    pub node: String,
    /// `arrived`, or why they left the journey there.
    pub what: String,
}

/// The journeys of a person.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PersonJourneys {
    /// Where they are.
    pub inside: Vec<PersonInJourney>,
    /// What happened to them, the latest last; the last 100 steps.
    pub timeline: Vec<PersonJourneyStep>,
}

/// The journeys of a workspace.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn list(workspace: &RequestedWorkspace) -> Result<Vec<JourneyReport>, ApiError> {
    workspace.run(|engine: &Engine| Ok(list_with(engine))).await
}

/// As [`list`], where the workspace is at hand.
pub fn list_with(engine: &Engine) -> Vec<JourneyReport> {
    let journeys = engine.config().journeys.clone().into_iter();
    journeys.map(|journey| report(engine, journey)).collect()
}

/// A journey.
///
/// # Errors
/// 404 where there is none of the key.
pub async fn read(
    workspace: &RequestedWorkspace,
    key: String,
) -> Result<Revised<JourneyReport>, ApiError> {
    let read = move |engine: &Engine| {
        let (config, revisions) = engine.revised_config();
        let journey = config.journey(&key).cloned().ok_or_else(|| unknown(engine, &key))?;
        let revision = revisions.revision(&Resource::Journey(key));
        Ok(Revised { value: report(engine, journey), revision })
    };
    workspace.run(read).await
}

/// Reads a journey from JSON, with or without its key, which must not be another one.
///
/// # Errors
/// If it is none.
pub fn parse(key: &str, body: &[u8]) -> Result<Journey, ApiError> {
    let shown = ["version", "inside"];
    parse_named("journey", "key", key, body, &shown, |journey: &Journey| &journey.key)
}

/// Makes or replaces a journey. The answer has it as it is stored, and whether it is new.
///
/// # Errors
/// If it does not fit the workspace, or the revision is another than expected.
pub async fn put(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    journey: Journey,
    expected: Expected,
) -> Result<(Revised<Journey>, bool), ApiError> {
    let change = ConfigChange::put_journey(&journey);
    put_resource(app, workspace, change, expected, |_| journey).await
}

/// Removes a journey; everybody is out of it.
///
/// # Errors
/// 404 where there is none of the key, 409 where another one begins it.
pub async fn delete(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    key: String,
    expected: Expected,
) -> Result<(), ApiError> {
    remove_resource(app, workspace, ConfigChange::RemoveJourney { key }, expected).await
}

/// What was counted of a journey.
///
/// # Errors
/// 404 where there is none of the key.
pub async fn statistics(
    workspace: &RequestedWorkspace,
    key: String,
) -> Result<JourneyStatistics, ApiError> {
    let read = move |engine: &Engine| {
        let snapshot = engine.snapshot();
        let kept = snapshot.journeys.by_key().get(&key);
        let Some(kept) = kept else {
            drop(snapshot);
            return Err(unknown(engine, &key));
        };
        let mut inside = BTreeMap::<String, u64>::new();
        for ((version, node), n) in &kept.inside {
            let version = kept.versions.version(*version);
            let name = version.map_or("", |version| version.plan.node_name(*node));
            *inside.entry(name.to_owned()).or_default() += n;
        }
        let latest = kept.versions.latest();
        Ok(JourneyStatistics {
            version: latest.number,
            entered: kept.counts.entered,
            not_entered: kept.counts.not_entered.clone(),
            left: kept.counts.left.clone(),
            inside: inside.values().sum(),
            nodes: nodes(&latest.plan.definition, &kept.counts.nodes, &inside),
        })
    };
    workspace.run(read).await
}

/// Lets people enter a journey.
///
/// # Errors
/// If an id has no known type, the journey is begun otherwise, or there are too many people.
pub async fn trigger(
    workspace: &RequestedWorkspace,
    key: String,
    call: JourneyCall,
) -> Result<JourneyCallAnswer, ApiError> {
    let n_people = call.people.len();
    if !(1..=TRIGGERED_PEOPLE_MAX).contains(&n_people) {
        let what = format!("people are {n_people}: they must be 1 to {TRIGGERED_PEOPLE_MAX}");
        return Err(ApiError::invalid(what).at("/people"));
    }
    let trigger = move |engine: &Engine| {
        let config = engine.config();
        let journey = config.journey(&key).ok_or_else(|| unknown(engine, &key))?;
        if journey.entry != domain::JourneyEntrance::Triggered {
            return Err(ApiError::invalid(format!(
                "journey {key:?} is begun otherwise: its entry must be of type \"triggered\""
            )));
        }
        let (mut people, mut unknown_ids) = (Vec::new(), Vec::new());
        for (n, person) in call.people.into_iter().enumerate() {
            let Some(type_) = ExternalIdType::from_word(&person.type_) else {
                let what = format!("type is {:?}: it must be {ID_TYPES}", person.type_);
                return Err(ApiError::invalid(what).at(format!("/people/{n}/type")));
            };
            let snapshot = engine.snapshot();
            let named = ExternalId { type_, value: &person.id };
            if snapshot.profiles.ids().user_by_external_id(named).is_none() {
                unknown_ids.push(person.id);
                continue;
            }
            drop(snapshot);
            let mut properties = call.properties.clone();
            properties.extend(person.properties);
            let properties = Value::Object(properties).to_string();
            people.push(EnteringPerson { id: (type_, person.id), properties });
        }
        let named = people.len();
        if named > 0 {
            let trigger = JourneyTrigger { at: engine.now(), journey: key, people };
            engine.trigger_journey(trigger)?;
        }
        Ok(JourneyCallAnswer { named, unknown: unknown_ids })
    };
    workspace.run(trigger).await
}

/// What a journey would have done in the last 30 days.
///
/// # Errors
/// If it does not fit the workspace.
pub async fn simulate(
    workspace: &RequestedWorkspace,
    journey: Journey,
) -> Result<JourneySimulationReport, ApiError> {
    workspace.run(move |engine: &Engine| simulate_with(engine, journey)).await
}

/// As [`simulate`], where the workspace is at hand.
///
/// # Errors
/// As [`simulate`].
pub fn simulate_with(
    engine: &Engine,
    journey: Journey,
) -> Result<JourneySimulationReport, ApiError> {
    let definition = journey.clone();
    let simulated = engine.simulate_journey(journey)?.map_err(ApiError::invalid)?;
    let JourneySimulation { from, until, n_profiles, n_simulated, simulation } = simulated;
    let share = if n_profiles == 0 { 1.0 } else { n_simulated as f64 / n_profiles as f64 };
    debug_assert!(n_simulated <= SIMULATED_PEOPLE_MAX, "the sample is bounded");
    Ok(JourneySimulationReport {
        from,
        until,
        profiles: n_profiles,
        simulated: n_simulated,
        share,
        entered: simulation.counts.entered,
        not_entered: simulation.counts.not_entered.clone(),
        left: simulation.counts.left.clone(),
        inside: simulation.inside.values().sum(),
        messages: simulation.messages.clone(),
        nodes: nodes(&definition, &simulation.counts.nodes, &simulation.inside),
    })
}

/// Where a person is, and what happened to them.
///
/// # Errors
/// 404 where nobody has the id.
pub async fn of_person(
    workspace: &RequestedWorkspace,
    id: String,
) -> Result<PersonJourneys, ApiError> {
    let read = move |engine: &Engine| {
        let user = resolve(engine, &id)?;
        let snapshot = engine.snapshot();
        let row = snapshot.journeys.person(snapshot.store(), user);
        let row = row.map_err(engine::QueryError::from)?;
        let directory = snapshot.journeys.directory();
        let inside = row.instances.iter().filter_map(|instance| {
            let key = directory.key(instance.journey)?;
            let version = directory.journey(key)?.version(instance.version)?;
            let node = version.plan.node_name(instance.node).to_owned();
            Some(in_journey(key, node, instance))
        });
        let step = |step: &engine::TimelineStep| PersonJourneyStep {
            at: step.at,
            journey: directory.key(step.journey).map(str::to_owned),
            value: step.value.clone(),
            node: step.node.clone(),
            what: step.what.clone(),
        };
        Ok(PersonJourneys {
            inside: inside.collect(),
            timeline: row.timeline.iter().map(step).collect(),
        })
    };
    workspace.run(read).await
}

fn in_journey(key: &str, node: String, instance: &Instance) -> PersonInJourney {
    let context = instance.context.iter();
    let context =
        context.filter_map(|(name, text)| Some((name.clone(), serde_json::from_str(text).ok()?)));
    PersonInJourney {
        journey: key.to_owned(),
        version: instance.version,
        value: instance.value.clone(),
        entered: instance.entered.at,
        node,
        since: instance.since,
        due: match instance.stage {
            Stage::Until(due) => Some(due),
            Stage::Asked | Stage::Message => None,
        },
        context: context.collect(),
    }
}

fn report(engine: &Engine, journey: Journey) -> JourneyReport {
    let snapshot = engine.snapshot();
    let kept = snapshot.journeys.by_key().get(&journey.key);
    let version = kept.map_or(1, |kept| kept.versions.latest().number);
    let inside = kept.map_or(0, |kept| kept.inside.values().sum());
    drop(snapshot);
    JourneyReport { journey, version, inside }
}

/// The nodes of a definition in order, and then others of which something was counted.
fn nodes(
    definition: &Journey,
    counts: &BTreeMap<String, NodeCounts>,
    inside: &BTreeMap<String, u64>,
) -> Vec<JourneyNodeStatistics> {
    let own = definition.nodes.iter().map(|node| node.name.as_str());
    let others = counts.keys().map(String::as_str).filter(|name| definition.node(name).is_none());
    let row = |name: &str| {
        let counted = counts.get(name).cloned().unwrap_or_default();
        JourneyNodeStatistics {
            node: name.to_owned(),
            entered: counted.entered,
            moved: counted.moved,
            left: counted.left,
            waiting: inside.get(name).copied().unwrap_or_default(),
        }
    };
    own.chain(others).map(row).collect()
}

fn unknown(engine: &Engine, key: &str) -> ApiError {
    let config = engine.config();
    let keys: Vec<&str> = config.journeys.iter().map(|one| one.key.as_str()).collect();
    unknown_resource("journey", key, &keys)
}
