//! The world of a person, with what happens noted for people to read.

use std::collections::VecDeque;

use domain::{Timestamp, TraitChange};
use serde_json::{Map, Value};

use super::directory::Directory;
use super::instance::{Entering, Instance, TimelineStep};
use super::plan::Plan;
use super::steps::{Fact, World};

/// What moves a person: the journeys, and the world.
pub(super) struct Run<'r, W> {
    pub(super) directory: &'r Directory,
    pub(super) world: Tracked<'r, W>,
}

/// The world, with what happens noted.
pub(super) struct Tracked<'r, W> {
    pub(super) inner: &'r mut W,
    pub(super) steps: Vec<TimelineStep>,
    pub(super) triggered: VecDeque<(String, Entering)>,
}

impl<W: World> World for Tracked<'_, W> {
    type Error = W::Error;

    fn traits(&mut self, keys: &[&str]) -> Result<Map<String, Value>, W::Error> {
        self.inner.traits(keys)
    }

    fn is_member(&mut self, audience: &str) -> Result<bool, W::Error> {
        self.inner.is_member(audience)
    }

    fn person_id(&mut self) -> Result<String, W::Error> {
        self.inner.person_id()
    }

    fn update(&mut self, at: Timestamp, changes: &[TraitChange]) -> Result<(), W::Error> {
        self.inner.update(at, changes)
    }

    fn begin_message(
        &mut self,
        campaign: &str,
        node: &str,
        instance: &Instance,
    ) -> Result<bool, W::Error> {
        self.inner.begin_message(campaign, node, instance)
    }

    fn drop_message(&mut self, campaign: &str, instance: &Instance) -> Result<(), W::Error> {
        self.inner.drop_message(campaign, instance)
    }

    fn trigger(&mut self, journey: &str, instance: &Instance) {
        let entry = instance.context.iter().find(|(name, _)| name == domain::JOURNEY_ENTRY);
        let properties = entry.and_then(|(_, json)| serde_json::from_str(json).ok());
        let properties = properties.unwrap_or_default();
        let entering = Entering { moment: instance.seen, properties };
        self.triggered.push_back((journey.to_owned(), entering));
        self.inner.trigger(journey, instance);
    }

    fn note(&mut self, plan: &Plan, instance: &Instance, at: Timestamp, fact: &Fact) {
        let what = match fact {
            Fact::Arrived => Some("arrived".to_owned()),
            Fact::Left(why) => Some(why.word()),
            Fact::Entered | Fact::Moved(_) => None,
        };
        self.steps.extend(what.map(|what| TimelineStep {
            at,
            journey: instance.journey,
            value: instance.value.clone(),
            node: plan.node_name(instance.node).to_owned(),
            what,
        }));
        self.inner.note(plan, instance, at, fact);
    }
}
