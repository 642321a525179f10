//! What a journey would have done with people in the past: the same steps over what they did.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use domain::{Journey, JourneyAction, JourneyEntrance, JourneyStatus, Timestamp, TraitChange};
use serde_json::{Map, Value};

use super::counts::JourneyCounts;
use super::directory::{Directory, Version, Versions};
use super::instance::{Entering, Instance, Moment, Stage};
use super::person::{JourneysOf, PersonWorld};
use super::plan::Plan;
use super::steps::{Fact, MessageResult, ToldEvent, World};
use super::traits::changed;

/// How many waits one person ends at most.
const WAITS_MAX: usize = 20_000;

/// A person of a simulation.
#[derive(Debug, Clone, Default)]
pub struct SimulatedPerson {
    /// An id of the person.
    pub id: String,
    /// Their traits, as they are now.
    pub traits: Map<String, Value>,
    /// The audiences to which they belong now.
    pub audiences: BTreeSet<String>,
    /// What they did, in any order.
    pub events: Vec<ToldEvent>,
    /// When they entered audiences, by key.
    pub entered: Vec<(Timestamp, String)>,
}

/// What a person sees of the world in a simulation.
pub struct SimulatedWorld<'s> {
    person: &'s mut SimulatedPerson,
    counts: &'s mut JourneyCounts,
    messages: &'s mut BTreeMap<String, u64>,
}

impl World for SimulatedWorld<'_> {
    type Error = Infallible;

    fn traits(&mut self, _: &[&str]) -> Result<Map<String, Value>, Infallible> {
        Ok(self.person.traits.clone())
    }

    fn is_member(&mut self, audience: &str) -> Result<bool, Infallible> {
        Ok(self.person.audiences.contains(audience))
    }

    fn person_id(&mut self) -> Result<String, Infallible> {
        Ok(self.person.id.clone())
    }

    fn update(&mut self, _: Timestamp, changes: &[TraitChange]) -> Result<(), Infallible> {
        for change in changes {
            let value = changed(self.person.traits.get(&change.key), change);
            self.person.traits.insert(change.key.clone(), value);
        }
        Ok(())
    }

    fn begin_message(&mut self, campaign: &str, _: &str, _: &Instance) -> Result<bool, Infallible> {
        *self.messages.entry(campaign.to_owned()).or_default() += 1;
        Ok(true)
    }

    fn drop_message(&mut self, _: &str, _: &Instance) -> Result<(), Infallible> {
        Ok(())
    }

    fn trigger(&mut self, _: &str, _: &Instance) {}

    fn note(&mut self, plan: &Plan, instance: &Instance, _: Timestamp, fact: &Fact) {
        self.counts.add(plan.node_name(instance.node), fact);
    }
}

impl PersonWorld for SimulatedWorld<'_> {
    fn count_refused(&mut self, _: &Plan, reason: &'static str) {
        *self.counts.not_entered.entry(reason.to_owned()).or_default() += 1;
    }
}

/// What happens at a time.
enum Happening {
    Event(ToldEvent),
    Audience(String),
    Begins,
}

/// A simulation of one journey.
pub struct Simulation {
    directory: Directory,
    key: String,
    from: Timestamp,
    until: Timestamp,
    /// What was counted.
    pub counts: JourneyCounts,
    /// How many are at each node at the end, by its name.
    pub inside: BTreeMap<String, u64>,
    /// How many messages people would have got, by campaign.
    pub messages: BTreeMap<String, u64>,
}

impl Simulation {
    /// A simulation of a journey from one instant to another.
    ///
    /// # Errors
    /// A sentence that names the place and the mistake.
    pub fn new(definition: Journey, from: Timestamp, until: Timestamp) -> Result<Self, String> {
        let key = definition.key.clone();
        let definition = Journey { status: JourneyStatus::Running, ..definition };
        let (plan, made) = (Arc::new(Plan::new(definition)?), Moment::default());
        let versions = Versions { number: 0, versions: vec![Version { number: 1, made, plan }] };
        Ok(Self {
            directory: Directory::new([(key.clone(), versions)], []),
            key,
            from,
            until,
            counts: JourneyCounts::default(),
            inside: BTreeMap::new(),
            messages: BTreeMap::new(),
        })
    }

