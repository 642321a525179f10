//! The keyspaces of this crate and the encoding of their values.

use serde::{Serialize, de::DeserializeOwned};
use store::{Keyspace, Store, StoreError};

use crate::PropertyTable;

const ITEMS: &str = "catalog.items";
const ITEM_PROPERTIES: &str = "catalog.item_properties";
const ITEM_VALUES: &str = "catalog.item_values";
const USER_PROPERTIES: &str = "catalog.user_properties";
const USER_VALUES: &str = "catalog.user_values";
const VERSIONS: &str = "catalog.versions";
const OFF: &str = "catalog.off";

/// The names of the keyspaces, for opening the store.
pub const KEYSPACES: [&str; 7] =
    [ITEMS, ITEM_PROPERTIES, ITEM_VALUES, USER_PROPERTIES, USER_VALUES, VERSIONS, OFF];

/// The names of the keyspaces of locations: catalogs, columns and values.
pub const LOCATION_KEYSPACES: [&str; 3] =
    ["catalog.locations", "catalog.location_properties", "catalog.location_values"];

pub(crate) struct Keys {
    pub(crate) items: Keyspace,
    pub(crate) versions: Keyspace,
    /// The indices of items that are turned off, without values.
    pub(crate) off: Keyspace,
}

impl Keys {
    pub(crate) fn open(store: &Store) -> Self {
        Self {
            items: store.keyspace(ITEMS),
            versions: store.keyspace(VERSIONS),
            off: store.keyspace(OFF),
        }
    }
}

/// Loads the item properties of a version.
pub(crate) fn item_table(store: &Store, version: u32) -> Result<PropertyTable, StoreError> {
    PropertyTable::load(
        store,
        store.keyspace(ITEM_PROPERTIES),
        store.keyspace(ITEM_VALUES),
        version,
    )
}

/// Loads the user properties.
///
/// # Errors
/// The store's, or an unreadable value.
pub fn user_table(store: &Store) -> Result<PropertyTable, StoreError> {
    PropertyTable::load(store, store.keyspace(USER_PROPERTIES), store.keyspace(USER_VALUES), 0)
}

pub(crate) fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("records of plain fields always encode")
}

pub(crate) fn decode<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| StoreError::Unreadable { what })
}
