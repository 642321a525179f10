//! What counts as the success of campaigns: events of people, found as they arrive.

use conditions::{Event, EventMatch};
use domain::{Campaign, CampaignConversion};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::Campaigns;
use crate::holdouts::micros;

/// What counts as success after one message. Campaigns that count the same have the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Goal {
    /// Names the event, its tests and the property of the revenue.
    pub(crate) hash: u64,
    /// How long it counts, in milliseconds.
    pub(crate) within_ms: i64,
}

/// The goal of a campaign, with what finds it.
#[derive(Debug, Clone)]
pub(super) struct GoalMatch {
    goal: Goal,
    event: EventMatch,
    revenue: Option<String>,
}

impl GoalMatch {
    pub(super) fn of(definition: &Campaign) -> Option<Self> {
        let CampaignConversion { event, filters, within_s, revenue } =
            definition.conversion.as_ref()?;
        let parts = [Some(event), filters.as_ref(), revenue.as_ref()];
        let named = parts.map(|part| part.map_or("", String::as_str)).join("\0");
        let goal =
            Goal { hash: xxh3_64(named.as_bytes()), within_ms: i64::from(*within_s) * 1_000 };
        let event = EventMatch::parse(event, filters.as_deref()).ok()?;
        Some(Self { goal, event, revenue: revenue.clone() })
    }

    /// The revenue of an event, in millionths.
    fn revenue_micros(&self, event: &Event) -> i64 {
        let revenue = self.revenue.as_ref().and_then(|property| event.properties.get(property));
        micros(revenue.and_then(Value::as_f64))
    }
}

impl Campaigns {
    /// What counts as success of a campaign from now on.
    pub(crate) fn goal(&self, key: &str) -> Option<Goal> {
        Some(self.by_key.get(key)?.goal.as_ref()?.goal)
    }

    /// Whether an event of a name may be a success.
    pub(crate) fn may_succeed(&self, event: &str) -> bool {
        self.goals().any(|goal| goal.event.name == event)
    }

    /// The goals that an event reaches, by their hashes, each once, with its revenue in millionths.
    pub(crate) fn reached_goals(&self, event: &Event) -> Vec<(u64, i64)> {
        let mut reached: Vec<(u64, i64)> = Vec::new();
        for goal in self.goals() {
            let hash = goal.goal.hash;
            if reached.iter().all(|(other, _)| *other != hash) && goal.event.matches(event) {
                reached.push((hash, goal.revenue_micros(event)));
            }
        }
        reached
    }

    fn goals(&self) -> impl Iterator<Item = &GoalMatch> {
        self.by_key.values().filter_map(|kept| kept.goal.as_ref())
    }
}
