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

/// What a message of a campaign is about: a person gets one for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Occurrence {
    /// The message at an offset of the journal that began it.
    Event(u64),
    /// The run of a time.
    Run(Timestamp),
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
    /// The day on which it counts, in days since 1970 of the workspace's time zone.
    pub day: u32,
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
    /// The time of the run.
    pub run: Timestamp,
    /// The index of the first person who was not looked at.
    pub next_user: u32,
    /// Whether everybody was.
    pub is_done: bool,
    /// People who get no message, by reason, since the place before.
    pub refused: Vec<(String, u64)>,
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
            message_id: self.message_id(workspace, *type_, id),
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

    /// Names the message over all repeats, so that a receiver can drop them: 32 hexadecimal digits.
    fn message_id(&self, workspace: &WorkspaceId, type_: ExternalIdType, id: &str) -> String {
        let occurrence = match self.occurrence {
            Occurrence::Event(offset) => format!("event {offset}"),
            Occurrence::Run(at) => format!("run {}", at.0),
        };
        let (campaign, number, type_) = (&self.campaign, self.number, type_.word());
        let parts = format!("{workspace}\0{campaign}\0{number}\0{type_}\0{id}\0{occurrence}");
        format!("{:032x}", xxh3_128(parts.as_bytes()))
    }
}
