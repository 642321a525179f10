//! A record of an upload becomes the message that says the same.

use domain::{Rejection, RejectionReason, Timestamp};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The most properties of an event, and the most custom keys of a profile.
const KEYS_MAX: usize = 256;
/// The longest name of an event or a property, in characters.
const NAME_CHARS_MAX: usize = 120;
/// The longest text of a value, in bytes.
const VALUE_BYTES_MAX: usize = 512;
/// The most values of a list in a profile, of which the latest are kept.
const VALUES_MAX: usize = 100;
/// The most items of a `Charged` event.
const ITEMS_MAX: usize = 256;
/// No name may have one of these.
const FORBIDDEN: &str = "%><!|&.:;$'\"\\#";

/// The event of a purchase, and the event that it becomes.
const CHARGED: &str = "Charged";
const ORDER_COMPLETED: &str = "Order Completed";

/// Why a record is refused.
pub(super) struct Refusal {
    /// A code of CleverTap's.
    pub(super) code: u16,
    pub(super) error: String,
}

const EVENT_NAME: u16 = 509;
const STRUCTURE: u16 = 512;
const TOO_MANY_KEYS: u16 = 522;
const IDENTITY: u16 = 523;
const TYPE: u16 = 524;
const TIME: u16 = 525;

impl Refusal {
    /// Of a message that did not pass the form check.
    pub(super) fn of(rejection: &Rejection) -> Self {
        let code = match rejection.reason {
            RejectionReason::IdRequired
            | RejectionReason::IdNotString
            | RejectionReason::IdTooLong
            | RejectionReason::IdInvalid => IDENTITY,
            RejectionReason::EventNotDefined | RejectionReason::EventNotString => EVENT_NAME,
            RejectionReason::TimestampInvalid => TIME,
            _ => STRUCTURE,
        };
        Self { code, error: rejection.detail.clone() }
    }
}

fn refuse<T>(code: u16, error: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { code, error: error.into() })
}

/// The message of a record. A record with a time of its own gets a message id that follows from
/// its content, so that it counts once however often it is sent.
pub(super) fn to_message(text: &str, source: &str) -> Result<Value, Refusal> {
    let record: Map<String, Value> = serde_json::from_str(text).map_err(|error| Refusal {
        code: STRUCTURE,
        error: format!("the record is no JSON object: {error}"),
    })?;
    let mut message = match record.get("type").and_then(Value::as_str) {
        Some("event") => read_event(&record)?,
        Some("profile") => read_profile(&record)?,
        _ => return refuse(TYPE, "type must be event or profile"),
    };
    let (field, id) = read_identity(&record)?;
    message.insert(field.to_owned(), id.into());
    if let Some(time) = read_time(&record)? {
        message.insert("timestamp".to_owned(), time.to_string().into());
        message.insert("messageId".to_owned(), derive_id(&record, source).into());
    }
    Ok(Value::Object(message))
}

fn derive_id(record: &Map<String, Value>, source: &str) -> String {
    let mut hash = Sha256::new_with_prefix(source);
    hash.update([0]);
    hash.update(json!(record).to_string());
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("upload-{hex}")
}

/// The field of the message that the record's one identifier goes to, and its text.
fn read_identity(record: &Map<String, Value>) -> Result<(&'static str, String), Refusal> {
    let mut found = [
        ("identity", "userId", ""),
        ("objectId", "anonymousId", ""),
        ("FBID", "anonymousId", "fbid:"),
        ("GPID", "anonymousId", "gpid:"),
    ]
    .into_iter()
    .filter_map(|(key, field, prefix)| Some((key, field, prefix, record.get(key)?)))
    .filter(|(_, _, _, value)| !value.is_null());
    let (Some((key, field, prefix, value)), None) = (found.next(), found.next()) else {
        return refuse(IDENTITY, "a record needs one of identity, objectId, FBID and GPID");
    };
    match value {
        Value::String(id) if !id.is_empty() => Ok((field, format!("{prefix}{id}"))),
        Value::Number(id) => Ok((field, format!("{prefix}{id}"))),
        _ => refuse(IDENTITY, format!("{key} must be a text that is not empty")),
    }
}

fn read_time(record: &Map<String, Value>) -> Result<Option<Timestamp>, Refusal> {
    let seconds = match record.get("ts") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_i64(),
    };
    match seconds.and_then(from_seconds) {
        Some(time) => Ok(Some(time)),
        None => refuse(TIME, "ts must be a time in seconds since 1970"),
    }
}

/// A time in seconds since 1970, up to the year 2286: what is later is written in milliseconds.
fn from_seconds(seconds: i64) -> Option<Timestamp> {
    (0..10_000_000_000).contains(&seconds).then(|| Timestamp(seconds * 1_000))
}

fn read_event(record: &Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    let Some(name) = record.get("evtName").and_then(Value::as_str).filter(|name| !name.is_empty())
    else {
        return refuse(EVENT_NAME, "evtName is missing");
    };
    check_name("evtName", name)?;
    let data = read_members(record, "evtData")?;
    let (event, properties) = match name {
        CHARGED => (ORDER_COMPLETED, read_charged(data)?),
        _ => (name, read_properties("evtData", data)?),
    };
    let mut message = Map::new();
    message.insert("type".to_owned(), "track".into());
    message.insert("event".to_owned(), event.into());
    message.insert("properties".to_owned(), properties.into());
    Ok(message)
}

