//! What mappings read: a message as its sender wrote it, an accepted message, or a part of one.
//!
//! Mappings read only three or four values of most messages. So the JSON is never parsed as a
//! whole, only the members along each path, and their texts are borrowed from the message.

use std::cell::OnceCell;

use domain::Message;

use crate::path::{Path, PathRules, walk, walk_owned};
use crate::value::{Members, Object, ReadError, Value, members};

/// A message. Its `properties`, `traits` and `context` are parsed at the first access.
#[derive(Debug)]
pub struct Payload<'a> {
    origin: Origin<'a>,
    /// How paths pass through scalars.
    pub(crate) rules: PathRules,
    parts: [OnceCell<Members<'a>>; PARTS.len()],
}

/// The members of a message that are large, and in which most paths end.
const PARTS: [&str; 3] = ["properties", "traits", "context"];

#[derive(Debug)]
enum Origin<'a> {
    Message(&'a Message),
    Json(Members<'a>),
}

/// A member of a message: its value, or its JSON.
enum Member<'a> {
    Value(Value<'a>),
    Json(&'a str),
}

impl<'a> Payload<'a> {
    /// An accepted message, as the fold reads it: with [`PathRules::Plain`], and without the
    /// members that acceptance drops, such as an empty user id.
    pub fn of_message(message: &'a Message) -> Self {
        Self::new(Origin::Message(message), PathRules::Plain)
    }

    /// An accepted message, as other destinations read it: with [`PathRules::JavaScript`].
    pub fn for_destination(message: &'a Message) -> Self {
        Self::new(Origin::Message(message), PathRules::JavaScript)
    }

    /// A message as its sender wrote it: the text of a JSON object.
    ///
    /// # Errors
    /// If the text is no JSON object.
    pub fn of_json(text: &'a str) -> Result<Self, ReadError> {
        Ok(Self::new(Origin::Json(members(text)?), PathRules::JavaScript))
    }

    fn new(origin: Origin<'a>, rules: PathRules) -> Self {
        Self { origin, rules, parts: Default::default() }
    }

    /// The value at a path; `undefined` where there is none.
    pub fn get(&self, path: &Path) -> Value<'a> {
        let Some((first, rest)) = path.steps().split_first() else { return self.whole() };
        let json = match self.member(first) {
            None => return Value::Undefined,
            Some(Member::Value(value)) => return walk_owned(value, rest, self.rules),
            Some(Member::Json(json)) => json,
        };
        let part = PARTS.iter().position(|part| part == first);
        let (Some(part), Some((second, rest))) = (part, rest.split_first()) else {
            return walk_owned(read(json), rest, self.rules);
        };
        if !json.trim_start().starts_with('{') {
            return walk(&read(json), &path.steps()[1..], self.rules);
        }
        let part = self.parts[part].get_or_init(|| members(json).unwrap_or_default());
        match part.get(second) {
            Some(json) => walk_owned(read(json), rest, self.rules),
            None => Value::Undefined,
        }
    }

    /// A member of the message itself, such as `type`; `undefined` where there is none.
    pub(crate) fn field(&self, name: &str) -> Value<'a> {
        match self.member(name) {
            None => Value::Undefined,
            Some(Member::Value(value)) => value,
            Some(Member::Json(json)) => read(json),
        }
    }

    fn member(&self, name: &str) -> Option<Member<'a>> {
        let message = match &self.origin {
            Origin::Json(members) => return members.get(name).map(Member::Json),
            Origin::Message(message) => *message,
        };
        let text =
            |text: &'a Option<String>| text.as_deref().map(|text| Member::Value(Value::text(text)));
        let instant = |at| Some(Member::Value(Value::Instant(at)));
        match name {
            "type" => Some(Member::Value(Value::text(message.type_.word()))),
            "messageId" => Some(Member::Value(Value::text(message.message_id.as_str()))),
            "userId" => text(&message.user_id),
            "anonymousId" => text(&message.anonymous_id),
            "previousId" => text(&message.previous_id),
            "groupId" => text(&message.group_id),
            "event" => text(&message.event),
            "name" => text(&message.name),
            "category" => text(&message.category),
            "context" => message.context.as_deref().map(Member::Json),
            "integrations" => message.integrations.as_deref().map(Member::Json),
            "timestamp" => instant(message.timestamp),
            "originalTimestamp" => message.original_timestamp.and_then(instant),
            "sentAt" => message.sent_at.and_then(instant),
            "receivedAt" => instant(message.received_at),
            body if body == message.body_field() => message.body.as_deref().map(Member::Json),
            _ => None,
        }
    }

    /// The whole message as an object.
    fn whole(&self) -> Value<'a> {
        const FIELDS: [&str; 17] = [
            "type",
            "messageId",
            "userId",
            "anonymousId",
            "previousId",
            "groupId",
            "event",
            "name",
            "category",
            "properties",
            "traits",
            "context",
            "integrations",
            "timestamp",
            "originalTimestamp",
            "sentAt",
            "receivedAt",
        ];
        let object: Object<'a> = match &self.origin {
            Origin::Json(members) => {
                members.0.iter().map(|(key, json)| (key.clone(), read(json))).collect()
            }
            Origin::Message(_) => FIELDS
                .iter()
                .map(|name| ((*name).into(), self.field(name)))
                .filter(|(_, value)| !value.is_undefined())
                .collect(),
        };
        Value::Object(object)
    }
}

/// The value of a JSON text; `undefined` where it is broken, which no accepted message is.
fn read(json: &str) -> Value<'_> {
    Value::from_json(json).unwrap_or(Value::Undefined)
}

/// The payload of a directive: the message, or the element or output to which paths are relative.
#[derive(Clone, Copy)]
pub(crate) enum Scope<'a, 's> {
    Payload(&'s Payload<'a>),
    Value(&'s Value<'a>, PathRules),
}

impl<'a> Scope<'a, '_> {
    pub(crate) fn get(&self, path: &Path) -> Value<'a> {
        match self {
            Self::Payload(payload) => payload.get(path),
            Self::Value(value, rules) => walk(value, path.steps(), *rules),
        }
    }

    pub(crate) fn whole(&self) -> Value<'a> {
        match self {
            Self::Payload(payload) => payload.whole(),
            Self::Value(value, _) => (*value).clone(),
        }
    }

    pub(crate) fn rules(&self) -> PathRules {
        match self {
            Self::Payload(payload) => payload.rules,
            Self::Value(_, rules) => *rules,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_by_path_as_its_parsed_value_is() {
        let json = r#" {"type":"track","userId":"","properties":{"a":{"b":[1,2]},"z":0,"a.b":1},
            "context":null,"traits":"t","extra":{"x":{"y":1}},"n":5} "#;
        let payload = Payload::of_json(json).unwrap();
        let whole = Value::from_json(json).unwrap();
        for path in [
            "type",
            "userId",
            "userId.x",
            "properties.a.b[1]",
            "properties.a",
            "properties.z.q",
            "properties",
            "properties.q",
            "context",
            "context.a",
            "traits.length",
            "traits[0]",
            "extra.x.y",
            "n.q",
            "missing",
            "$.",
            "properties.a.b.length",
        ] {
            let path = Path::new(path);
            let expected = walk(&whole, path.steps(), PathRules::JavaScript);
            assert_eq!(payload.get(&path), expected, "{path:?}");
        }
        assert!(Payload::of_json("[1]").is_err());
        assert!(Payload::of_json(r#"{"a":1"#).is_err());
    }
}
