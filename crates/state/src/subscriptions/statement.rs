//! What a message says of subscriptions, in Segment's form:
//! `{"messaging_subscriptions": [{"type": "EMAIL", "status": "UNSUBSCRIBED", "groups": [{"name":
//! "news", "status": "SUBSCRIBED"}]}]}` in its context. `groups` are our topics.

use std::collections::BTreeMap;

use domain::{ChannelKind, SubscriptionStatus};
use serde_json::{Map, Value, json};

/// The member of a message's context.
pub const SUBSCRIPTIONS_MEMBER: &str = "messaging_subscriptions";
/// The most channels and topics of which one message says something.
const SAID_AT_ONCE_MAX: usize = 200;
/// The longest key of a topic, in bytes.
const TOPIC_BYTES_MAX: usize = 100;

/// What is said at once of channels and topics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscriptionStatement {
    /// Of kinds of channels.
    pub channels: BTreeMap<ChannelKind, SubscriptionStatus>,
    /// Of topics, by key.
    pub topics: BTreeMap<String, SubscriptionStatus>,
}

impl SubscriptionStatement {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.topics.is_empty()
    }

    /// The value of [`SUBSCRIPTIONS_MEMBER`] that says it.
    pub fn to_json(&self) -> Value {
        let upper = |status: SubscriptionStatus| match status {
            SubscriptionStatus::NotSaid => "DID_NOT_SUBSCRIBE".to_owned(),
            status => status.word().to_uppercase(),
        };
        let channel = |(kind, status): (&ChannelKind, &SubscriptionStatus)| json!({ "type": kind.word().to_uppercase(), "status": upper(*status) });
        let mut said: Vec<Value> = self.channels.iter().map(channel).collect();
        if !self.topics.is_empty() {
            let group = |(key, status): (&String, &SubscriptionStatus)| json!({ "name": key, "status": upper(*status) });
            said.push(json!({ "groups": self.topics.iter().map(group).collect::<Vec<_>>() }));
        }
        said.into()
    }

    /// Reads the context of a message: what it says, and what of it cannot be understood. None
    /// where it says nothing of subscriptions.
    pub fn read(context: &str) -> Option<(Self, Vec<String>)> {
        if !context.contains(SUBSCRIPTIONS_MEMBER) {
            return None;
        }
        let context: Map<String, Value> = serde_json::from_str(context).ok()?;
        let (mut statement, mut mistakes) = (Self::default(), Vec::new());
        match context.get(SUBSCRIPTIONS_MEMBER)? {
            Value::Array(all) => {
                for (n, one) in all.iter().enumerate() {
                    if let Err(what) = statement.add(one) {
                        mistakes.push(format!("context.{SUBSCRIPTIONS_MEMBER}[{n}]{what}"));
                    }
                }
            }
            _ => mistakes.push(format!("context.{SUBSCRIPTIONS_MEMBER} should be a list")),
        }
        Some((statement, mistakes))
    }

    fn add(&mut self, one: &Value) -> Result<(), String> {
        let one = one.as_object().ok_or_else(|| " should be an object".to_owned())?;
        match (one.get("type"), one.get("status")) {
            // A group alone.
            (None, None) if one.contains_key("groups") => {}
            (kind, status) => {
                let kind = kind.and_then(Value::as_str).unwrap_or_default();
                let kind = ChannelKind::from_word(kind).ok_or_else(|| {
                    let words = ChannelKind::ALL.map(ChannelKind::word).join(", ");
                    format!(".type is {kind:?}: it should be one of {words}")
                })?;
                // What is said of groups alone leaves the channel as it is.
                if status.is_some() || !one.contains_key("groups") {
                    let status = read_status(status)?;
                    self.check_room()?;
                    say(&mut self.channels, kind, status);
                }
            }
        }
        let Some(groups) = one.get("groups") else { return Ok(()) };
        let groups = groups.as_array().ok_or_else(|| ".groups should be a list".to_owned())?;
        for (n, group) in groups.iter().enumerate() {
            let in_group = |what: String| format!(".groups[{n}]{what}");
            let name = group.get("name").and_then(Value::as_str).unwrap_or_default();
            if !(1..=TOPIC_BYTES_MAX).contains(&name.len()) {
                let what = format!(".name should be a topic, 1 to {TOPIC_BYTES_MAX} bytes");
                return Err(in_group(what));
            }
            let status = read_status(group.get("status")).map_err(in_group)?;
            self.check_room()?;
            say(&mut self.topics, name.to_owned(), status);
        }
        Ok(())
    }

    fn check_room(&self) -> Result<(), String> {
        match self.channels.len() + self.topics.len() < SAID_AT_ONCE_MAX {
            true => Ok(()),
            false => Err(format!(" is more than the {SAID_AT_ONCE_MAX} that one message may say")),
        }
    }
}

