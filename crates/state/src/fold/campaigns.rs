//! What the fold does with facts about campaigns, and with what people do that begins them.

use profiles::ExternalId;
use store::{Batch, StoreError};

use crate::Outcome;
use crate::campaigns::{CampaignDecision, CampaignEntry};
use crate::people::People;
use crate::timers::{Timer, TimerKind};
use crate::views::Views;
use domain::Timestamp;

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
        CampaignEntry::Unnamed(unnamed) => {
            views.campaigns.drop_unnamed(batch, unnamed)?;
            Ok(Outcome::Applied)
        }
        CampaignEntry::Handing(handing) => {
            views.campaigns.begin_handing(batch, handing);
            Ok(Outcome::Applied)
        }
        CampaignEntry::HandedOver(handed) => {
            views.campaigns.end_handing(batch, handed);
            Ok(Outcome::Applied)
        }
        CampaignEntry::Decision(decision) => {
            let is_first = apply_decision(views, batch, decision)?;
            if is_first {
                return Ok(Outcome::Applied);
            }
            views.destinations.record_skipped(batch, offset);
            Ok(Outcome::Duplicate)
        }
    }
}

fn apply_decision(
    views: &mut Views,
    batch: &mut Batch<'_>,
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
        false => views.campaigns.decide(batch, user, decision),
    }
}

impl Views {
    /// Follows the campaigns of the configuration, and begins to remove what waits for those that
    /// are gone.
    pub(crate) fn follow_campaigns(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        let config = std::sync::Arc::clone(&self.setup.config);
        let destinations = self.destinations.iter().map(|(_, standing)| standing.added_at);
        self.campaigns.forget_handing(batch, &destinations.collect())?;
        for campaign in self.campaigns.follow_config(batch, &config) {
            let due = self.setup.clock.time().bound(Timestamp(i64::MAX));
            self.timers
                .schedule(batch, Timer { due, kind: TimerKind::ForgetCampaign, id: campaign })?;
        }
        Ok(())
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
