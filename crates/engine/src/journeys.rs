//! What journeys need that the fold cannot know: what the clock on the wall says, and what is sent
//! to destinations.

use domain::{Journey, JourneyAction, LocalTime, TimeZone, Timestamp, UserIdx, WorkspaceConfig};
use serde_json::{Map, Value, json};
use serving::Snapshot;
use state::{AskedJourney, JourneyAnswer, JourneyEntry, JourneyFinding, Plan};

use crate::shared::Shared;
use crate::{EngineError, Entry};

/// The most people for whom something is found before it is journalled.
const ASKED_PER_STEP: usize = 256;
/// The trait that says in which time zone a person is.
pub(crate) const ZONE_TRAIT: &str = "timezone";

/// Checks the conditions of journeys and the tests of their events.
///
/// # Errors
/// A sentence that names the journey, the node and the mistake.
pub(crate) fn check_journeys(config: &WorkspaceConfig) -> Result<(), String> {
    config.journeys.iter().try_for_each(|journey| check_journey(config, journey))
}

pub(crate) fn check_journey(config: &WorkspaceConfig, journey: &Journey) -> Result<(), String> {
    let in_journey = |what: String| format!("journey {:?}: {what}", journey.key);
    let plan = Plan::new(journey.clone()).map_err(in_journey)?;
    match plan.audiences().find(|key| config.audience(key).is_none()) {
        Some(key) => Err(in_journey(format!("when: there is no audience {key:?}"))),
        None => Ok(()),
    }
}

/// What is found for people at nodes who wait for it.
///
/// # Errors
/// If the store cannot be read.
pub(crate) fn find_answers(shared: &Shared, now: Timestamp) -> Result<Vec<Entry>, EngineError> {
    let snapshot = shared.live.snapshot();
    let asked = snapshot.journeys.asked(snapshot.store(), ASKED_PER_STEP);
    let asked = asked.map_err(serving::QueryError::from)?;
    let mut entries = Vec::new();
    for AskedJourney { user, instance } in asked {
        // Somebody without any id cannot be named in an entry.
        let Some(person) = snapshot.find_user_name(user)? else { continue };
        let directory = snapshot.journeys.directory();
        let Some(key) = directory.key(instance.journey) else { continue };
        let versions = directory.journey(key);
        let Some(version) = versions.and_then(|one| one.version(instance.version)) else {
            continue;
        };
        let node = &version.plan.definition.nodes[usize::from(instance.node)];
        let finding = match &node.action {
            JourneyAction::Send { destination, .. } => {
                let context = instance.context.iter();
                let context = context.filter_map(|(name, text)| {
                    Some((name.clone(), serde_json::from_str(text).ok()?))
                });
                let context: Map<String, Value> = context.collect();
                let properties =
                    json!({ "journey": key, "node": node.name, "context": context }).to_string();
                JourneyFinding::Sent { destination: destination.clone(), properties }
            }
            action => {
                let zone = zone_of(&snapshot, user, action)?;
                JourneyFinding::Until(clock_time(action, &zone, instance.since))
            }
        };
        entries.push(Entry::Journey(Box::new(JourneyEntry::Answer(JourneyAnswer {
            at: now,
            journey: key.to_owned(),
            number: instance.journey,
            person: Some(person),
            entered: instance.entered,
            step: instance.step,
            finding,
        }))));
    }
    Ok(entries)
}

/// The zone whose clock a node means.
fn zone_of(
    snapshot: &Snapshot<'_>,
    user: UserIdx,
    action: &JourneyAction,
) -> Result<TimeZone, EngineError> {
    let own = match action {
        JourneyAction::DelayUntil { local_time: LocalTime::Person, .. } => {
            let traits = snapshot.stored_traits(user)?;
            let stored = traits.into_iter().find(|(key, _)| key == ZONE_TRAIT);
            let value = stored.and_then(|(_, one)| serde_json::from_str::<Value>(&one.json).ok());
            value.as_ref().and_then(Value::as_str).and_then(TimeZone::named)
        }
        _ => None,
    };
    let config = &snapshot.setup.config;
    Ok(own.or_else(|| config.time_zone.clone()).unwrap_or(TimeZone::UTC))
}

/// When the clock says what a node waits for, from an instant on.
pub(crate) fn clock_time(action: &JourneyAction, zone: &TimeZone, from: Timestamp) -> Timestamp {
    match action {
        JourneyAction::DelayUntil { time, days, .. } => {
            activation::next_clock_time(zone, *time, days, from)
        }
        _ => from,
    }
}
