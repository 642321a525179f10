//! Forms of messages and rejections, with their violations of tracking plans.

use serde::{Deserialize, Serialize};
use serde_with::As;

use super::forms;

forms! {
    Message = domain::Message,
    MessageType = domain::MessageType,
    Rejection = domain::Rejection,
    RejectionReason = domain::RejectionReason,
    Violation = domain::Violation,
    ViolationKind = domain::ViolationKind,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "domain::Message")]
pub(in crate::entry) struct Message {
    message_id: String,
    #[serde(rename = "type", with = "As::<MessageType>")]
    type_: domain::MessageType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    anonymous_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    integrations: Option<String>,
    timestamp: domain::Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    original_timestamp: Option<domain::Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent_at: Option<domain::Timestamp>,
    received_at: domain::Timestamp,
    source: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "As::<Vec<Violation>>")]
    violations: Vec<domain::Violation>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    enriched: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "domain::MessageType", rename_all = "snake_case")]
pub(in crate::entry) enum MessageType {
    Identify,
    Track,
    Page,
    Screen,
    Group,
    Alias,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "domain::Rejection")]
pub(in crate::entry) struct Rejection {
    #[serde(with = "As::<RejectionReason>")]
    reason: domain::RejectionReason,
    detail: String,
    source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(
        rename = "type",
        default,
        skip_serializing_if = "Option::is_none",
        with = "As::<Option<MessageType>>"
    )]
    type_: Option<domain::MessageType>,
    received_at: domain::Timestamp,
    excerpt: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "As::<Vec<Violation>>")]
    violations: Vec<domain::Violation>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "domain::Violation")]
pub(in crate::entry) struct Violation {
    #[serde(with = "As::<ViolationKind>")]
    kind: domain::ViolationKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    property: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sample: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "domain::ViolationKind", rename_all = "snake_case")]
pub(in crate::entry) enum ViolationKind {
    BlockedEvent,
    BlockedProperty,
    UnplannedEvent,
    UnplannedProperty,
    MissingProperty,
    WrongType,
    WrongPattern,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "domain::RejectionReason", rename_all = "snake_case")]
pub(in crate::entry) enum RejectionReason {
    BadRequest,
    EmptyBatch,
    BatchTooLong,
    MessageTooLarge,
    TypeInvalid,
    IdRequired,
    IdNotString,
    IdTooLong,
    MessageIdInvalid,
    EventNotDefined,
    EventNotString,
    PropertiesNotObject,
    TraitsNotObject,
    TraitsTooMany,
    NameNotString,
    CategoryNotString,
    GroupIdInvalid,
    PreviousIdInvalid,
    ContextNotObject,
    TimestampInvalid,
    MappingFailed,
    IdentityLimit,
    IdInvalid,
    TypeNotAllowed,
    EventBlocked,
    Unplanned,
    PlanViolated,
    SubscriptionInvalid,
}
