//! Business events that campaigns begin with, until the people are found who want to know of them.

use conditions::{Event, EventMatch};
use domain::{CampaignStart, CampaignStatus, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{Batch, StoreError};

use super::{BusinessEvent, BusinessEventDone, Campaigns, KeptCampaign};

/// The most business events that wait for their people, of one campaign.
const BUSINESS_EVENTS_MAX: usize = 20;
/// Why a business event tells nobody: too many wait for their people.
const TOO_MANY_EVENTS: &str = "too_many_events";
/// The ids of business events are remembered as those of calls, for no campaign.
const NO_CAMPAIGN: u32 = u32::MAX;

/// A business event whose people are to be found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingEvent {
    /// Its place in the journal.
    pub offset: u64,
    /// When it was told.
    pub at: Timestamp,
    /// The items that it is about.
    pub items: Vec<String>,
    /// A property of items and its value: it is about all that have it.
    pub property: Option<(String, String)>,
    /// JSON text of an object: what templates see as `event.properties`.
    pub properties: String,
}

impl Campaigns {
    /// Lets a business event wait for its people, in each campaign that begins with it. Returns
    /// whether it was not told before, in the last 7 days.
    pub(crate) fn follow_business_event(
        &mut self,
        batch: &mut Batch<'_>,
        event: &BusinessEvent,
        offset: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if let Some(id) = &event.id
            && !self.note_call(batch, NO_CAMPAIGN, id, now)?
        {
            return Ok(false);
        }
        let properties = serde_json::from_str(&event.properties).unwrap_or_default();
        let begins = |(_, kept): &(&String, &KeptCampaign)| {
            kept.begins_with_business(&event.name, &properties)
        };
        let begun: Vec<String> =
            self.by_key.iter().filter(begins).map(|(key, _)| key.clone()).collect();
        for key in begun {
            let Some(kept) = self.by_key.get_mut(&key) else { continue };
            if kept.events.len() >= BUSINESS_EVENTS_MAX {
                self.count_refused(&key, TOO_MANY_EVENTS, 1);
                continue;
            }
            kept.events.push(WaitingEvent {
                offset,
                at: event.at,
                items: event.items.clone(),
                property: event.property.clone(),
                properties: event.properties.clone(),
            });
            self.changed.insert(key);
        }
        Ok(true)
    }

    /// Takes a business event away whose people are found.
    pub(crate) fn end_business_event(&mut self, done: &BusinessEventDone) -> bool {
        let kept = self.by_key.get_mut(&done.campaign);
        let Some(kept) = kept.filter(|kept| kept.number == done.number) else { return false };
        let n_before = kept.events.len();
        kept.events.retain(|event| event.offset != done.offset);
        let is_first = kept.events.len() < n_before;
        kept.missed_runs += u64::from(is_first && done.is_missed);
        self.changed.insert(done.campaign.clone());
        is_first
    }
}

impl KeptCampaign {
    /// Whether a business event of a name, with these properties, begins it.
    pub fn begins_with_business(&self, name: &str, properties: &Map<String, Value>) -> bool {
        let CampaignStart::BusinessEvent { event, filters, .. } = &self.definition.start else {
            return false;
        };
        if self.definition.status != CampaignStatus::Running || event != name {
            return false;
        }
        let (name, timestamp) = (name.to_owned(), Timestamp(0));
        let found = Event { name, timestamp, properties: properties.clone() };
        let begins = EventMatch::parse(event, filters.as_deref());
        begins.is_ok_and(|begins| begins.matches(&found))
    }
}
