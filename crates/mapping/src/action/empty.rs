//! Removes empty values before a payload is checked.

use super::Mode;
use super::schema::{FieldSchema, find};
use crate::value::{Object, Value};

/// Without null where the type knows none, and without the empty text where the type is no text.
/// In messages that are mapped alone the empty text goes from the first level whatever the type.
/// Lists lose empty elements. What has no declared members stays as it is: additional data, and the
/// objects within lists.
pub(super) fn remove_empty<'a>(
    payload: Object<'a>,
    fields: &[(String, FieldSchema)],
    mode: Mode,
) -> Object<'a> {
    let payload = remove_members(payload, fields);
    let is_kept = |value: &Value<'a>| mode == Mode::Batch || *value != Value::text("");
    payload.into_iter().filter(|(_, value)| is_kept(value)).collect()
}

fn remove_members<'a>(object: Object<'a>, fields: &[(String, FieldSchema)]) -> Object<'a> {
    let kept = object.into_iter().filter_map(|(key, value)| match find(fields, &key) {
        Some(field) => Some((key, remove(value, field)?)),
        None => Some((key, value)),
    });
    kept.collect()
}

fn remove<'a>(value: Value<'a>, field: &FieldSchema) -> Option<Value<'a>> {
    let is_empty = |value: &Value<'a>, takes_text: bool| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() && !takes_text,
        _ => false,
    };
    let takes_text = field.type_.takes_text();
    match (value, field.is_multiple, &field.properties) {
        (Value::Array(items), true, _) => {
            let items = items.into_iter().filter(|item| !is_empty(item, takes_text));
            Some(Value::Array(items.collect()))
        }
        (Value::Object(object), false, Some(fields)) => {
            Some(Value::Object(remove_members(object, fields)))
        }
        (value, is_multiple, _) => {
            Some(value).filter(|value| !is_empty(value, takes_text && !is_multiple))
        }
    }
}
