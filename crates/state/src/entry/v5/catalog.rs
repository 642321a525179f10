//! Forms of properties and items.

use serde::Deserialize;
use serde_with::As;

use super::forms;

forms! {
    Column = domain::Column,
    PropertyType = domain::PropertyType,
    PropertyValue = domain::PropertyValue,
    ItemRow = catalog::ItemRow,
    Property = catalog::Property,
}

#[derive(Deserialize)]
#[serde(remote = "domain::Column")]
pub(in crate::entry) struct Column {
    name: String,
    #[serde(with = "As::<PropertyType>")]
    type_: domain::PropertyType,
}

#[derive(Deserialize)]
#[serde(remote = "domain::PropertyType")]
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

#[derive(Deserialize)]
#[serde(remote = "domain::PropertyValue")]
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

#[derive(Deserialize)]
#[serde(remote = "catalog::ItemRow")]
pub(in crate::entry) struct ItemRow {
    item_id: String,
    #[serde(with = "As::<Vec<Option<PropertyValue>>>")]
    values: Vec<Option<domain::PropertyValue>>,
}

#[derive(Deserialize)]
#[serde(remote = "catalog::Property")]
pub(in crate::entry) struct Property {
    name: String,
    #[serde(with = "As::<PropertyType>")]
    type_: domain::PropertyType,
    role: Option<String>,
    settings: Option<String>,
}
