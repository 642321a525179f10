//! What was decided of the messages of campaigns: facts of the journal.

pub use domain::CAMPAIGN_SOURCE;
use domain::{Message, MessageType, Timestamp, WorkspaceId};
use profiles::ExternalIdType;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_128;

use super::{HandedOver, Handing};

/// The event by which mappings of channels take the messages of campaigns.
pub const CAMPAIGN_EVENT: &str = "Campaign Message";

/// The most recommended items of a message that are remembered.
pub const MESSAGE_ITEMS_MAX: usize = 50;

/// What a message of a campaign is about: a person gets one for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Occurrence {
    /// The message at an offset of the journal that began it.
    Event(u64),
    /// The run of a time.
    Run(Timestamp),
    /// A date of the person, as the entry at an offset of the journal had it looked at.
    Dated(u64),
    /// A call of the API.
    Triggered {
        /// The place of the call in the journal.
        offset: u64,
        /// The place of the person in the call.
        nth: u32,
    },
    /// A node of a journey.
    Journey {
        /// The number of the person's way through the journey, of all journeys.
        instance: u64,
        /// How many steps the way had before.
        step: u32,
    },
}

/// What becomes of a message that was due.
#[derive(Debug, Clone, PartialEq)]
pub enum DecisionOutcome {
    /// It is sent.
    Sent(CampaignMessage),
    /// It is due again.
    Waits {
        /// The instant.
        until: Timestamp,
    },
    /// It is not sent.
    Refused {
        /// The reason in a word, as reports count it.
        reason: String,
        /// More about it, for people.
        detail: Option<String>,
    },
}

/// A decision on a message of a campaign to one person.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignDecision {
    /// When it was made.
    pub at: Timestamp,
    /// The key of the campaign.
    pub campaign: String,
    /// The number of the campaign. One of the same key that was made later has another.
    pub number: u32,
    /// An id by which the person is found; none of somebody who was deleted since.
    pub person: Option<(ExternalIdType, String)>,
    /// What the message is about.
    pub occurrence: Occurrence,
    /// The day on which it counts, in days since 1970 of the workspace's time zone.
    pub day: u32,
    /// What becomes of it.
    pub outcome: DecisionOutcome,
}

/// A message as it is handed to its channel.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignMessage {
    /// The name of the destination that sends it.
    pub channel: String,
    /// JSON text of an object: the fields, made of the templates.
    pub fields: String,
    /// Which of the campaign's variants it is; none where it has none.
    pub variant: Option<String>,
    /// The ids of the recommended items in it, each once, up to [`MESSAGE_ITEMS_MAX`].
    pub items: Vec<String>,
    /// Whether it is the first of the campaign to the person on that day.
    pub is_first_of_day: bool,
}

/// A message that was due to somebody who cannot be named, since they have no id: it does not wait
/// any more.
#[derive(Debug, Clone, PartialEq)]
pub struct UnnamedPerson {
    /// When it was written.
    pub at: Timestamp,
    /// The key of the campaign.
    pub campaign: String,
    /// The number of the campaign.
    pub number: u32,
    /// The index of the person.
    pub user: u32,
    /// What the message is about.
    pub occurrence: Occurrence,
}

/// How far a run came: everybody before a place was decided on.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignRun {
    /// When this was written.
    pub at: Timestamp,
    /// The key of the campaign.
    pub campaign: String,
    /// The number of the campaign.
    pub number: u32,
    /// The day on which `refused` counts, in days since 1970 of the workspace's time zone.
    pub day: u32,
    /// The time of the run.
    pub run: Timestamp,
    /// The index of the first person who was not looked at.
    pub next_user: u32,
    /// Whether everybody was.
    pub is_done: bool,
    /// People who get no message because the campaign may send no more, by reason, since the place
    /// before. Of others there are decisions.
    pub refused: Vec<(String, u64)>,
    /// How many runs before it were due and did not begin.
    pub missed: u64,
    /// For how many people it would be, where that are too many, so that it does not begin.
    pub too_many: Option<u64>,
}

/// The variant of a campaign that everybody gets from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignWinner {
    /// When it was decided.
    pub at: Timestamp,
    /// The key of the campaign.
    pub campaign: String,
    /// The number of the campaign.
    pub number: u32,
    /// The key of the variant.
    pub variant: String,
    /// Whether it is better for sure, or was ahead when the time was over.
    pub is_sure: bool,
}

/// A call that begins messages of a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignTrigger {
    /// When it was made.
    pub at: Timestamp,
    /// The key of the campaign.
    pub campaign: String,
    /// The number of the campaign.
    pub number: u32,
    /// Names the call over all repeats; none where each is one of its own.
    pub id: Option<String>,
    /// Whether the gap of the campaign and the limits of the channel are passed over.
    pub ignores_limits: bool,
    /// Who gets a message, in order.
    pub people: Vec<TriggeredPerson>,
}

/// A person whom a call names.
#[derive(Debug, Clone, PartialEq)]
pub struct TriggeredPerson {
    /// An id by which they are found; none of somebody who was deleted since.
    pub person: Option<(ExternalIdType, String)>,
    /// JSON text of an object: what templates see as `event.properties`.
    pub properties: String,
}

