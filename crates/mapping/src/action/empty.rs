//! Removes empty values before a payload is checked.

use super::Mode;
use super::schema::{FieldSchema, find};
use crate::value::{Object, Value};

/// Without null where the type knows none, and without the empty text where the type is no text.
/// In messages that are mapped alone the empty text goes from the first level whatever the type.
/// Arrays lose empty elements; objects within arrays stay as they are.
pub(super) fn remove_empty<'a>(
    payload: Object<'a>,
    fields: &[(String, FieldSchema)],
    mode: Mode,
) -> Object<'a> {
    let members =
        payload.into_iter().filter(|(_, value)| mode == Mode::Batch || *value != Value::text(""));
    remove_in(members, Some(fields))
}

fn remove_in<'a>(
    members: impl Iterator<Item = (std::borrow::Cow<'a, str>, Value<'a>)>,
    fields: Option<&[(String, FieldSchema)]>,
) -> Object<'a> {
    members
        .filter_map(|(key, value)| {
            let schema = fields.and_then(|fields| find(fields, &key));
            remove(value, schema).map(|value| (key, value))
        })
        .collect()
}

fn remove<'a>(value: Value<'a>, schema: Option<&FieldSchema>) -> Option<Value<'a>> {
    let takes_text = schema.is_some_and(|schema| schema.type_.takes_text() && !schema.is_multiple);
    let is_empty = |value: &Value<'a>| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() && !takes_text,
        _ => false,
    };
    match value {
        Value::Array(items) => {
            Some(Value::Array(items.into_iter().filter(|item| !is_empty(item)).collect()))
        }
        Value::Object(object) => {
            let fields = schema.filter(|schema| !schema.is_multiple);
            let fields = fields.and_then(|schema| schema.properties.as_deref());
            Some(Value::Object(remove_in(object.into_iter(), fields)))
        }
        value if is_empty(&value) => None,
        value => Some(value),
    }
}
