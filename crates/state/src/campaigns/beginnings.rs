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
        let is_there = |number: u32| self.by_key.values().any(|kept| kept.number == number);
        row.counted.retain(|(number, _)| is_there(*number));
        for (key, campaign, definition) in begun {
            let CampaignStart::Event { count, within_s, after_s, .. } = &definition.start else {
                continue;
            };
            if let Some((count, within_s)) = count.zip(*within_s)
                && !row.counts_up_to(campaign, event.timestamp, count, within_s)
            {
                continue;
            }
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
            let start = &kept.definition.start;
            let is_dated = matches!(start, CampaignStart::Date { .. });
            is_dated || matches!(start, CampaignStart::Event { unless: Some(_), .. })
        })
    }

    /// Whether messages of a campaign are about the date in a trait.
    pub(crate) fn asks_for_date(&self, key: &str) -> bool {
        self.about_date(key).next().is_some()
    }

    fn about_date<'c>(&'c self, key: &'c str) -> impl Iterator<Item = u32> + 'c {
        self.by_key.values().filter_map(move |kept| {
            let is_its = matches!(&kept.definition.start,
                CampaignStart::Date { of_trait, .. } if of_trait == key);
            let runs = kept.definition.status == CampaignStatus::Running;
            (is_its && runs).then_some(kept.number)
        })
    }

    /// Has it looked at when messages are due that are about the date in a trait, which was set.
    pub(crate) fn follow_date(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        key: &str,
        offset: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let campaigns: Vec<u32> = self.about_date(key).collect();
        let mut row = self.person(batch, user)?;
        for campaign in campaigns {
            let occurrence = Occurrence::Dated(offset);
            let waiting = Waiting { campaign, occurrence, due: now, first_due: now };
            self.add_waiting(batch, user, &mut row, waiting);
        }
        self.put_person(batch, user, &row);
        Ok(())
    }

    /// Whether the messages of a campaign are about a date.
    pub(super) fn is_dated(&self, campaign: u32) -> bool {
        let kept = self.by_key.values().find(|kept| kept.number == campaign);
        kept.is_some_and(|kept| matches!(kept.definition.start, CampaignStart::Date { .. }))
    }
}

/// The event that begins a campaign.
pub(super) fn beginning(definition: &Campaign) -> Option<EventMatch> {
    match &definition.start {
        CampaignStart::Event { event, filters, .. } => {
            EventMatch::parse(event, filters.as_deref()).ok()
        }
        CampaignStart::At { .. }
        | CampaignStart::Dates { .. }
        | CampaignStart::Recurring { .. }
        | CampaignStart::Date { .. }
        | CampaignStart::BusinessEvent { .. }
        | CampaignStart::Triggered {} => None,
    }
}