/// Something that happened in the business, and that some people want to know.
#[derive(Debug, Clone, PartialEq)]
pub struct BusinessEvent {
    /// When it was told.
    pub at: Timestamp,
    /// The name by which campaigns begin.
    pub name: String,
    /// Names it over all repeats; none where each is one of its own.
    pub id: Option<String>,
    /// The items that it is about.
    pub items: Vec<String>,
    /// A property of items and its value: it is about all that have it.
    pub property: Option<(String, String)>,
    /// JSON text of an object: what templates see as `event.properties`.
    pub properties: String,
}

/// The people who are interested in a business event have been found, for one campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessEventDone {
    /// When this was written.
    pub at: Timestamp,
    /// The key of the campaign.
    pub campaign: String,
    /// The number of the campaign.
    pub number: u32,
    /// The place of the business event in the journal.
    pub offset: u64,
    /// Whether it was too late to tell anybody.
    pub is_missed: bool,
}

/// A fact about a campaign.
#[derive(Debug, Clone, PartialEq)]
pub enum CampaignEntry {
    /// A decision on one message.
    Decision(CampaignDecision),
    /// Nothing could be decided on one message.
    Unnamed(UnnamedPerson),
    /// A run came further.
    Run(CampaignRun),
    /// A call began messages.
    Trigger(CampaignTrigger),
    /// The best variant is known.
    Winner(CampaignWinner),
    /// A business event that campaigns may begin with.
    BusinessEvent(BusinessEvent),
    /// Its people have been found.
    BusinessEventDone(BusinessEventDone),
    /// Messages are about to be handed over.
    Handing(Handing),
    /// What became of them.
    HandedOver(HandedOver),
}

impl CampaignEntry {
    /// When it was written.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Decision(decision) => decision.at,
            Self::Unnamed(unnamed) => unnamed.at,
            Self::Run(run) => run.at,
            Self::Trigger(trigger) => trigger.at,
            Self::Winner(winner) => winner.at,
            Self::BusinessEvent(event) => event.at,
            Self::BusinessEventDone(done) => done.at,
            Self::Handing(handing) => handing.at,
            Self::HandedOver(handed) => handed.at,
        }
    }
}

impl CampaignDecision {
    /// The message that the channel of the workspace gets; none where nothing is sent.
    pub fn message(&self, workspace: &WorkspaceId) -> Option<Message> {
        let DecisionOutcome::Sent(sent) = &self.outcome else { return None };
        let fields = serde_json::from_str(&sent.fields).ok();
        let mut body: Map<String, Value> = fields.unwrap_or_default();
        body.insert("campaign".to_owned(), self.campaign.as_str().into());
        if let Some(variant) = &sent.variant {
            body.insert("variant".to_owned(), variant.as_str().into());
        }
        let integrations = json!({ "All": false, sent.channel.clone(): true });
        Some(Message {
            event: Some(CAMPAIGN_EVENT.to_owned()),
            body: Some(Value::Object(body).to_string()),
            integrations: Some(integrations.to_string()),
            ..self.envelope(workspace)?
        })
    }

    /// A message to the person without what it says.
    pub(super) fn envelope(&self, workspace: &WorkspaceId) -> Option<Message> {
        let (type_, id) = self.person.as_ref()?;
        let named_as = |wanted: ExternalIdType| (*type_ == wanted).then(|| id.clone());
        let context = type_.is_declared().then(|| {
            json!({ "externalIds": [{
                "id": id, "type": type_.word(), "collection": "users", "encoding": "none",
            }] })
        });
        Some(Message {
            message_id: message_id(self.message_number(workspace)?),
            type_: MessageType::Track,
            user_id: named_as(ExternalIdType::UserId),
            anonymous_id: named_as(ExternalIdType::AnonymousId),
            previous_id: None,
            group_id: None,
            event: None,
            name: None,
            category: None,
            body: None,
            context: context.map(|context| context.to_string()),
            integrations: None,
            timestamp: self.at,
            original_timestamp: None,
            sent_at: None,
            received_at: self.at,
            source: CAMPAIGN_SOURCE.to_owned(),
            violations: Vec::new(),
            enriched: Vec::new(),
        })
    }

    /// The number of the message ([`number_message`]); none of somebody who was deleted since.
    pub fn message_number(&self, workspace: &WorkspaceId) -> Option<u128> {
        let (type_, id) = self.person.as_ref()?;
        let campaign = (self.campaign.as_str(), self.number);
        Some(number_message(workspace, campaign, (*type_, id), self.occurrence))
    }
}

/// Names a message of a campaign to a person over all repeats, so that a receiver can drop them.
pub fn number_message(
    workspace: &WorkspaceId,
    (campaign, number): (&str, u32),
    (type_, id): (ExternalIdType, &str),
    occurrence: Occurrence,
) -> u128 {
    let occurrence = match occurrence {
        Occurrence::Event(offset) => format!("event {offset}"),
        Occurrence::Run(at) => format!("run {}", at.0),
        Occurrence::Dated(offset) => format!("date {offset}"),
        Occurrence::Triggered { offset, nth } => format!("trigger {offset} {nth}"),
        Occurrence::Journey { instance, step } => format!("journey {instance} {step}"),
    };
    let type_ = type_.word();
    let parts = format!("{workspace}\0{campaign}\0{number}\0{type_}\0{id}\0{occurrence}");
    xxh3_128(parts.as_bytes())
}

/// The id of a message by its number: 32 hexadecimal digits.
pub fn message_id(number: u128) -> String {
    format!("{number:032x}")
}

/// The number of a message by its id.
pub fn parse_message_id(id: &str) -> Option<u128> {
    let is_one = id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    is_one.then(|| u128::from_str_radix(id, 16).ok()).flatten()
}
