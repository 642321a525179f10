//! Entries: the parts of a batch, each of which could be a request of its own.

use std::borrow::Cow;

use super::FieldError;
use super::time::seconds;
use crate::action::ActionType;
use crate::value::{Object, Value, print_number};

/// A request within the database.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// `POST`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// With its query, without the database.
    pub path: String,
    /// The body, where it is a request of its own.
    pub params: Value<'static>,
}

impl Entry {
    fn post(path: &str, params: Object<'_>) -> Self {
        let params = Value::Object(params).into_owned();
        Self { method: "POST", path: path.to_owned(), params }
    }

    fn without_params(method: &'static str, path: String) -> Self {
        Self { method, path, params: Value::Object(Object::new()) }
    }

    /// Its form in a batch.
    pub(super) fn into_value(self) -> Value<'static> {
        let mut entry = Object::new();
        entry.set("params", self.params);
        entry.set("method", Value::text(self.method));
        entry.set("path", Value::text(self.path));
        Value::Object(entry)
    }
}

/// The entries of an action's checked fields: one for each line of an order, and one for all other
/// actions.
///
/// # Errors
/// If no request can be made of the fields.
pub fn entries(
    action: ActionType,
    mut payload: Object<'_>,
    is_compatible: bool,
) -> Result<Vec<Entry>, FieldError> {
    let path = match action {
        ActionType::AddBookmark => "/bookmarks/",
        ActionType::AddDetailView => "/detailviews/",
        ActionType::AddRating => "/ratings/",
        ActionType::AddCartAddition => {
            flatten_item(&mut payload);
            "/cartadditions/"
        }
        ActionType::SetViewPortion => "/viewportions/",
        ActionType::SetViewPortionFromWatchTime => {
            set_portion(&mut payload)?;
            "/viewportions/"
        }
        ActionType::AddPurchase => return purchases(payload, is_compatible),
        ActionType::DeleteBookmark => return delete("bookmarks", &payload, is_compatible),
        ActionType::DeleteCartAddition => return delete("cartadditions", &payload, is_compatible),
        ActionType::MergeUsers => return Ok(vec![merge(&payload, is_compatible)?]),
        ActionType::AddClick | ActionType::AddListViews => {
            let what = format!("{} is known to our own engine only", action.name());
            return Err(FieldError { field: "", what });
        }
    };
    Ok(vec![Entry::post(path, added(payload, is_compatible)?)])
}

/// The parameters of an added interaction.
fn added<'a>(mut payload: Object<'a>, is_compatible: bool) -> Result<Object<'a>, FieldError> {
    let mut params = Object::new();
    if let Some(timestamp) = payload.remove("timestamp") {
        params.set("timestamp", Value::number(seconds(&timestamp, is_compatible)?));
    }
    params.set("cascadeCreate", Value::Bool(true));
    let mut additional = Object::new();
    for key in ["additionalData", "internalAdditionalData"] {
        if let Some(Value::Object(data)) = payload.remove(key) {
            data.into_iter().for_each(|(key, value)| additional.set(key, value));
        }
    }
    params.set("additionalData", Value::Object(additional));
    payload.into_iter().for_each(|(key, value)| params.set(key, value));
    Ok(params)
}

/// The price of the whole amount.
fn multiply(line: &mut Object<'_>, keys: &[&str]) {
    let Some(amount) = line.get("amount").and_then(Value::as_number) else { return };
    for key in keys {
        if let Some(value) = line.get_mut(key)
            && let Some(unit) = value.as_number()
        {
            *value = Value::number(amount * unit);
        }
    }
}

fn flatten_item(payload: &mut Object<'_>) {
    if let Some(Value::Object(mut item)) = payload.remove("item") {
        multiply(&mut item, &["price"]);
        item.into_iter().for_each(|(key, value)| payload.set(key, value));
    }
}

