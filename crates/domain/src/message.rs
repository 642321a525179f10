//! Messages: calls of a source that report what a user did or is.

mod check;
mod rejection;
mod violation;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
pub use check::{Arrival, Envelope, check_message};
pub use rejection::{EXCERPT_BYTES_MAX, Rejection, RejectionReason};
pub use violation::{SAMPLE_BYTES_MAX, Violation, ViolationKind};

/// The largest single request body and the largest message inside a batch, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 32 * 1_024;
/// Message ids must be shorter than this, in characters.
pub const MESSAGE_ID_CHARS_BELOW: usize = 100;
/// An identify or group message with this many traits or more is rejected.
pub const TRAITS_BELOW: usize = 300;
/// The longest group id, in characters.
pub const GROUP_ID_CHARS_MAX: usize = 500;
/// A corrected timestamp that is later than arrival by more than this is set to the time of
/// arrival, in milliseconds.
pub const FUTURE_TOLERANCE_MS: i64 = 5 * 60 * 1_000;

/// The six types of messages, in the order of their code on disk.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum MessageType {
    /// Sets traits of a user.
    Identify,
    /// Reports an event.
    Track,
    /// Reports a page view.
    Page,
    /// Reports a screen view in an app.
    Screen,
    /// Puts the user into an account.
    Group,
    /// Links two ids of one user.
    Alias,
}

impl MessageType {
    /// Every type.
    pub const ALL: [Self; 6] =
        [Self::Identify, Self::Track, Self::Page, Self::Screen, Self::Group, Self::Alias];

    /// The word in `type` and in the path of the tracking API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Track => "track",
            Self::Page => "page",
            Self::Screen => "screen",
            Self::Group => "group",
            Self::Alias => "alias",
        }
    }

    /// The type of a word, as [`MessageType::word`] gives it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|type_| type_.word() == word)
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One message that passed the form check. JSON parts stay texts: most are never parsed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Identifies the message within the workspace; generated at arrival where the sender gave
    /// none.
    pub message_id: String,
    /// Decides which fields are set.
    #[serde(rename = "type")]
    pub type_: MessageType,
    /// The sender's id of a known user.
    pub user_id: Option<String>,
    /// The sender's id of a browser or device.
    pub anonymous_id: Option<String>,
    /// Alias: the id that is linked to `user_id`.
    pub previous_id: Option<String>,
    /// Group: the account.
    pub group_id: Option<String>,
    /// Track: the name of the event.
    pub event: Option<String>,
    /// Page and screen: the name.
    pub name: Option<String>,
    /// Page and screen: the category.
    pub category: Option<String>,
    /// `properties` of track, page, screen and alias, `traits` of identify and group: the text of a
    /// JSON object.
    pub body: Option<String>,
    /// The text of a JSON object, merged with that of the batch.
    pub context: Option<String>,
    /// The text of a JSON object, merged with that of the batch.
    pub integrations: Option<String>,
    /// The time of the event, corrected for the sender's clock: arrival - (sent - original).
    pub timestamp: Timestamp,
    /// The time of the event by the sender's clock.
    pub original_timestamp: Option<Timestamp>,
    /// The time of sending by the sender's clock.
    pub sent_at: Option<Timestamp>,
    /// The time of arrival by the server's clock.
    pub received_at: Timestamp,
    /// The name of the source.
    pub source: String,
    /// How it violates the tracking plan of its source, which let it through.
    #[serde(default)]
    pub violations: Vec<Violation>,
    /// Properties that were added from the catalog on arrival; those of an element of `products`
    /// as `products.brand`.
    #[serde(default)]
    pub enriched: Vec<String>,
}

impl Message {
    /// The size of the JSON parts, in bytes; they are most of a message.
    pub fn text_bytes(&self) -> usize {
        [&self.body, &self.context, &self.integrations]
            .iter()
            .filter_map(|part| part.as_ref())
            .map(String::len)
            .sum()
    }

    /// The field that holds [`Message::body`] on the wire.
    pub fn body_field(&self) -> &'static str {
        match self.type_ {
            MessageType::Identify | MessageType::Group => "traits",
            _ => "properties",
        }
    }

    /// A name for people and for filters: the event of a track, `Page Viewed`, `Screen Viewed`,
    /// else the type.
    pub fn event_name(&self) -> &str {
        match self.type_ {
            MessageType::Track => self.event.as_deref().unwrap_or_default(),
            MessageType::Page => "Page Viewed",
            MessageType::Screen => "Screen Viewed",
            other => other.word(),
        }
    }

    /// The message as JSON, for display. A part that is not valid JSON is left out.
    pub fn to_json(&self) -> serde_json::Value {
        let mut object = serde_json::Map::new();
        let texts = [
            ("messageId", Some(&self.message_id)),
            ("userId", self.user_id.as_ref()),
            ("anonymousId", self.anonymous_id.as_ref()),
            ("previousId", self.previous_id.as_ref()),
            ("groupId", self.group_id.as_ref()),
            ("event", self.event.as_ref()),
            ("name", self.name.as_ref()),
            ("category", self.category.as_ref()),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                object.insert(key.to_owned(), text.as_str().into());
            }
        }
        let parts = [
            (self.body_field(), &self.body),
            ("context", &self.context),
            ("integrations", &self.integrations),
        ];
        for (key, part) in parts {
            if let Some(value) = part.as_ref().and_then(|text| serde_json::from_str(text).ok()) {
                object.insert(key.to_owned(), value);
            }
        }
        object.insert("type".to_owned(), self.type_.word().into());
        object.insert("timestamp".to_owned(), self.timestamp.to_string().into());
        object.insert("receivedAt".to_owned(), self.received_at.to_string().into());
        serde_json::Value::Object(object)
    }
}
