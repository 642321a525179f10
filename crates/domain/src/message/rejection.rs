//! Rejections: messages that were not accepted, with the reason.

use serde::{Deserialize, Serialize};

use super::{MessageType, Violation};
use crate::Timestamp;

/// The longest excerpt of a rejected message, in bytes.
pub const EXCERPT_BYTES_MAX: usize = 1_000;

/// The reason of a rejection. The codes are those of the tracking API's tools, where they have one.
/// The order of the variants is their code on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectionReason {
    /// The message is not JSON or not an object.
    BadRequest,
    /// A batch without messages.
    EmptyBatch,
    /// A batch with more messages than allowed.
    BatchTooLong,
    /// A message in a batch is over the size limit.
    MessageTooLarge,
    /// `type` is missing or none of the six.
    TypeInvalid,
    /// Neither `userId` nor `anonymousId`.
    IdRequired,
    /// An id is empty or not a string.
    IdNotString,
    /// An id is over the length limit.
    IdTooLong,
    /// `messageId` is not a string, empty or too long.
    MessageIdInvalid,
    /// A track without `event`.
    EventNotDefined,
    /// `event` is not a string.
    EventNotString,
    /// `properties` is not an object.
    PropertiesNotObject,
    /// `traits` is not an object.
    TraitsNotObject,
    /// Too many traits in one message.
    TraitsTooMany,
    /// `name` is not a string or empty.
    NameNotString,
    /// `category` is not a string or empty.
    CategoryNotString,
    /// A group without a usable `groupId`.
    GroupIdInvalid,
    /// An alias without a usable `previousId`.
    PreviousIdInvalid,
    /// `context` or `integrations` is not an object.
    ContextNotObject,
    /// A timestamp cannot be read or lies outside 1970 to 9999.
    TimestampInvalid,
    /// The message was accepted, but a mapping that it triggers failed.
    MappingFailed,
    /// The message was accepted, but its ids were not linked: the profile has reached a limit.
    IdentityLimit,
    /// An id is `.` or `..`, or has a control character.
    IdInvalid,
    /// The source does not allow messages of this type.
    TypeNotAllowed,
    /// The tracking plan of the source blocks the event.
    EventBlocked,
    /// The tracking plan does not have the event or a property, and blocks what it does not have.
    Unplanned,
    /// A property violates the tracking plan, which blocks violations.
    PlanViolated,
    /// The message was accepted, but something that it says of subscriptions cannot be understood.
    SubscriptionInvalid,
}

impl RejectionReason {
    /// The code in answers and counts.
    pub fn code(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::EmptyBatch => "empty_batch",
            Self::BatchTooLong => "batch_too_long",
            Self::MessageTooLarge => "message_too_large",
            Self::TypeInvalid => "type_invalid",
            Self::IdRequired => "id_required",
            Self::IdNotString => "id_not_string",
            Self::IdTooLong => "id_too_long",
            Self::MessageIdInvalid => "message_id_invalid",
            Self::EventNotDefined => "event_not_defined",
            Self::EventNotString => "event_not_string",
            Self::PropertiesNotObject => "properties_not_object",
            Self::TraitsNotObject => "traits_not_object",
            Self::TraitsTooMany => "traits_too_many",
            Self::NameNotString => "name_not_string",
            Self::CategoryNotString => "category_not_string",
            Self::GroupIdInvalid => "group_id_invalid",
            Self::PreviousIdInvalid => "previous_id_invalid",
            Self::ContextNotObject => "context_not_object",
            Self::TimestampInvalid => "timestamp_invalid",
            Self::MappingFailed => "mapping_failed",
            Self::IdentityLimit => "identity_limit",
            Self::IdInvalid => "id_invalid",
            Self::TypeNotAllowed => "event_setting",
            Self::EventBlocked => "event_blocked",
            Self::Unplanned => "unplanned",
            Self::PlanViolated => "schema_violation",
            Self::SubscriptionInvalid => "subscription_invalid",
        }
    }
}

impl RejectionReason {
    /// Whether the message was accepted nevertheless, without what failed.
    pub fn is_applied(self) -> bool {
        matches!(self, Self::MappingFailed | Self::IdentityLimit | Self::SubscriptionInvalid)
    }

