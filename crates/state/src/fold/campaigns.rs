//! What the fold does with facts about campaigns, and with what people do that begins them.

use conditions::Event;
use domain::{Message, Timestamp, UserIdx};
use mapping::{Action, MappingError};
use profiles::ExternalId;
use store::{Batch, StoreError};

use crate::Outcome;
use crate::campaign_reports::{Decided, ToldEvent};
use crate::campaigns::{
    CAMPAIGN_SOURCE, CampaignDecision, CampaignEntry, CampaignTrigger, DecisionOutcome,
    DueMessageOf, Occurrence, SUPPRESSED, TriggerDetails,
};
use crate::in_app::{InAppMessage, InAppReport};
use crate::people::People;
use crate::timers::{Timer, TimerKind};
use crate::views::Views;

/// The most items of a success that are looked for among those that were recommended.
const CONVERSION_ITEMS_MAX: usize = 50;
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
    let now = views.setup.clock.time().bound(entry.at());
    views.in_app.remove_expired(batch, now)?;
    match entry {
        CampaignEntry::Run(run) => {
            views.campaigns.follow_run(batch, run)?;
            Ok(Outcome::Applied)
        }
        CampaignEntry::Unnamed(unnamed) => {
            views.campaigns.drop_unnamed(batch, unnamed)?;
            let refused = DecisionOutcome::Refused { reason: String::new(), detail: None };
            let user = UserIdx(unnamed.user);
            views.follow_journey_message(batch, user, unnamed.occurrence, &refused)?;
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
        views.campaign_reports.count_erased(batch, decision)?;
        return Ok(false);
    };
    let person = ExternalId { type_: *type_, value: id };
    let Some(user) = views.profiles.ids().user_by_external_id(person) else { return Ok(false) };
    if views.regulations.suppressed.has(*type_, id) {
        // What waits for them would be due for ever.
        views.campaigns.drop_suppressed(batch, user, decision)?;
        let refused = DecisionOutcome::Refused { reason: String::new(), detail: None };
        views.follow_journey_message(batch, user, decision.occurrence, &refused)?;
        return Ok(false);
    }
    let is_first = views.campaigns.decide(batch, user, offset, decision)?;
    if is_first {
        views.follow_journey_message(batch, user, decision.occurrence, &decision.outcome)?;
        keep_in_app(views, batch, user, decision)?;
    }
    if is_first && let Some(message) = decision.message_number(&views.setup.config.id) {
        let goal = views.campaigns.goal(&decision.campaign);
        let decided = Decided { decision, offset, message, goal };
        views.campaign_reports.follow_decision(batch, user, decided)?;
    }
    Ok(is_first)
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
    /// Counts a message for the reports of campaigns: what it tells of one of their messages, and
    /// whether it is a success of theirs. The items of a success are those of the interactions that
    /// mappings make of it.
    pub(super) fn follow_for_reports(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        message: &Message,
        actions: &[Result<Action, MappingError>],
    ) -> Result<(), StoreError> {
        if let Some(told) = ToldEvent::read(message) {
            self.campaign_reports.follow_event(batch, user, &told)?;
        }
        if !self.campaigns.may_succeed(message.event_name()) {
            return Ok(());
        }
        let Some(event) = Event::from_message(message) else { return Ok(()) };
        let goals = self.campaigns.reached_goals(&event);
        if goals.is_empty() {
            return Ok(());
        }
        let items = actions.iter().filter_map(|action| match action {
            Ok(Action::AddInteraction(interaction)) => Some(interaction.item_id.clone()),
            _ => None,
        });
        let items = items.take(CONVERSION_ITEMS_MAX).collect();
        self.campaign_reports.follow_conversion(batch, user, event.timestamp, goals, items)
    }

    /// Follows the campaigns of the configuration, and begins to remove what waits for those that
    /// are gone.
    pub(crate) fn follow_campaigns(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        let config = std::sync::Arc::clone(&self.setup.config);
        let destinations = self.destinations.iter().map(|(_, standing)| standing.added_at);
        self.campaigns.forget_handing(batch, &destinations.collect())?;
        let now = self.setup.clock.time().known().unwrap_or(Timestamp(0));
        let gone = self.campaigns.follow_config(batch, &config, now);
        let numbers = self.campaigns.by_key().values().map(|kept| kept.number).collect();
        self.campaign_reports.follow_campaigns(batch, &numbers)?;
        for campaign in gone {
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
        let (is_all, forgotten) = self.campaigns.forget(batch, campaign)?;
        for DueMessageOf { user, waiting } in forgotten {
            let refused = DecisionOutcome::Refused { reason: String::new(), detail: None };
            self.follow_journey_message(batch, user, waiting.occurrence, &refused)?;
        }
        if !is_all {
            let due = Timestamp(now.0 + 1);
            self.timers
                .schedule(batch, Timer { due, kind: TimerKind::ForgetCampaign, id: campaign })?;
        }
        Ok(())
    }
}
