//! What values are true, equal, in order, and how they are written as text.

use std::cmp::Ordering;

use serde_json::Value;

/// Of which kind a value is, in words.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The text of a value; of a list the texts of its elements, one after the other.
pub(crate) fn text_of(value: &Value) -> Result<String, String> {
    Ok(match value {
        Value::Null => String::new(),
        Value::Bool(boolean) => boolean.to_string(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => float.to_string(),
            _ => number.to_string(),
        },
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let mut texts = String::new();
            for item in items {
                texts.push_str(&text_of(item)?);
            }
            texts
        }
        Value::Object(_) => {
            return Err("an object has no text; name one of its members, or use json".to_owned());
        }
    })
}

/// All but nil and false.
pub(crate) fn is_true(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

/// Texts, lists and objects without anything in them.
pub(crate) fn is_empty(value: &Value) -> bool {
    size(value) == Some(0) && !matches!(value, Value::Number(_) | Value::Bool(_))
}

/// Empty, nil, false, or a text of white space.
pub(crate) fn is_blank(value: &Value) -> bool {
    match value {
        Value::String(text) => text.trim().is_empty(),
        value => is_empty(value) || !is_true(value),
    }
}

/// Characters, elements or members.
pub(crate) fn size(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(items) => Some(items.len()),
        Value::Object(members) => Some(members.len()),
        _ => None,
    }
}

pub(crate) fn are_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a == b,
            _ => a.as_f64() == b.as_f64(),
        },
        (a, b) => a == b,
    }
}

/// The order of two numbers or of two texts; others have none.
pub(crate) fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
        },
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// An order of all values, for sorting: by kind, numbers and texts by [`order`], nil at the end.
pub(crate) fn total_order(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Bool(_) => 0,
        Value::Number(_) => 1,
        Value::String(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    };
    rank(a).cmp(&rank(b)).then_with(|| order(a, b).unwrap_or(Ordering::Equal))
}

/// Whether a text has another in it, a list an equal element, or an object a member of that name.
pub(crate) fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::String(text), part) => text_of(part).is_ok_and(|part| text.contains(&part)),
        (Value::Array(items), part) => items.iter().any(|item| are_equal(item, part)),
        (Value::Object(members), Value::String(name)) => members.contains_key(name),
        _ => false,
    }
}

/// Bytes that a value counts for bounds.
pub(crate) fn weight(value: &Value) -> usize {
    const SCALAR_BYTES: usize = 8;
    SCALAR_BYTES
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(weight).sum(),
            Value::Object(members) => {
                members.iter().map(|(name, value)| name.len() + weight(value)).sum()
            }
            _ => 0,
        }
}

/// A member or an element by name or by position; `size`, `first` and `last` as of lists.
pub(crate) enum Step<'k> {
    Name(&'k str),
    Position(i64),
}

/// What a step leads to. Sizes are no part of a value, so they come as their own.
pub(crate) enum Found<'v> {
    Part(&'v Value),
    Size(usize),
}

pub(crate) fn step<'v>(value: &'v Value, key: &Step<'_>) -> Option<Found<'v>> {
    let part = match (value, key) {
        (Value::Object(members), Step::Name(name)) => match members.get(*name) {
            None if *name == "size" => return Some(Found::Size(members.len())),
            member => member,
        },
        (Value::Object(members), Step::Position(position)) => members.get(&position.to_string()),
        (Value::Array(items), Step::Position(position)) => element(items, *position),
        (Value::Array(items), Step::Name("first")) => items.first(),
        (Value::Array(items), Step::Name("last")) => items.last(),
        (value @ (Value::Array(_) | Value::String(_)), Step::Name("size")) => {
            return crate::values::size(value).map(Found::Size);
        }
        (Value::Array(items), Step::Name(name)) => {
            name.parse().ok().and_then(|position| element(items, position))
        }
        _ => None,
    };
    part.map(Found::Part)
}

/// An element by its position from 0; a negative one counts from the end.
fn element(items: &[Value], position: i64) -> Option<&Value> {
    let from_end = || items.len().checked_sub(position.unsigned_abs() as usize);
    items.get(usize::try_from(position).ok().or_else(from_end)?)
}