    /// The reason as a heading for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The message is no JSON object",
            Self::EmptyBatch => "The batch is empty",
            Self::BatchTooLong => "The batch has too many messages",
            Self::MessageTooLarge => "The message is too large",
            Self::TypeInvalid => "The type is none of the six",
            Self::IdRequired => "Neither a user id nor an anonymous id",
            Self::IdNotString => "An id is empty or no text",
            Self::IdTooLong => "An id is too long",
            Self::MessageIdInvalid => "The message id cannot be used",
            Self::EventNotDefined => "The event has no name",
            Self::EventNotString => "The name of the event is no text",
            Self::PropertiesNotObject => "The properties are no object",
            Self::TraitsNotObject => "The traits are no object",
            Self::TraitsTooMany => "Too many traits at once",
            Self::NameNotString => "The name is empty or no text",
            Self::CategoryNotString => "The category is empty or no text",
            Self::GroupIdInvalid => "The group id cannot be used",
            Self::PreviousIdInvalid => "The previous id cannot be used",
            Self::ContextNotObject => "The context is no object",
            Self::TimestampInvalid => "A time cannot be read",
            Self::MappingFailed => "Taken, but a preset lacks what it needs",
            Self::IdentityLimit => "Taken, but its ids could not be linked",
            Self::IdInvalid => "An id cannot stand in addresses",
            Self::TypeNotAllowed => "The source does not allow this type",
            Self::EventBlocked => "The tracking plan blocks the event",
            Self::Unplanned => "Not in the tracking plan",
            Self::PlanViolated => "A property violates the tracking plan",
            Self::SubscriptionInvalid => "Taken, but not what it says of subscriptions",
        }
    }
}

/// A message or a batch that was not accepted, or a mapping that failed on an accepted message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The reason, for programs.
    pub reason: RejectionReason,
    /// The reason, for people: names the field and the expected value.
    pub detail: String,
    /// The name of the source that sent it.
    pub source: String,
    /// The message's id, where it had a usable one.
    pub message_id: Option<String>,
    /// The message's type, where it had one.
    pub type_: Option<MessageType>,
    /// The time of arrival by the server's clock.
    pub received_at: Timestamp,
    /// The first [`EXCERPT_BYTES_MAX`] bytes of the text.
    pub excerpt: String,
    /// How the message violates the tracking plan of its source.
    #[serde(default)]
    pub violations: Vec<Violation>,
}

impl Rejection {
    /// The JSON pointer of the field that is wrong or missing; empty for the whole message, and
    /// for a mapping that failed, whose place does not stand in a rejection.
    pub fn place(&self) -> &'static str {
        /// Details about one of several fields begin with its name.
        fn named(detail: &str, fields: &[&'static str]) -> &'static str {
            let name = detail.split_whitespace().next().unwrap_or_default();
            fields.iter().find(|field| field[1..] == *name).copied().unwrap_or_default()
        }
        match self.reason {
            RejectionReason::TypeInvalid | RejectionReason::TypeNotAllowed => "/type",
            RejectionReason::IdRequired => "/userId",
            RejectionReason::IdNotString
            | RejectionReason::IdTooLong
            | RejectionReason::IdInvalid => {
                named(&self.detail, &["/userId", "/anonymousId", "/previousId"])
            }
            RejectionReason::MessageIdInvalid => "/messageId",
            RejectionReason::EventNotDefined
            | RejectionReason::EventNotString
            | RejectionReason::EventBlocked => "/event",
            RejectionReason::Unplanned | RejectionReason::PlanViolated => {
                named(&self.detail, &["/event", "/properties", "/traits"])
            }
            RejectionReason::PropertiesNotObject => "/properties",
            RejectionReason::TraitsNotObject | RejectionReason::TraitsTooMany => "/traits",
            RejectionReason::NameNotString => "/name",
            RejectionReason::CategoryNotString => "/category",
            RejectionReason::GroupIdInvalid => "/groupId",
            RejectionReason::PreviousIdInvalid => "/previousId",
            RejectionReason::ContextNotObject => {
                named(&self.detail, &["/context", "/integrations"])
            }
            RejectionReason::SubscriptionInvalid => "/context",
            RejectionReason::TimestampInvalid => named(&self.detail, &["/timestamp", "/sentAt"]),
            RejectionReason::BadRequest
            | RejectionReason::EmptyBatch
            | RejectionReason::BatchTooLong
            | RejectionReason::MessageTooLarge
            | RejectionReason::MappingFailed
            | RejectionReason::IdentityLimit => "",
        }
    }

    /// The beginning of `text`, at most [`EXCERPT_BYTES_MAX`] bytes, cut between characters.
    pub fn cut_excerpt(text: &str) -> String {
        let mut end = text.len().min(EXCERPT_BYTES_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text[..end].to_owned()
    }
}
