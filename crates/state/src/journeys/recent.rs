//! What a person did lately: what is told later may have happened earlier.

use conditions::Event;
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::instance::Moment;
use super::steps::ToldEvent;

/// How many events of a person are remembered.
const RECENT_MAX: usize = 20;
/// The largest of them, in bytes of JSON text.
const RECENT_BYTES_MAX: usize = 4_096;
/// How long they are remembered, in milliseconds: an hour.
const RECENT_MS: i64 = 3_600_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RecentEvent {
    moment: Moment,
    name: String,
    /// JSON text of the properties.
    properties: String,
}

/// The events of a person that move people in journeys, in the order in which they happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecentEvents(Vec<RecentEvent>);

impl RecentEvents {
    /// The events, as steps follow them.
    pub(super) fn seen(&self) -> Vec<ToldEvent> {
        let seen = |one: &RecentEvent| {
            let properties = serde_json::from_str(&one.properties).unwrap_or_default();
            let (name, timestamp) = (one.name.clone(), one.moment.at);
            ToldEvent { moment: one.moment, event: Event { name, timestamp, properties } }
        };
        self.0.iter().map(seen).collect()
    }

    /// Adds an event that is told now.
    pub(super) fn add(&mut self, seen: &ToldEvent, now: Timestamp) {
        self.0.retain(|known| known.moment.at.0 >= now.0 - RECENT_MS);
        let properties = Value::Object(seen.event.properties.clone()).to_string();
        if seen.moment.at.0 < now.0 - RECENT_MS || properties.len() > RECENT_BYTES_MAX {
            return;
        }
        let (moment, name) = (seen.moment, seen.event.name.clone());
        let place = self.0.partition_point(|known| known.moment < moment);
        self.0.insert(place, RecentEvent { moment, name, properties });
        self.forget_oldest();
    }

    /// Adds those of somebody who was merged into the person.
    pub(super) fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
        self.0.sort_by_key(|event| event.moment);
        self.forget_oldest();
    }

    fn forget_oldest(&mut self) {
        let n_old = self.0.len().saturating_sub(RECENT_MAX);
        self.0.drain(..n_old);
    }
}