fn purchases(mut payload: Object<'_>, is_compatible: bool) -> Result<Vec<Entry>, FieldError> {
    let Some(Value::Array(lines)) = payload.remove("items") else { return Ok(Vec::new()) };
    let shared = added(payload, is_compatible)?;
    let mut purchases: Vec<Object<'_>> = Vec::new();
    for line in lines {
        let Value::Object(mut line) = line else { continue };
        multiply(&mut line, &["price", "profit"]);
        let same = purchases.iter_mut().find(|other| other.get("itemId") == line.get("itemId"));
        match same.filter(|_| !is_compatible) {
            Some(same) => add_line(same, &line),
            None => {
                let mut purchase = shared.clone();
                line.into_iter().for_each(|(key, value)| purchase.set(key, value));
                purchases.push(purchase);
            }
        }
    }
    Ok(purchases.into_iter().map(|purchase| Entry::post("/purchases/", purchase)).collect())
}

/// Adds a line to one of the same item. User, item and time identify a purchase, so that the second
/// of two would be refused.
fn add_line(purchase: &mut Object<'_>, line: &Object<'_>) {
    let number = |object: &Object<'_>, key: &str| object.get(key).and_then(Value::as_number);
    let amount = number(purchase, "amount").unwrap_or(1.0) + number(line, "amount").unwrap_or(1.0);
    purchase.set("amount", Value::number(amount));
    for key in ["price", "profit"] {
        let sum = match (number(purchase, key), number(line, key)) {
            (Some(a), Some(b)) => a + b,
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => continue,
        };
        purchase.set(key, Value::number(sum));
    }
}

fn set_portion(payload: &mut Object<'_>) -> Result<(), FieldError> {
    let Some(Value::Object(times)) = payload.remove("portion") else { return Ok(()) };
    let number = |key| times.get(key).and_then(Value::as_number).unwrap_or(f64::NAN);
    let (total, watched) = (number("totalLength"), number("watchTime"));
    let error = |what: String| Err(FieldError { field: "portion", what });
    if total == 0.0 {
        return error("has a total length of 0".to_owned());
    }
    if watched > total {
        return error(format!("has a watch time of {watched}, over the total length of {total}"));
    }
    payload.set("portion", Value::number(watched / total));
    Ok(())
}

fn delete(what: &str, payload: &Object<'_>, is_compatible: bool) -> Result<Vec<Entry>, FieldError> {
    let mut query = String::new();
    for key in ["userId", "itemId"] {
        query += if query.is_empty() { "?" } else { "&" };
        query += &format!("{key}={}", encode_form(&id(payload, key)));
    }
    if let Some(timestamp) = payload.get("timestamp") {
        let seconds = seconds(timestamp, is_compatible)?;
        query += &format!("&timestamp={}", encode_form(&print_number(seconds)));
    }
    Ok(vec![Entry::without_params("DELETE", format!("/{what}/{query}"))])
}

fn merge(payload: &Object<'_>, is_compatible: bool) -> Result<Entry, FieldError> {
    let id = |field| {
        let id = id(payload, field);
        match &*id {
            _ if is_compatible => Ok(id.into_owned()),
            // Clients and servers take them out of paths.
            "." | ".." => {
                Err(FieldError { field, what: format!("is {id:?}, which no path can hold") })
            }
            _ => Ok(encode(&id, b"-._~", "%20")),
        }
    };
    let path = format!("/users/{}/merge/{}", id("targetUserId")?, id("sourceUserId")?);
    Ok(Entry::without_params("PUT", path + "?cascadeCreate=true"))
}

fn id<'o>(payload: &'o Object<'_>, key: &str) -> Cow<'o, str> {
    payload.get(key).map_or(Cow::Borrowed(""), Value::print)
}

/// A value of a form, as `URLSearchParams` writes it.
fn encode_form(text: &str) -> String {
    encode(text, b"*-._", "+")
}

fn encode(text: &str, kept: &[u8], space: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push_str(space),
            byte if byte.is_ascii_alphanumeric() || kept.contains(&byte) => out.push(byte.into()),
            byte => out += &format!("%{byte:02X}"),
        }
    }
    out
}
