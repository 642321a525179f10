//! What the fold does with facts about campaigns, and with what people do that begins them.

use profiles::ExternalId;
use store::{Batch, StoreError};

use crate::Outcome;
use crate::campaigns::{
    CampaignDecision, CampaignEntry, CampaignTrigger, Occurrence, SUPPRESSED, TriggerDetails,
};
use crate::people::People;
use crate::timers::{Timer, TimerKind};
use crate::views::Views;
use domain::{Timestamp, UserIdx};

/// Why somebody whom a call names gets no message: nobody knows them any more.
const UNKNOWN_PERSON: &str = "unknown_person";

/// Applies a fact. A decision on somebody who is suppressed, or whom nobody knows any more, and a
/// second one on the same message, are skipped by the channel too.
pub(super) fn apply_campaign(
    views: &mut Views,
    batch: &mut Batch<'_>,
    offset: u64,
    entry: &CampaignEntry,
) -> Result<Outcome, StoreError> {
    match entry {
        CampaignEntry::Run(run) => {
            views.campaigns.follow_run(run);
            Ok(Outcome::Applied)
        }
        CampaignEntry::Decision(decision) => {
            let is_first = apply_decision(views, batch, offset, decision)?;
            if is_first {
                return Ok(Outcome::Applied);
            }
            views.destinations.record_skipped(batch, offset);
            Ok(Outcome::Duplicate)
        }
        CampaignEntry::BusinessEvent(event) => {
            let now = views.setup.clock.time().bound(Timestamp(i64::MAX));
            match views.campaigns.follow_business_event(batch, event, offset, now)? {
                true => Ok(Outcome::Applied),
                false => Ok(Outcome::Duplicate),
            }
        }
        CampaignEntry::BusinessEventDone(done) => match views.campaigns.end_business_event(done) {
            true => Ok(Outcome::Applied),
            false => Ok(Outcome::Duplicate),
        },
        CampaignEntry::Winner(winner) => match views.campaigns.follow_winner(winner) {
            true => Ok(Outcome::Applied),
            false => Ok(Outcome::Duplicate),
        },
        CampaignEntry::Trigger(trigger) => apply_trigger(views, batch, offset, trigger),
    }
}

/// Begins a message for each person whom a call names, unless it was made before.
fn apply_trigger(
    views: &mut Views,
    batch: &mut Batch<'_>,
    offset: u64,
    trigger: &CampaignTrigger,
) -> Result<Outcome, StoreError> {
    let CampaignTrigger { campaign, number, id, ignores_limits, people, .. } = trigger;
    if !views.campaigns.is_kept(campaign, *number) {
        return Ok(Outcome::Duplicate);
    }
    let now = views.setup.clock.time().bound(Timestamp(i64::MAX));
    if let Some(id) = id
        && !views.campaigns.note_call(batch, *number, id, now)?
    {
        return Ok(Outcome::Duplicate);
    }
    for (nth, triggered) in (0..).zip(people) {
        let Some((type_, id)) = &triggered.person else { continue };
        let person = ExternalId { type_: *type_, value: id };
        let Some(user) = views.profiles.ids().user_by_external_id(person) else {
            views.campaigns.count_refused(campaign, UNKNOWN_PERSON, 1);
            continue;
        };
        if views.regulations.suppressed.has(*type_, id) {
            views.campaigns.count_refused(campaign, SUPPRESSED, 1);
            continue;
        }
        let (properties, ignores_limits) = (triggered.properties.clone(), *ignores_limits);
        let details = TriggerDetails { properties, ignores_limits };
        let occurrence = Occurrence::Triggered { offset, nth };
        views.campaigns.begin(batch, campaign, user, occurrence, &details, now)?;
    }
    Ok(Outcome::Applied)
}

fn apply_decision(
    views: &mut Views,
    batch: &mut Batch<'_>,
    offset: u64,
    decision: &CampaignDecision,
) -> Result<bool, StoreError> {
    let Some((type_, id)) = &decision.person else {
        views.campaigns.count_erased(batch, decision)?;
        return Ok(false);
    };
    let person = ExternalId { type_: *type_, value: id };
    let Some(user) = views.profiles.ids().user_by_external_id(person) else { return Ok(false) };
    match views.regulations.suppressed.has(*type_, id) {
        // What waits for them would be due for ever.
        true => views.campaigns.drop_suppressed(batch, user, decision).map(|()| false),
        false => views.campaigns.decide(batch, user, offset, decision),
    }
}

impl Views {
    /// Follows the campaigns of the configuration, and begins to remove what waits for those that
    /// are gone.
    pub(crate) fn follow_campaigns(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        let config = std::sync::Arc::clone(&self.setup.config);
        let now = self.setup.clock.time().known().unwrap_or(Timestamp(0));
        for campaign in self.campaigns.follow_config(batch, &config, now) {
            let due = self.setup.clock.time().bound(Timestamp(i64::MAX));
            self.timers
                .schedule(batch, Timer { due, kind: TimerKind::ForgetCampaign, id: campaign })?;
        }
        Ok(())
    }

    /// Has it looked at when messages about dates are due that a message of a person has set.
    pub(super) fn follow_dates(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        traits: &[String],
        offset: u64,
    ) -> Result<(), StoreError> {
        let now = self.setup.clock.time().bound(Timestamp(i64::MAX));
        traits.iter().try_for_each(|key| self.campaigns.follow_date(batch, user, key, offset, now))
    }

    /// Removes some of what waits for a campaign that is gone, and schedules the next step.
    pub(super) fn forget_campaign(
        &mut self,
        batch: &mut Batch<'_>,
        campaign: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if !self.campaigns.forget(batch, campaign)? {
            let due = Timestamp(now.0 + 1);
            self.timers
                .schedule(batch, Timer { due, kind: TimerKind::ForgetCampaign, id: campaign })?;
        }
        Ok(())
    }
}
