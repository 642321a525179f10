//! What the fold does with facts about campaigns, and with what people do that begins them.

use profiles::ExternalId;
use store::{Batch, StoreError};

use crate::Outcome;
use crate::campaigns::{CAMPAIGN_SOURCE, CampaignDecision, CampaignEntry, DecisionOutcome};
use crate::in_app::{InAppMessage, InAppReport};
use crate::people::People;
use crate::timers::{Timer, TimerKind};
use crate::views::Views;
use domain::{Message, Timestamp, UserIdx};

/// Applies a fact. A decision on somebody who is suppressed, or whom nobody knows any more, and a
/// second one on the same message, are skipped by the channel too.
pub(super) fn apply_campaign(
    views: &mut Views,
    batch: &mut Batch<'_>,
    offset: u64,
    entry: &CampaignEntry,
) -> Result<Outcome, StoreError> {
    let now = views.setup.clock.time().bound(entry.at());
    views.in_app.remove_expired(batch, now)?;
    match entry {
        CampaignEntry::Run(run) => {
            views.campaigns.follow_run(run);
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
        false => {
            let is_first = views.campaigns.decide(batch, user, decision)?;
            if is_first {
                keep_in_app(views, batch, user, decision)?;
            }
            Ok(is_first)
        }
    }
}

/// Keeps a message for the person, where its channel is one whose messages wait for a page.
fn keep_in_app(
    views: &mut Views,
    batch: &mut Batch<'_>,
    user: UserIdx,
    decision: &CampaignDecision,
) -> Result<(), StoreError> {
    let DecisionOutcome::Sent(sent) = &decision.outcome else { return Ok(()) };
    let channel = views.setup.config.destination(&sent.channel);
    if !channel.is_some_and(|channel| channel.is_in_app() && channel.enabled) {
        return Ok(());
    }
    let Some(message) = decision.message(&views.setup.config.id) else { return Ok(()) };
    let named = (decision.campaign.as_str(), sent.channel.as_str());
    let message = InAppMessage::new(message.message_id, named, decision.at, &sent.fields);
    views.in_app.add(batch, user, message)
}

/// Notes what a page says of an in-app message.
pub(super) fn follow_in_app_report(
    views: &mut Views,
    batch: &mut Batch<'_>,
    user: UserIdx,
    message: &Message,
) -> Result<(), StoreError> {
    #[derive(serde::Deserialize)]
    struct Named {
        message_id: String,
    }
    let event = message.event.as_deref().filter(|_| message.source == CAMPAIGN_SOURCE);
    let report = InAppReport::ALL.into_iter().find(|report| Some(report.event()) == event);
    let body = message.body.as_deref().unwrap_or_default();
    let (Some(report), Ok(named)) = (report, serde_json::from_str::<Named>(body)) else {
        return Ok(());
    };
    views.in_app.follow_report(batch, user, &named.message_id, report)
}

impl Views {
    /// Follows the campaigns of the configuration, and begins to remove what waits for those that
    /// are gone.
    pub(crate) fn follow_campaigns(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        let config = std::sync::Arc::clone(&self.setup.config);
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