fn read_profile(record: &Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    let mut traits = Map::new();
    for (key, value) in read_members(record, "profileData")? {
        check_name("profileData", key)?;
        // The fields that every profile has, by the names that sources use.
        let name = match key.as_str() {
            "Name" => "name",
            "Email" => "email",
            "Phone" => "phone",
            "Gender" => "gender",
            "DOB" => "birthday",
            "Photo" => "avatar",
            key => key,
        };
        traits.insert(name.to_owned(), read_trait(key, value)?);
    }
    let mut message = Map::new();
    message.insert("type".to_owned(), "identify".into());
    message.insert("traits".to_owned(), traits.into());
    Ok(message)
}

/// A value of a profile: a list, also written as `{"$set": [...]}`, or a single value.
fn read_trait(key: &str, value: &Value) -> Result<Value, Refusal> {
    let values = match value {
        Value::Array(values) => values,
        Value::Object(operation) => match operation.get("$set").and_then(Value::as_array) {
            Some(values) if operation.len() == 1 => values,
            _ => {
                return refuse(
                    STRUCTURE,
                    format!("{key} changes a value by an operator; send the whole value instead"),
                );
            }
        },
        value => return read_value(key, value),
    };
    let mut kept: Vec<Value> = Vec::new();
    // Of equal values the latest counts.
    for value in values.iter().rev() {
        let value = read_value(key, value)?;
        if kept.len() < VALUES_MAX && !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept.reverse();
    Ok(kept.into())
}

/// A purchase as an order: `Charged ID`, `Amount`, `Currency` and `Items` get the names that the
/// presets and other senders use.
fn read_charged(data: &Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    let mut rest = data.clone();
    let items = rest.remove("Items").unwrap_or(Value::Array(Vec::new()));
    let mut order = Map::new();
    for (key, value) in read_properties("evtData", &rest)? {
        let name = match snake_case(&key).as_str() {
            "charged_id" => "order_id".to_owned(),
            "amount" => "total".to_owned(),
            "currency" => "currency".to_owned(),
            _ => key,
        };
        order.insert(name, value);
    }
    let Value::Array(items) = items else {
        return refuse(STRUCTURE, "Items must be an array of objects");
    };
    if items.len() > ITEMS_MAX {
        let error = format!("{} Items in one event, the limit is {ITEMS_MAX}", items.len());
        return refuse(TOO_MANY_KEYS, error);
    }
    let products: Result<Vec<Value>, Refusal> = items.iter().map(read_item).collect();
    order.insert("products".to_owned(), products?.into());
    Ok(order)
}

/// An item as a product: keys in snake case; the first of the usual names of an id is its
/// `product_id`.
fn read_item(item: &Value) -> Result<Value, Refusal> {
    let Value::Object(item) = item else {
        return refuse(STRUCTURE, "an entry of Items is no object");
    };
    let properties = read_properties("Items", item)?;
    let mut product: Map<String, Value> =
        properties.into_iter().map(|(key, value)| (snake_case(&key), value)).collect();
    let id_key =
        ["product_id", "item_id", "id", "sku"].into_iter().find(|key| product.contains_key(*key));
    if let Some(id) = id_key.and_then(|key| product.remove(key)) {
        let id = match id {
            Value::Number(id) => id.to_string().into(),
            id => id,
        };
        product.insert("product_id".to_owned(), id);
    }
    Ok(product.into())
}

fn snake_case(key: &str) -> String {
    key.trim().to_lowercase().replace([' ', '-'], "_")
}

fn read_members<'a>(
    record: &'a Map<String, Value>,
    field: &str,
) -> Result<&'a Map<String, Value>, Refusal> {
    static NOTHING: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    let members = match record.get(field) {
        None | Some(Value::Null) => &*NOTHING,
        Some(Value::Object(members)) => members,
        Some(_) => return refuse(STRUCTURE, format!("{field} must be an object")),
    };
    if members.len() > KEYS_MAX {
        let error = format!("{} keys in {field}, the limit is {KEYS_MAX}", members.len());
        return refuse(TOO_MANY_KEYS, error);
    }
    Ok(members)
}

fn read_properties(
    field: &str,
    members: &Map<String, Value>,
) -> Result<Map<String, Value>, Refusal> {
    let read = |(key, value): (&String, &Value)| {
        check_name(field, key)?;
        Ok((key.clone(), read_value(key, value)?))
    };
    members.iter().map(read).collect()
}

fn check_name(field: &str, name: &str) -> Result<(), Refusal> {
    if name.chars().count() > NAME_CHARS_MAX {
        let error = format!("{field} has a name of more than {NAME_CHARS_MAX} characters");
        return refuse(STRUCTURE, error);
    }
    match name.chars().find(|c| FORBIDDEN.contains(*c)) {
        None => Ok(()),
        Some(c) => refuse(STRUCTURE, format!("{field}: the name {name:?} has the character {c}")),
    }
}

/// A single value. `$D_1700000000` is a time in seconds since 1970.
fn read_value(key: &str, value: &Value) -> Result<Value, Refusal> {
    match value {
        Value::Array(_) | Value::Object(_) => {
            refuse(STRUCTURE, format!("{key} must be a single value, it is a list or an object"))
        }
        Value::String(text) if text.len() > VALUE_BYTES_MAX => refuse(
            STRUCTURE,
            format!("{key} has {} bytes, the limit is {VALUE_BYTES_MAX}", text.len()),
        ),
        Value::String(text) => {
            let seconds = text.strip_prefix("$D_").and_then(|seconds| seconds.parse::<i64>().ok());
            let time = seconds.and_then(from_seconds);
            Ok(time.map_or_else(|| value.clone(), |time| time.to_string().into()))
        }
        value => Ok(value.clone()),
    }
}