    fn plan(&self) -> Arc<Plan> {
        let versions = self.directory.journey(&self.key).expect("it was made with the journey");
        Arc::clone(&versions.latest().plan)
    }

    /// The names of the events of which it must know.
    pub fn events(&self) -> BTreeSet<String> {
        let plan = self.plan();
        plan.moving_events().chain(plan.entry_event()).map(str::to_owned).collect()
    }

    /// The audiences of whose entries it must know.
    pub fn audiences(&self) -> BTreeSet<String> {
        let plan = self.plan();
        let goals = plan.definition.goals.iter().filter_map(|goal| goal.audience.clone());
        let entry = match &plan.definition.entry {
            JourneyEntrance::Audience { audience } => Some(audience.clone()),
            _ => None,
        };
        goals.chain(entry).collect()
    }

    /// Lets a person go through it. `clock` says when a clock on the wall says what a node waits
    /// for, from an instant on.
    pub fn add(
        &mut self,
        mut person: SimulatedPerson,
        clock: &dyn Fn(&JourneyAction, Timestamp) -> Timestamp,
    ) {
        let plan = self.plan();
        let mut happenings: Vec<(Moment, Happening)> = Vec::new();
        for seen in std::mem::take(&mut person.events) {
            happenings.push((seen.moment, Happening::Event(seen)));
        }
        for (at, key) in std::mem::take(&mut person.entered) {
            happenings.push((Moment { at, offset: 0 }, Happening::Audience(key)));
        }
        if let JourneyEntrance::At { at, audience } = &plan.definition.entry
            && person.audiences.contains(audience)
        {
            let is_within = (self.from..=self.until).contains(at);
            let at = if is_within { *at } else { self.from };
            happenings.push((Moment { at, offset: 0 }, Happening::Begins));
        }
        happenings.retain(|(moment, _)| (self.from..=self.until).contains(&moment.at));
        happenings.sort_by_key(|(moment, _)| *moment);
        let mut row = JourneysOf::default();
        let (directory, counts, messages) = (&self.directory, &mut self.counts, &mut self.messages);
        let mut world = SimulatedWorld { person: &mut person, counts, messages };
        let mut n_waits = 0;
        for (moment, happening) in happenings {
            let Ok(()) = pass(&mut row, directory, moment.at, &mut world, clock, &mut n_waits);
            let Ok(()) = match happening {
                Happening::Event(seen) => row.take_event(directory, &seen, moment.at, &mut world),
                Happening::Audience(key) => row.take_audience(directory, &key, moment, &mut world),
                Happening::Begins => {
                    let entering = Entering { moment, properties: Map::new() };
                    row.begin(directory, &self.key, entering, &mut world)
                }
            };
        }
        let Ok(()) = pass(&mut row, directory, self.until, &mut world, clock, &mut n_waits);
        for instance in &row.instances {
            let node = plan.node_name(instance.node).to_owned();
            *self.inside.entry(node).or_default() += 1;
        }
    }
}

/// Ends what a person waits for up to an instant: every message is sent at once.
fn pass(
    row: &mut JourneysOf,
    directory: &Directory,
    until: Timestamp,
    world: &mut SimulatedWorld<'_>,
    clock: &dyn Fn(&JourneyAction, Timestamp) -> Timestamp,
    n_waits: &mut usize,
) -> Result<(), Infallible> {
    while *n_waits < WAITS_MAX {
        *n_waits += 1;
        let waits = row.instances.iter().find(|one| !matches!(one.stage, Stage::Until(_)));
        if let Some(instance) = waits {
            let (id, step) = (instance.id(), instance.step);
            let moment = Moment { at: instance.since, offset: instance.seen.offset };
            if instance.stage == Stage::Message {
                let named = (id.code(), step);
                row.take_message(directory, named, moment, MessageResult::Sent, world)?;
                continue;
            }
            let versions = directory.by_number(instance.journey);
            let action = versions.map(|versions| versions.latest().plan.action(instance.node));
            let found = action.filter(|one| matches!(one, JourneyAction::DelayUntil { .. }));
            let found = found.map(|action| clock(action, instance.since));
            row.take_answer(directory, (id, step), moment, found, world)?;
            continue;
        }
        match row.next_due(directory).filter(|due| *due <= until) {
            Some(due) => row.pass_time(directory, due, world)?,
            None => break,
        }
    }
    Ok(())
}
