//! What is known of a person when a message to them is due.

use activation::{DueMessage, PastMessage, SentCounts};
use conditions::{Event, EventMatch};
use domain::{
    Campaign, CampaignStart, CampaignStatus, ControlGroups, Destination, TimeZone, Timestamp,
    UserIdx,
};
use profiles::ExternalIdType;
use serde_json::{Map, Value, json};
use serving::{QueryError, Snapshot};
use state::{Occurrence, Waiting, channel_code};
use xxhash_rust::xxh3::xxh3_64;

use super::CAMPAIGN_STOPPED;
use super::deciding::Step;
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
    /// The keys of the audiences to which they belong, where the campaign asks for any.
    pub(super) audiences: Vec<String>,
    is_member: bool,
    did_meanwhile: bool,
    past: Vec<PastMessage>,
    pub(super) zone: Option<TimeZone>,
    is_of_control_group: bool,
    /// Whether the gap of the campaign and the limits of the channel are passed over.
    pub(super) ignores_limits: bool,
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
            _ => None,
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
        let needs_audiences = definition.audience.is_some()
            || definition.variants.iter().any(|variant| variant.audience.is_some());
        let audiences = if needs_audiences { snapshot.audiences_of(user)? } else { Vec::new() };
        let audiences: Vec<String> = audiences.into_iter().map(str::to_owned).collect();
        let is_member = definition.audience.as_ref().is_none_or(|key| audiences.contains(key));
        let traits = read_traits(&snapshot, user)?;
        let zone = traits.get(ZONE_TRAIT).and_then(Value::as_str).and_then(TimeZone::named);
        let past = snapshot.campaigns.past_messages(snapshot.store(), user);
        let past = past.map_err(QueryError::from)?;
        let trigger = snapshot.campaigns.trigger_details(snapshot.store(), user, waiting);
        let trigger = trigger.map_err(QueryError::from)?;
        let is_wanted = is_wanted(&snapshot, definition, user)?;
        drop(snapshot);
        let (type_, id) = &name;
        let profile = json!({ type_.word(): id, "traits": traits });
        let is_of_control_group = is_of_control_group(definition, &step.config.control_groups, id);
        let event = match (event, &trigger) {
            (Some(event), _) => json!({
                "event": event.name,
                "timestamp": event.timestamp,
                "properties": event.properties,
            }),
            (None, Some(trigger)) => json!({
                "event": definition.key,
                "timestamp": waiting.first_due,
                "properties": serde_json::from_str::<Value>(&trigger.properties).ok(),
            }),
            (None, None) => Value::Null,
        };
        Ok(Some(Self {
            name,
            profile,
            event,
            audiences,
            is_member,
            did_meanwhile,
            past,
            zone,
            is_of_control_group,
            ignores_limits: trigger.is_some_and(|trigger| trigger.ignores_limits),
            is_wanted,
        }))
    }

    /// Why no message is for this person, before anything else is looked at.
    pub(super) fn refuses(&self, definition: &Campaign) -> Option<&'static str> {
        if definition.status == CampaignStatus::Stopped {
            Some(CAMPAIGN_STOPPED)
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
        (is_reachable, sent): (bool, SentCounts),
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
            sent,
        }
    }

    /// Whether a message now is the first of the campaign on its day.
    pub(super) fn is_first_of_day(&self, step: &Step<'_>) -> bool {
        let is_of_today = |past: &&PastMessage| activation::day_of(&step.zone, past.at) == step.day;
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
/// The groups of the workspace are the same for all campaigns.
fn is_of_control_group(definition: &Campaign, control: &ControlGroups, id: &str) -> bool {
    let is_within = |of: String, percent: u8| {
        xxh3_64(format!("{of}\0{id}").as_bytes()) % 100 < u64::from(percent)
    };
    let is_of_system = !definition.options.ignores_system_control
        && is_within("system_control".to_owned(), control.system_percent);
    let group = definition.control_group.as_ref();
    let group = group.and_then(|name| control.groups.iter().find(|group| group.name == *name));
    let is_of_group = group
        .is_some_and(|group| is_within(format!("control_group\0{}", group.name), group.percent));
    let of_campaign = format!("control\0{}", definition.key);
    is_of_system || is_of_group || is_within(of_campaign, definition.control_percent)
}
