//! Reads values of a message by path.
//!
//! Mappings read only three or four values of most messages. So the JSON is never parsed as a
//! whole, only the objects along each path.

use std::borrow::Cow;
use std::cell::OnceCell;

use domain::{Message, Timestamp};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A message whose properties or traits are parsed at the first access.
pub(crate) struct Payload<'a> {
    message: &'a Message,
    body: OnceCell<Object<'a>>,
}

/// A value found in a message.
#[derive(Debug, Clone)]
pub(crate) enum PathValue<'a> {
    /// A text field of the message.
    Text(&'a str),
    /// A time field of the message.
    Instant(Timestamp),
    /// A part of its JSON, unparsed.
    Raw(&'a RawValue),
}

/// The members of a JSON object, one level deep; of a repeated key the last counts.
#[derive(Debug, Default, Clone)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Payload<'a> {
    pub(crate) fn new(message: &'a Message) -> Self {
        Self { message, body: OnceCell::new() }
    }

    /// The value at a path such as `$.properties.products[0].sku`; none where a step of the path is
    /// missing.
    pub(crate) fn at(&self, path: &str) -> Option<PathValue<'a>> {
        let mut steps = steps(path);
        let message = self.message;
        let text = |text: &'a Option<String>| text.as_deref().map(PathValue::Text);
        let found = match steps.next()? {
            field if field == message.body_field() => {
                let Some(first) = steps.next() else {
                    return message.body.as_deref().and_then(raw).map(PathValue::Raw);
                };
                let body = self.body.get_or_init(|| {
                    message.body.as_deref().and_then(Object::parse).unwrap_or_default()
                });
                PathValue::Raw(body.get(first)?)
            }
            "userId" => text(&message.user_id)?,
            "anonymousId" => text(&message.anonymous_id)?,
            "previousId" => text(&message.previous_id)?,
            "groupId" => text(&message.group_id)?,
            "event" => text(&message.event)?,
            "name" => text(&message.name)?,
            "category" => text(&message.category)?,
            "messageId" => PathValue::Text(&message.message_id),
            "type" => PathValue::Text(message.type_.word()),
            "timestamp" => PathValue::Instant(message.timestamp),
            "receivedAt" => PathValue::Instant(message.received_at),
            "context" => PathValue::Raw(message.context.as_deref().and_then(raw)?),
            "integrations" => PathValue::Raw(message.integrations.as_deref().and_then(raw)?),
            _ => return None,
        };
        steps.try_fold(found, |found, step| match found {
            PathValue::Raw(raw) => step_into(raw, step).map(PathValue::Raw),
            PathValue::Text(_) | PathValue::Instant(_) => None,
        })
    }
}

/// The value at a path that starts at a part of a message.
pub(crate) fn at_raw<'a>(raw: &'a RawValue, path: &str) -> Option<&'a RawValue> {
    steps(path).try_fold(raw, step_into)
}

/// The elements of an array; none where it is no array.
pub(crate) fn elements(raw: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

fn steps(path: &str) -> impl Iterator<Item = &str> {
    let is_separator = |byte: &u8| matches!(byte, b'.' | b'[' | b']');
    let path = path.strip_prefix("$.").unwrap_or(path).as_bytes();
    let steps = path.split(is_separator).filter(|step| !step.is_empty());
    steps.map(|step| std::str::from_utf8(step).expect("a text split at ASCII is text"))
}

fn step_into<'a>(raw: &'a RawValue, step: &str) -> Option<&'a RawValue> {
    match raw.get().as_bytes().first()? {
        b'[' => elements(raw)?.get(step.parse::<usize>().ok()?).copied(),
        b'{' => Object::parse(raw.get())?.get(step),
        _ => None,
    }
}

fn raw(text: &str) -> Option<&RawValue> {
    serde_json::from_str(text).ok()
}

impl<'a> Object<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, raw)| *raw)
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some((Key(key), raw)) = map.next_entry()? {
                    members.push((key, raw));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A key, borrowed unless it has escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
