//! What is known of a person, as conditions see it.

use std::collections::BTreeMap;

use domain::{Message, MessageType, Timestamp};
use serde_json::{Map, Value};

use crate::condition::Condition;

/// Something that a person did.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The name of a track message; `Page Viewed` or `Screen Viewed`.
    pub name: String,
    /// When it happened.
    pub timestamp: Timestamp,
    /// The properties. Pages have their name as `page_name` and screens as `screen_name`, unless
    /// the sender has set a property of this name.
    pub properties: Map<String, Value>,
}

impl Event {
    /// The event of a message; none of identify, group and alias messages.
    pub fn from_message(message: &Message) -> Option<Self> {
        let name_key = match message.type_ {
            MessageType::Track => None,
            MessageType::Page => Some("page_name"),
            MessageType::Screen => Some("screen_name"),
            MessageType::Identify | MessageType::Group | MessageType::Alias => return None,
        };
        let body = message.body.as_deref().unwrap_or("{}");
        // The form check refuses other forms.
        let mut properties: Map<String, Value> = serde_json::from_str(body).unwrap_or_default();
        if let (Some(key), Some(name)) = (name_key, &message.name) {
            properties.entry(key).or_insert_with(|| name.as_str().into());
        }
        let (name, timestamp) = (message.event_name().to_owned(), message.timestamp);
        Some(Self { name, timestamp, properties })
    }
}

/// A single condition that was answered elsewhere, and whether it holds for the person. Wherever it
/// is part of another one, this answer counts.
pub type Answer = (Condition, bool);

/// What was found elsewhere for a condition; none if nothing was.
pub(crate) fn find_answer(answers: &[Answer], condition: &Condition) -> Option<bool> {
    answers.iter().find(|(answered, _)| answered == condition).map(|(_, holds)| *holds)
}

/// What a condition reads beside the person's events.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The person's traits of every class.
    pub traits: &'a Map<String, Value>,
    /// The traits of each account to which the person belongs.
    pub accounts: &'a [Map<String, Value>],
    /// The conditions of audiences by key. None may lead back to itself
    /// ([`check_references`](crate::check_references)).
    pub audiences: &'a BTreeMap<String, Condition>,
    /// What was found elsewhere, by models above all.
    pub answers: &'a [Answer],
}

/// A person with all that conditions read.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    /// The person's events, each once, in any order.
    pub events: &'a [Event],
    /// The rest.
    pub surroundings: Surroundings<'a>,
}
