//! What people leave who are merged.

use domain::{Timestamp, TraitChange};
use serde_json::{Map, Value};
use store::StoreError;

use super::instance::{Instance, InstanceId};
use super::person::PersonWorld;
use super::plan::Plan;
use super::steps::{Fact, Leave, World};

/// The world of people who are merged: it says what they leave.
#[derive(Default)]
pub(super) struct Dropping {
    /// The keys of journeys with the names of nodes.
    pub(super) left: Vec<(String, String, Leave)>,
    pub(super) dropped: Vec<(String, InstanceId, u32)>,
}

impl World for Dropping {
    type Error = StoreError;

    fn traits(&mut self, _: &[&str]) -> Result<Map<String, Value>, StoreError> {
        Ok(Map::new())
    }

    fn is_member(&mut self, _: &str) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn person_id(&mut self) -> Result<String, StoreError> {
        Ok(String::new())
    }

    fn update(&mut self, _: Timestamp, _: &[TraitChange]) -> Result<(), StoreError> {
        Ok(())
    }

    fn begin_message(&mut self, _: &str, _: &str, _: &Instance) -> Result<bool, StoreError> {
        Ok(true)
    }

    fn drop_message(&mut self, campaign: &str, instance: &Instance) -> Result<(), StoreError> {
        self.dropped.push((campaign.to_owned(), instance.id(), instance.step));
        Ok(())
    }

    fn trigger(&mut self, _: &str, _: &Instance) {}

    fn note(&mut self, plan: &Plan, instance: &Instance, _: Timestamp, fact: &Fact) {
        if let Fact::Left(why) = fact {
            let node = plan.node_name(instance.node).to_owned();
            self.left.push((plan.definition.key.clone(), node, why.clone()));
        }
    }
}

impl PersonWorld for Dropping {
    fn count_refused(&mut self, _: &Plan, _: &'static str) {}
}
