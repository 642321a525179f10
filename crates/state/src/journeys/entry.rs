//! Facts about journeys in the journal.

use domain::{Message, MessageType, Timestamp, WorkspaceId};
use profiles::ExternalIdType;
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_128;

use super::instance::{InstanceId, Moment};

/// The source of what journeys send, as rules of destinations name it.
pub const JOURNEY_SOURCE: &str = "journey";
/// The event by which mappings of destinations take it.
pub const JOURNEY_EVENT: &str = "Journey Step";
/// The most people whom one call lets enter.
pub const TRIGGERED_PEOPLE_MAX: usize = 1_000;

/// Somebody whom a call lets enter a journey.
#[derive(Debug, Clone, PartialEq)]
pub struct EnteringPerson {
    /// An id of the person.
    pub id: (ExternalIdType, String),
    /// JSON text of an object: what tests and messages find as that of the entry.
    pub properties: String,
}

/// A call lets people enter a journey.
#[derive(Debug, Clone, PartialEq)]
pub struct JourneyTrigger {
    /// When.
    pub at: Timestamp,
    /// The key of the journey.
    pub journey: String,
    /// The people.
    pub people: Vec<EnteringPerson>,
}

/// What the engine found for somebody at a node.
#[derive(Debug, Clone, PartialEq)]
pub enum JourneyFinding {
    /// The instant at which the clock says what was waited for.
    Until(Timestamp),
    /// What is sent to a destination.
    Sent {
        /// The name of the destination.
        destination: String,
        /// JSON text of an object: the properties.
        properties: String,
    },
}

/// What the engine found for somebody at a node, who waits for it.
#[derive(Debug, Clone, PartialEq)]
pub struct JourneyAnswer {
    /// When.
    pub at: Timestamp,
    /// The key of the journey.
    pub journey: String,
    /// The number of the journey.
    pub number: u32,
    /// An id by which the person is found; none of somebody who was deleted since.
    pub person: Option<(ExternalIdType, String)>,
    /// The entry of the person.
    pub entered: Moment,
    /// How many nodes they had come to.
    pub step: u32,
    /// What was found.
    pub finding: JourneyFinding,
}

/// A fact about a journey.
#[derive(Debug, Clone, PartialEq)]
pub enum JourneyEntry {
    /// A call lets people enter.
    Trigger(JourneyTrigger),
    /// What the engine found for somebody.
    Answer(JourneyAnswer),
}

impl JourneyEntry {
    /// When it was written.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Trigger(trigger) => trigger.at,
            Self::Answer(answer) => answer.at,
        }
    }
}

impl JourneyAnswer {
    /// The way of the person that it is about.
    pub fn id(&self) -> InstanceId {
        InstanceId { journey: self.number, entered: self.entered }
    }

    /// The message that a destination gets; none of others, and where nothing is sent.
    pub fn message(&self, workspace: &WorkspaceId, wanted: &str) -> Option<Message> {
        let JourneyFinding::Sent { destination, properties } = &self.finding else { return None };
        let (type_, id) = self.person.as_ref().filter(|_| destination == wanted)?;
        let named_as = |wanted: ExternalIdType| (*type_ == wanted).then(|| id.clone());
        let context = type_.is_declared().then(|| {
            json!({ "externalIds": [{
                "id": id, "type": type_.word(), "collection": "users", "encoding": "none",
            }] })
        });
        let integrations = json!({ "All": false, destination.as_str(): true });
        let properties: Map<String, Value> = serde_json::from_str(properties).unwrap_or_default();
        Some(Message {
            message_id: self.message_id(workspace, *type_, id),
            type_: MessageType::Track,
            user_id: named_as(ExternalIdType::UserId),
            anonymous_id: named_as(ExternalIdType::AnonymousId),
            previous_id: None,
            group_id: None,
            event: Some(JOURNEY_EVENT.to_owned()),
            name: None,
            category: None,
            body: Some(Value::Object(properties).to_string()),
            context: context.map(|context| context.to_string()),
            integrations: Some(integrations.to_string()),
            timestamp: self.at,
            original_timestamp: None,
            sent_at: None,
            received_at: self.at,
            source: JOURNEY_SOURCE.to_owned(),
            violations: Vec::new(),
            enriched: Vec::new(),
        })
    }

    /// Names the message over all repeats: 32 hexadecimal digits.
    fn message_id(&self, workspace: &WorkspaceId, type_: ExternalIdType, id: &str) -> String {
        let Self { journey, number, step, entered: Moment { at, offset }, .. } = self;
        let (type_, at) = (type_.word(), at.0);
        let place = format!("{journey}\0{number}\0{at}\0{offset}\0{step}");
        format!("{:032x}", xxh3_128(format!("{workspace}\0{place}\0{type_}\0{id}").as_bytes()))
    }
}
