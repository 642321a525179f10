//! Forms of messages and rejections.

use serde::Deserialize;
use serde_with::As;

use super::forms;

forms! {
    Message = domain::Message,
    MessageType = domain::MessageType,
    Rejection = domain::Rejection,
    RejectionReason = domain::RejectionReason,
}

#[derive(Deserialize)]
#[serde(remote = "domain::Message")]
pub(in crate::entry) struct Message {
    message_id: String,
    #[serde(with = "As::<MessageType>")]
    type_: domain::MessageType,
    user_id: Option<String>,
    anonymous_id: Option<String>,
    previous_id: Option<String>,
    group_id: Option<String>,
    event: Option<String>,
    name: Option<String>,
    category: Option<String>,
    body: Option<String>,
    context: Option<String>,
    integrations: Option<String>,
    timestamp: domain::Timestamp,
    original_timestamp: Option<domain::Timestamp>,
    sent_at: Option<domain::Timestamp>,
    received_at: domain::Timestamp,
    source: String,
    #[serde(skip)]
    violations: Vec<domain::Violation>,
    #[serde(skip)]
    enriched: Vec<String>,
}

#[derive(Deserialize)]
#[serde(remote = "domain::MessageType")]
pub(in crate::entry) enum MessageType {
    Identify,
    Track,
    Page,
    Screen,
    Group,
    Alias,
}

#[derive(Deserialize)]
#[serde(remote = "domain::Rejection")]
pub(in crate::entry) struct Rejection {
    #[serde(with = "As::<RejectionReason>")]
    reason: domain::RejectionReason,
    detail: String,
    source: String,
    message_id: Option<String>,
    #[serde(with = "As::<Option<MessageType>>")]
    type_: Option<domain::MessageType>,
    received_at: domain::Timestamp,
    excerpt: String,
    #[serde(skip)]
    violations: Vec<domain::Violation>,
}

#[derive(Deserialize)]
#[serde(remote = "domain::RejectionReason")]
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
}
