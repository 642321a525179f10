//! The requests of the recommender destination: what a checked payload becomes on the wire. Pure:
//! nothing is signed or sent here.
//!
//! `compatible` gives exactly the requests of the original. Without it, its known defects are
//! mended: order lines of one item are added up instead of colliding, a bad entry does not take a
//! whole batch with it, ids are escaped in the path of a merge, and a time that cannot be read is
//! an error instead of `null`.

mod batch;
mod entry;
mod settings;
mod time;
mod trial;

use serde::Serialize;

use crate::action::{ActionType, Mode};
use crate::mapping::{Mapping, MappingError};
use crate::payload::Payload;
use crate::value::{Object, Value};

pub use batch::{Batch, BatchMessage, map_batch};
pub use entry::{Entry, entries};
pub use settings::{Region, Settings, SettingsError};
pub use trial::{Trial, TrialMappings, try_message};

/// A request without its signature.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Request {
    /// `POST`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// With the database id and the query.
    pub path: String,
    /// JSON.
    pub body: Value<'static>,
}

/// Fields of which no request can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {what}")]
pub struct FieldError {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it.
    pub what: String,
}

impl FieldError {
    fn of(&self, mapping: &Mapping, payload: &Payload<'_>) -> MappingError {
        mapping.payload_error(payload, self.field, self.to_string().trim_start().to_owned())
    }
}

/// The request for one message that a mapping's trigger matches.
///
/// # Errors
/// If the message cannot be mapped: one error for each field.
pub fn map_single(
    mapping: &Mapping,
    payload: &Payload<'_>,
    settings: &Settings,
    is_compatible: bool,
) -> Result<Request, Vec<MappingError>> {
    let checked = mapping.check(payload, Mode::Single)?;
    let entries = mapping_entries(mapping, checked, is_compatible)
        .map_err(|error| vec![error.of(mapping, payload)])?;
    let is_purchase = mapping.action_type == Some(ActionType::AddPurchase);
    Ok(single_request(entries, is_purchase, settings))
}

/// The entries of a mapping's checked fields.
fn mapping_entries(
    mapping: &Mapping,
    fields: Object<'_>,
    is_compatible: bool,
) -> Result<Vec<Entry>, FieldError> {
    match mapping.action_type {
        Some(action) => entries(action, fields, is_compatible),
        None => Err(FieldError { field: "", what: "no action of a recommender".to_owned() }),
    }
}

/// The request for the entries of one message. Purchases are always a batch.
pub fn single_request(entries: Vec<Entry>, is_purchase: bool, settings: &Settings) -> Request {
    let alone = match <[Entry; 1]>::try_from(entries) {
        Ok([alone]) if !is_purchase => alone,
        Ok(one) => return batch_request(one.into(), settings),
        Err(entries) => return batch_request(entries, settings),
    };
    Request { method: alone.method, path: settings.path(&alone.path), body: alone.params }
}

/// One request for several entries.
pub fn batch_request(entries: Vec<Entry>, settings: &Settings) -> Request {
    let mut body = Object::new();
    body.set("requests", Value::Array(entries.into_iter().map(Entry::into_value).collect()));
    Request { method: "POST", path: settings.path("/batch/"), body: Value::Object(body) }
}
