//! Forms of properties and items.

use serde::{Deserialize, Serialize};
use serde_with::As;

use super::forms;

forms! {
    Column = domain::Column,
    PropertyType = domain::PropertyType,
    PropertyValue = domain::PropertyValue,
    ItemRow = catalog::ItemRow,
    Property = catalog::Property,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "domain::Column")]
pub(in crate::entry) struct Column {
    name: String,
    #[serde(rename = "type", with = "As::<PropertyType>")]
    type_: domain::PropertyType,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "domain::PropertyType", rename_all = "snake_case")]
pub(in crate::entry) enum PropertyType {
    Int,
    Double,
    String,
    Boolean,
    Timestamp,
    Set,
    Image,
    ImageList,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "domain::PropertyValue", rename_all = "snake_case")]
pub(in crate::entry) enum PropertyValue {
    Int(i64),
    Double(f64),
    String(String),
    Boolean(bool),
    Timestamp(domain::Timestamp),
    Set(Vec<String>),
    Image(String),
    ImageList(Vec<String>),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "catalog::ItemRow")]
pub(in crate::entry) struct ItemRow {
    item_id: String,
    #[serde(with = "As::<Vec<Option<PropertyValue>>>")]
    values: Vec<Option<domain::PropertyValue>>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "catalog::Property")]
pub(in crate::entry) struct Property {
    name: String,
    #[serde(rename = "type", with = "As::<PropertyType>")]
    type_: domain::PropertyType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settings: Option<String>,
}
