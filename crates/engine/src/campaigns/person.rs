//! What is known of a person when a message to them is due.

use activation::{DueMessage, PastMessage};
use conditions::{Event, EventMatch};
use domain::{Campaign, CampaignStart, CampaignStatus, Destination, TimeZone, Timestamp, UserIdx};
use profiles::ExternalIdType;
use serde_json::{Map, Value, json};
use serving::{QueryError, Snapshot};
use state::{Occurrence, Waiting, channel_code};
use xxhash_rust::xxh3::xxh3_64;

use super::Step;
use crate::EngineError;
use crate::shared::Shared;
use crate::timeline_message::read_message;

/// The trait that says in which time zone a person is.
const ZONE_TRAIT: &str = "timezone";

/// A person, read when a message to them is due.
pub(super) struct Person {
    /// An id by which they are found.
    pub(super) name: (ExternalIdType, String),
    /// Their ids and traits, as templates read them.
    pub(super) profile: Value,
    /// The event that began the message, as templates read it; null for others.
    pub(super) event: Value,
    is_member: bool,
    did_meanwhile: bool,
    past: Vec<PastMessage>,
    zone: Option<TimeZone>,
    is_of_control_group: bool,
    is_wanted: bool,
}

impl Person {
    /// Reads a person; none who is gone or has no id.
    pub(super) fn read(
        shared: &Shared,
        step: &Step<'_>,
        user: UserIdx,
        waiting: &Waiting,
    ) -> Result<Option<Self>, EngineError> {
        let definition = &step.campaign.definition;
        let event = match waiting.occurrence {
            Occurrence::Event(offset) => read_message(shared, offset)?,
            Occurrence::Run(_) => None,
        };
        let event = event.as_ref().and_then(Event::from_message);
        let did_meanwhile = did_meanwhile(shared, definition, event.as_ref(), user)?;
        let snapshot = shared.live.snapshot();
        let ids = snapshot.profiles.ids();
        let name = match ids.is_alive(user) {
            true => snapshot.find_user_name(user)?,
            false => None,
        };
        let Some(name) = name else { return Ok(None) };
        let is_member = match &definition.audience {
            Some(key) => snapshot.audiences_of(user)?.contains(&key.as_str()),
            None => true,
        };
        let traits = read_traits(&snapshot, user)?;
        let zone = traits.get(ZONE_TRAIT).and_then(Value::as_str).and_then(TimeZone::named);
        let past = snapshot.campaigns.past_messages(snapshot.store(), user);
        let past = past.map_err(QueryError::from)?;
        let is_wanted = is_wanted(&snapshot, definition, user)?;
        drop(snapshot);
        let (type_, id) = &name;
        let profile = json!({ type_.word(): id, "traits": traits });
        let is_of_control_group = is_of_control_group(definition, id);
        let event = event.map_or(Value::Null, |event| {
            json!({
                "event": event.name,
                "timestamp": event.timestamp,
                "properties": event.properties,
            })
        });
        Ok(Some(Self {
            name,
            profile,
            event,
            is_member,
            did_meanwhile,
            past,
            zone,
            is_of_control_group,
            is_wanted,
        }))
    }

    /// Why no message is for this person, before anything else is looked at.
    pub(super) fn refuses(&self, definition: &Campaign) -> Option<&'static str> {
        if definition.status == CampaignStatus::Stopped {
            Some("campaign_stopped")
        } else if !self.is_member {
            Some("not_qualified")
        } else if self.did_meanwhile {
            Some("did_meanwhile")
        } else {
            None
        }
    }

    /// The message, as the checks see it.
    pub(super) fn due_message(
        &self,
        step: &Step<'_>,
        waiting: &Waiting,
        is_reachable: bool,
    ) -> DueMessage<'_> {
        DueMessage {
            channel: channel_code(&step.campaign.definition.channel),
            campaign: step.campaign.number,
            first_due: waiting.first_due,
            is_of_control_group: self.is_of_control_group,
            is_wanted: self.is_wanted,
            is_reachable,
            zone: self.zone.as_ref(),
            past: &self.past,
            sent: step.sent,
        }
    }

    /// Whether a message now is the first of the campaign on its day.
    pub(super) fn is_first_of_day(&self, step: &Step<'_>) -> bool {
        let is_of_today = |past: &&PastMessage| activation::day_of(step.zone, past.at) == step.day;
        let of_campaign = |past: &&PastMessage| past.campaign == step.campaign.number;
        !self.past.iter().filter(of_campaign).any(|past| is_of_today(&past))
    }
}

/// Whether a person wants messages of the channel and the topic of a campaign.
fn is_wanted(
    snapshot: &Snapshot<'_>,
    definition: &Campaign,
    user: UserIdx,
) -> Result<bool, QueryError> {
    let config = &snapshot.setup.config;
    let kinds = config.destination(&definition.channel).map(Destination::channel_kinds);
    let topic = definition.topic.as_deref().and_then(|key| config.topic(key));
    let said = snapshot.subscriptions.of(snapshot.store(), user)?;
    Ok(said.wants_channel(&kinds.unwrap_or_default())
        && topic.is_none_or(|topic| said.wants_topic(topic)))
}

/// The traits of a person of every class but lists, which templates ask for by `recommend`.
fn read_traits(snapshot: &Snapshot<'_>, user: UserIdx) -> Result<Map<String, Value>, QueryError> {
    let mut traits = Map::new();
    for (key, stored) in snapshot.stored_traits(user)? {
        if let Ok(value) = serde_json::from_str(&stored.json) {
            traits.insert(key, value);
        }
    }
    for (key, computed) in snapshot.computed_traits(user)? {
        traits.insert(key, computed.value);
    }
    Ok(traits)
}

/// Whether the person did what keeps the message from them, after the event and in time.
fn did_meanwhile(
    shared: &Shared,
    definition: &Campaign,
    event: Option<&Event>,
    user: UserIdx,
) -> Result<bool, EngineError> {
    let CampaignStart::Event { after_s, unless: Some(unless), .. } = &definition.start else {
        return Ok(false);
    };
    let Some(event) = event else { return Ok(false) };
    let until = Timestamp(event.timestamp.0 + i64::from(*after_s) * 1_000);
    let done = shared.live.snapshot().events_with_names(
        user,
        &[unless.event.as_str()],
        Timestamp(event.timestamp.0 + 1),
    )?;
    let done = done.into_iter().filter(|done| done.timestamp <= until);
    let Some(filters) = &unless.filters else { return Ok(done.count() > 0) };
    let Ok(wanted) = EventMatch::parse(&unless.event, Some(filters)) else { return Ok(false) };
    for done in done {
        let message = read_message(shared, done.offset)?;
        let found = message.as_ref().and_then(Event::from_message);
        if found.is_some_and(|found| wanted.matches(&found)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a person gets nothing of a campaign, so that its effect is measured: the same for good.
fn is_of_control_group(definition: &Campaign, id: &str) -> bool {
    let place = xxh3_64(format!("control\0{}\0{id}", definition.key).as_bytes()) % 100;
    place < u64::from(definition.control_percent)
}
