//! Records of an upload, within CleverTap's limits.

use domain::Timestamp;
use serde_json::{Map, Value, json};

use crate::kind::{Made, RequestError, object_field, text_field, time_field};

/// The most properties of an event, and of a profile.
const PROPERTIES_MAX: usize = 256;
/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 120;
/// The longest text, in bytes.
const TEXT_BYTES_MAX: usize = 512;
/// The most texts of a property of a profile that has several.
const TEXTS_MAX: usize = 100;
/// The most items of the event Charged.
const ITEMS_MAX: usize = 256;
/// Characters that no name may have.
const FORBIDDEN: &[char] =
    &['%', '>', '<', '!', '|', '&', '.', ':', ';', '$', '\'', '"', '\\', '#'];
/// The opt-outs of a profile begin with this, and are taken as they are.
const OPT_OUT: &str = "MSG-";

/// The record of what a mapping made.
///
/// # Errors
/// If it is beyond a limit, or belongs to nobody.
pub(super) fn make_record(made: &Made<'_>) -> Result<Value, RequestError> {
    let mut record = Map::new();
    match (text_field(made, "identity"), text_field(made, "objectId")) {
        (Some(identity), _) => record.insert("identity".to_owned(), identity.into()),
        (None, Some(object_id)) => record.insert("objectId".to_owned(), object_id.into()),
        (None, None) => return Err(wrong("identity", "or objectId is needed")),
    };
    match made.action.name.as_str() {
        "uploadProfile" => {
            record.insert("type".to_owned(), "profile".into());
            record.insert("profileData".to_owned(), profile_data(made)?.into());
        }
        _ => {
            let name = text_field(made, "event").unwrap_or_default().replace(FORBIDDEN, "");
            if name.trim().is_empty() {
                return Err(wrong("event", "has no character that CleverTap takes"));
            }
            record.insert("type".to_owned(), "event".into());
            record.insert("evtName".to_owned(), name.trim().into());
            if let Some(at) = time_field(made, "time")? {
                record.insert("ts".to_owned(), at.0.div_euclid(1_000).into());
            }
            record.insert("evtData".to_owned(), event_data(made)?.into());
        }
    }
    Ok(record.into())
}

fn wrong(field: &str, what: impl Into<String>) -> RequestError {
    RequestError { field: field.to_owned(), what: what.into() }
}

fn event_data(made: &Made<'_>) -> Result<Map<String, Value>, RequestError> {
    let mut data = plain_members(object_field(made, "data"), "data")?;
    for (field, key) in
        [("amount", "Amount"), ("currency", "Currency"), ("chargedId", "Charged ID")]
    {
        let value = made.fields.get(field).and_then(|value| serde_json::to_value(value).ok());
        if let Some(value) = value.and_then(plain) {
            data.insert(key.to_owned(), value);
        }
    }
    let items = made.fields.get("items").and_then(|items| serde_json::to_value(items).ok());
    if let Some(Value::Array(items)) = items {
        if items.len() > ITEMS_MAX {
            return Err(wrong("items", format!("has {}, the limit is {ITEMS_MAX}", items.len())));
        }
        let item = |item| match item {
            Value::Object(members) => plain_members(members, "items").map(Value::Object),
            _ => Err(wrong("items", "should be a list of objects")),
        };
        data.insert("Items".to_owned(), items.into_iter().map(item).collect::<Result<_, _>>()?);
    }
    Ok(data)
}

fn profile_data(made: &Made<'_>) -> Result<Map<String, Value>, RequestError> {
    let mut rest = object_field(made, "data");
    // What has a field of its own is not sent twice.
    for key in ["name", "email", "phone", "gender", "birthday"] {
        if made.fields.get(key).is_some() {
            rest.remove(key);
        }
    }
    let mut data = Map::new();
    for (key, value) in rest {
        let value = match value {
            Value::Array(items) => {
                let texts = items.into_iter().filter(Value::is_string).filter_map(plain);
                Some(texts.take(TEXTS_MAX).collect::<Vec<_>>())
                    .filter(|texts| !texts.is_empty())
                    .map(Value::Array)
            }
            value => plain(value),
        };
        if let Some(value) = value {
            let key = if key.starts_with(OPT_OUT) { key } else { snake_case(&key) };
            insert(&mut data, key, value, "data")?;
        }
    }
    for (field, key) in [("name", "Name"), ("email", "Email"), ("phone", "Phone")] {
        if let Some(text) = text_field(made, field) {
            data.insert(key.to_owned(), cut(text).into());
        }
    }
    let gender = text_field(made, "gender").and_then(|text| text.chars().next());
    match gender.map(|letter| letter.to_ascii_uppercase()) {
        Some('M') => drop(data.insert("Gender".to_owned(), "M".into())),
        Some('F') => drop(data.insert("Gender".to_owned(), "F".into())),
        _ => {}
    }
    if let Some(Timestamp(at_ms)) = time_field(made, "birthday")? {
        data.insert("DOB".to_owned(), json!(format!("$D_{}", at_ms.div_euclid(1_000))));
    }
    Ok(data)
}

/// The members with plain values, under keys that CleverTap takes.
fn plain_members(
    members: Map<String, Value>,
    field: &str,
) -> Result<Map<String, Value>, RequestError> {
    let mut data = Map::new();
    for (key, value) in members {
        if let Some(value) = plain(value) {
            insert(&mut data, snake_case(&key), value, field)?;
        }
    }
    Ok(data)
}

fn insert(
    data: &mut Map<String, Value>,
    key: String,
    value: Value,
    field: &str,
) -> Result<(), RequestError> {
    if key.len() > KEY_BYTES_MAX {
        let what = format!("has a key of {} bytes, the limit is {KEY_BYTES_MAX}", key.len());
        return Err(wrong(field, what));
    }
    if !key.is_empty() {
        data.insert(key, value);
    }
    match data.len() {
        0..=PROPERTIES_MAX => Ok(()),
        _ => Err(wrong(field, format!("has more than {PROPERTIES_MAX} properties"))),
    }
}

/// Texts, cut, numbers and booleans.
fn plain(value: Value) -> Option<Value> {
    match value {
        Value::String(text) => Some(cut(text).into()),
        Value::Number(_) | Value::Bool(_) => Some(value),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    text
}

/// `firstName` and `First Name` are `first_name`; forbidden characters go.
fn snake_case(key: &str) -> String {
    let mut snake = String::new();
    let mut was_lower = false;
    for letter in key.chars() {
        let is_separator = letter.is_whitespace() || letter == '-' || FORBIDDEN.contains(&letter);
        let begins_word = is_separator || (letter.is_uppercase() && was_lower);
        if begins_word && !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
        if !is_separator {
            snake.extend(letter.to_lowercase());
        }
        was_lower = letter.is_lowercase() || letter.is_numeric();
    }
    snake.trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_lower_case_with_underscores() {
        for (key, snake) in [
            ("firstName", "first_name"),
            ("Order ID", "order_id"),
            ("product_id", "product_id"),
            ("a.b$c", "a_b_c"),
            ("UTM", "utm"),
            ("size2Large", "size2_large"),
            ("!!", ""),
        ] {
            assert_eq!(snake_case(key), snake);
        }
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("ä".repeat(300)).len(), 512);
        assert_eq!(cut(format!("x{}", "ä".repeat(300))).len(), 511);
    }
}
