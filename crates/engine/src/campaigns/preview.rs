//! What a person would get of a campaign now. Nothing is written.

use std::sync::Arc;

use conditions::{Event, EventMatch};
use connectors::{InstanceKey, Outgoing};
use domain::{
    Campaign, CampaignStart, CampaignStatus, DeliveryOptions, Message, Timestamp, UserIdx,
};
use serving::Serving;
use state::{CampaignDecision, DecisionOutcome, Occurrence, Waiting};

use super::{Running, Sender};
use crate::EngineError;
use crate::shared::Shared;
use crate::timeline_message::read_message;
use crate::writer::Writer;

/// How many events of a person are looked at for the latest one that begins a campaign.
const EVENTS_READ_MAX: usize = 100;
/// The number of a campaign that was not saved yet: nobody has got a message of it.
const NO_NUMBER: u32 = u32::MAX;

/// What a person would get of a campaign now.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignPreview {
    /// JSON text of an object: the fields as they would be made, also where the message would be
    /// refused or wait for another reason than its content.
    pub fields: Option<String>,
    /// What the channel would get of these.
    pub message: Option<Message>,
    /// Why it would not be sent: the reason in a word, as reports count it, and more about it.
    pub refused: Option<(String, Option<String>)>,
    /// Until when it would wait.
    pub waits_until: Option<Timestamp>,
    /// When the event happened that it is about, the latest of the person that begins the
    /// campaign; none where there is no such event, or the campaign has a time.
    pub event_at: Option<Timestamp>,
}

/// What previews are made with.
pub(crate) struct CampaignPreviews<'e> {
    pub(crate) shared: &'e Arc<Shared>,
    pub(crate) writer: &'e Arc<Writer>,
    pub(crate) serving: &'e Arc<Serving>,
    pub(crate) outgoing: Option<&'e Arc<Outgoing>>,
    pub(crate) key: Option<&'e Arc<InstanceKey>>,
}

impl CampaignPreviews<'_> {
    /// What a person would get of a campaign now, as if it ran. None where the person is gone.
    pub(crate) fn preview(
        &self,
        draft: &Campaign,
        user: UserIdx,
    ) -> Result<Option<CampaignPreview>, EngineError> {
        let now = self.shared.clock.now();
        let event = self.latest_beginning(draft, user)?;
        let occurrence = match event {
            Some((_, offset)) => Occurrence::Event(offset),
            None => Occurrence::Run(now),
        };
        let decide = |definition| self.decide(definition, user, occurrence, now);
        let Some(decision) = decide(draft.clone())? else { return Ok(None) };
        let mut preview = CampaignPreview {
            fields: None,
            message: None,
            refused: None,
            waits_until: None,
            event_at: event.map(|(at, _)| at),
        };
        match &decision.outcome {
            DecisionOutcome::Sent(_) => {}
            DecisionOutcome::Waits { until } => preview.waits_until = Some(*until),
            DecisionOutcome::Refused { reason, detail } => {
                preview.refused = Some((reason.clone(), detail.clone()));
            }
        }
        // The message itself is of interest, whatever keeps it from the person at the moment.
        let sent = match decision.outcome {
            DecisionOutcome::Sent(_) => Some(decision),
            _ => decide(for_everybody(draft, now))?,
        };
        if let Some(sent) = sent {
            preview.message = sent.message(&self.shared.config.load().id);
            if let DecisionOutcome::Sent(message) = sent.outcome {
                preview.fields = Some(message.fields);
            }
        }
        Ok(Some(preview))
    }

    /// What would be decided on a message that is due now, if the campaign ran.
    fn decide(
        &self,
        definition: Campaign,
        user: UserIdx,
        occurrence: Occurrence,
        now: Timestamp,
    ) -> Result<Option<CampaignDecision>, EngineError> {
        let mut definition = Campaign { status: CampaignStatus::Running, ..definition };
        // Nobody who looks at it has opened it.
        (definition.options.track_links, definition.options.track_opens) =
            (Some(false), Some(false));
        let campaign = definition.key.clone();
        let running = {
            let snapshot = self.shared.live.snapshot();
            let kept = snapshot.campaigns.by_key().get(&campaign);
            Running {
                key: campaign,
                number: kept.map_or(NO_NUMBER, |kept| kept.number),
                definition: Arc::new(definition),
                n_waiting: 0,
                run: kept.and_then(|kept| kept.run),
                messages: kept.map_or(0, |kept| kept.counts.sent),
                running_since: Some(now),
                variants: kept.map(|kept| kept.variants.clone()).unwrap_or_default(),
                events: Vec::new(),
            }
        };
        let Self { shared, writer, serving, outgoing, key } = *self;
        let sender = Sender::new(shared, writer, serving, outgoing, key);
        let waiting = Waiting { campaign: running.number, occurrence, due: now, first_due: now };
        let decisions =
            sender.decide(&mut sender.begin_step(&running, now)?, &[(user, waiting)])?;
        Ok(decisions.into_iter().next().flatten())
    }

    /// The time and the offset of a person's latest event that begins a campaign.
    fn latest_beginning(
        &self,
        draft: &Campaign,
        user: UserIdx,
    ) -> Result<Option<(Timestamp, u64)>, EngineError> {
        let CampaignStart::Event { event, filters, .. } = &draft.start else { return Ok(None) };
        let Ok(wanted) = EventMatch::parse(event, filters.as_deref()) else { return Ok(None) };
        let latest_first =
            self.shared.live.snapshot().events_with_names(user, &[event.as_str()], Timestamp(0))?;
        for named in latest_first.into_iter().take(EVENTS_READ_MAX) {
            let message = read_message(self.shared, named.offset)?;
            let found = message.as_ref().and_then(Event::from_message);
            if found.is_some_and(|found| wanted.matches(&found)) {
                return Ok(Some((named.timestamp, named.offset)));
            }
        }
        Ok(None)
    }
}

/// The same message without anything that keeps it from people.
fn for_everybody(draft: &Campaign, now: Timestamp) -> Campaign {
    let mut draft = Campaign {
        audience: None,
        test: None,
        control_group: None,
        control_percent: 0,
        options: DeliveryOptions {
            ignores_channel_limits: true,
            ignores_system_control: true,
            ignores_subscriptions: true,
            ..DeliveryOptions::default()
        },
        ..draft.clone()
    };
    match &mut draft.start {
        CampaignStart::Event { unless, .. } => *unless = None,
        start => *start = CampaignStart::At { at: now },
    }
    draft
}