/// Of several addresses of one kind an opt-out counts.
fn say<K: Ord>(said: &mut BTreeMap<K, SubscriptionStatus>, of: K, status: SubscriptionStatus) {
    let said = said.entry(of).or_insert(status);
    if *said != SubscriptionStatus::Unsubscribed {
        *said = status;
    }
}

fn read_status(status: Option<&Value>) -> Result<SubscriptionStatus, String> {
    let word = status.and_then(Value::as_str).unwrap_or_default();
    SubscriptionStatus::from_word(word).ok_or_else(|| {
        let words = "SUBSCRIBED, UNSUBSCRIBED or DID_NOT_SUBSCRIBE";
        format!(".status is {word:?}: it should be {words}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(said: Value) -> (SubscriptionStatement, Vec<String>) {
        let context = json!({ "ip": "::1", SUBSCRIPTIONS_MEMBER: said });
        SubscriptionStatement::read(&context.to_string()).unwrap()
    }

    #[test]
    fn what_segments_documentation_has_is_read() {
        let (statement, mistakes) = read(json!([
            { "key": "(123) 555-5555", "type": "SMS", "status": "unsubscribed" },
            { "key": "test@example.com", "type": "EMAIL", "status": "DID_NOT_SUBSCRIBE",
              "groups": [{ "name": "news", "status": "SUBSCRIBED" }] },
            { "groups": [{ "name": "offers", "status": "UNSUBSCRIBED" }] },
        ]));
        assert_eq!(mistakes, Vec::<String>::new());
        let channels = [
            (ChannelKind::Email, SubscriptionStatus::NotSaid),
            (ChannelKind::Sms, SubscriptionStatus::Unsubscribed),
        ];
        let topics = [
            ("news".to_owned(), SubscriptionStatus::Subscribed),
            ("offers".to_owned(), SubscriptionStatus::Unsubscribed),
        ];
        let expected = SubscriptionStatement { channels: channels.into(), topics: topics.into() };
        assert_eq!(statement, expected);
        assert_eq!(read(statement.to_json()), (expected, Vec::new()), "and written as it is read");
        assert_eq!(SubscriptionStatement::read("{\"ip\":\"::1\"}"), None);
    }

    #[test]
    fn what_cannot_be_understood_is_told_and_the_rest_counts() {
        let (statement, mistakes) = read(json!([
            { "type": "FAX", "status": "SUBSCRIBED" },
            { "type": "EMAIL", "status": "MAYBE" },
            { "type": "EMAIL" },
            7,
            { "groups": [{ "status": "SUBSCRIBED" }] },
            { "type": "PUSH", "status": "UNSUBSCRIBED" },
        ]));
        assert_eq!(statement.channels.len() + statement.topics.len(), 1);
        assert_eq!(mistakes.len(), 5, "{mistakes:?}");
        assert!(mistakes[0].starts_with("context.messaging_subscriptions[0].type is \"FAX\""));
        assert_eq!(read(json!({})).1.len(), 1);
    }

    #[test]
    fn one_message_says_so_much() {
        let group = |n: usize| json!({ "name": format!("t{n}"), "status": "SUBSCRIBED" });
        let groups: Vec<Value> = (0..1_000).map(group).collect();
        let (statement, mistakes) = read(json!([{ "groups": groups }]));
        assert_eq!((statement.topics.len(), mistakes.len()), (SAID_AT_ONCE_MAX, 1));
    }
}
