//! The keyspaces of this crate, and how their values are written.

use serde::{Serialize, de::DeserializeOwned};
use store::{Keyspace, Store, StoreError};

const ITEMS: &str = "catalog.items";
const PROPERTIES: &str = "catalog.properties";
const VERSIONS: &str = "catalog.versions";

/// The names of the keyspaces, for opening the store.
pub const KEYSPACES: [&str; 3] = [ITEMS, PROPERTIES, VERSIONS];

pub(crate) struct Keys {
    pub(crate) items: Keyspace,
    pub(crate) properties: Keyspace,
    pub(crate) versions: Keyspace,
}

impl Keys {
    pub(crate) fn open(store: &Store) -> Self {
        Self {
            items: store.keyspace(ITEMS),
            properties: store.keyspace(PROPERTIES),
            versions: store.keyspace(VERSIONS),
        }
    }
}

pub(crate) fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("records of plain fields always encode")
}

pub(crate) fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| StoreError::Unreadable { what })
}
