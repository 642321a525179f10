//! What a render is given and asks for, and what is kept of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An item's properties, with its `id`.
pub type Item = Map<String, Value>;

/// The values of one message. What is null has no members.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values {
    /// `user_id`, `traits` and whatever else is told of the person.
    pub profile: Value,
    /// The event that started the message: `event`, `properties`, ...; null for scheduled ones.
    pub event: Value,
    /// `id`, `name`, ...
    pub campaign: Value,
    /// The time of the message, RFC 3339. Templates have no other clock.
    pub now: Value,
    /// Where the person chooses which messages they get; null where nobody knows.
    pub preferences_url: Value,
    /// Where the person unsubscribes from what the message is about; null where nobody knows.
    pub unsubscribe_url: Value,
}

impl Values {
    pub(crate) fn root(&self, name: &str) -> Option<&Value> {
        match name {
            "profile" => Some(&self.profile),
            "event" => Some(&self.event),
            "campaign" => Some(&self.campaign),
            "now" => Some(&self.now),
            "preferences_url" => Some(&self.preferences_url),
            "unsubscribe_url" => Some(&self.unsubscribe_url),
            _ => None,
        }
    }
}

/// What a `recommend` tag asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'r> {
    /// The recommendation definition.
    pub definition: &'r str,
    /// The most items.
    pub count: usize,
    /// Items of the list that are left out at its head.
    pub offset: usize,
    /// Ids of items that the message has already.
    pub excluded: &'r [String],
    /// Items of messages to the person in so many days are left out too.
    pub not_sent_days: Option<u32>,
}

/// Why there is no answer, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ContentError(pub String);

/// Who answers the tags of a template, for one person.
pub trait Content {
    /// Items for the person, best first. Fewer than asked for are no error.
    ///
    /// # Errors
    ///
    /// Where the definition does not exist or fails.
    fn recommend(&mut self, request: Request<'_>) -> Result<Vec<Item>, ContentError>;

    /// One item of a catalog, or none of that id.
    ///
    /// # Errors
    ///
    /// Where the catalog does not exist.
    fn item(&mut self, catalog: &str, id: &str) -> Result<Option<Item>, ContentError>;

    /// The answer of a named external API.
    ///
    /// # Errors
    ///
    /// Where the API does not exist or does not answer.
    fn linked(&mut self, name: &str, parameters: &Item) -> Result<Value, ContentError>;
}

/// What one render has read: enough to make the same text again, and nothing else of the person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// Values by their JSON Pointers, such as `/profile/traits/city`. Those without a value are
    /// not here.
    pub values: BTreeMap<String, Value>,
    /// Answers to tags, in the order of the calls.
    pub answers: Vec<Answer>,
}

/// The answer to one tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// To `recommend`.
    Items(Vec<Item>),
    /// To `item`.
    Item(Option<Item>),
    /// To `linked`.
    Linked(Value),
}
