//! What begins messages of campaigns: events of people, calls and journeys.

use std::sync::Arc;

use conditions::{Event, EventMatch};
use domain::{Campaign, CampaignStart, CampaignStatus, Timestamp, UserIdx};
use store::{Batch, StoreError};

use super::{Campaigns, KeptCampaign, Occurrence, TOO_MANY_WAIT, Waiting};

impl Campaigns {
    /// Whether an event of a name may begin a campaign.
    pub(crate) fn asks_for(&self, event: &str) -> bool {
        self.beginning_with(event).next().is_some()
    }

    fn beginning_with<'c>(
        &'c self,
        event: &'c str,
    ) -> impl Iterator<Item = (&'c String, &'c KeptCampaign, &'c EventMatch)> {
        self.by_key.iter().filter_map(move |(key, kept)| {
            let begins = kept.begins.as_ref().filter(|begins| begins.name == event)?;
            (kept.definition.status == CampaignStatus::Running).then_some((key, kept, begins))
        })
    }

    /// Lets messages wait that an event of a person begins. Where somebody may yet do something, so
    /// that they get none, the latest event counts.
    pub(crate) fn follow_event(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        event: &Event,
        offset: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let begun = self.beginning_with(&event.name).filter(|(_, _, begins)| begins.matches(event));
        let begun: Vec<(String, u32, Arc<Campaign>)> = begun
            .map(|(key, kept, _)| (key.clone(), kept.number, Arc::clone(&kept.definition)))
            .collect();
        if begun.is_empty() {
            return Ok(());
        }
        let mut row = self.person(batch, user)?;
        for (key, campaign, definition) in begun {
            let CampaignStart::Event { after_s, .. } = &definition.start else { continue };
            let first_due = Timestamp(event.timestamp.0 + i64::from(*after_s) * 1_000);
            let (occurrence, due) = (Occurrence::Event(offset), first_due.max(now));
            let waiting = Waiting { campaign, occurrence, due, first_due };
            if !self.add_waiting(batch, user, &mut row, waiting) {
                self.count_refused(&key, TOO_MANY_WAIT, 1);
            }
        }
        self.put_person(batch, user, &row);
        Ok(())
    }

    /// Whether one message of a campaign waits for a person at most: the latest event counts where
    /// they may yet do something, so that they get none.
    pub(super) fn waits_once(&self, campaign: u32) -> bool {
        let kept = self.by_key.values().find(|kept| kept.number == campaign);
        kept.is_some_and(|kept| {
            matches!(kept.definition.start, CampaignStart::Event { unless: Some(_), .. })
        })
    }
}

/// The event that begins a campaign.
pub(super) fn beginning(definition: &Campaign) -> Option<EventMatch> {
    match &definition.start {
        CampaignStart::Event { event, filters, .. } => {
            EventMatch::parse(event, filters.as_deref()).ok()
        }
        CampaignStart::At { .. } | CampaignStart::Triggered {} => None,
    }
}
