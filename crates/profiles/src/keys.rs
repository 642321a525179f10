//! The keyspaces of this crate, and the encoding of their keys and values.

use domain::{Timestamp, UserIdx};
use serde::{Serialize, de::DeserializeOwned};
use store::key::KeyBuf;
use store::{Keyspace, Store, StoreError};

const IDENTIFIERS: &str = "profiles.identifiers";
const PROFILES: &str = "profiles.profiles";
const TRAITS: &str = "profiles.traits";
const TIMELINE: &str = "profiles.timeline";
const TERMS: &str = "profiles.terms";
const MERGES: &str = "profiles.merges";

/// The names of the keyspaces, for opening the store.
pub const KEYSPACES: [&str; 6] = [IDENTIFIERS, PROFILES, TRAITS, TIMELINE, TERMS, MERGES];

/// Handles to the open keyspaces.
pub struct Keys {
    pub(crate) identifiers: Keyspace,
    pub(crate) profiles: Keyspace,
    pub(crate) traits: Keyspace,
    pub(crate) timeline: Keyspace,
    pub(crate) terms: Keyspace,
    pub(crate) merges: Keyspace,
}

impl Keys {
    pub(crate) fn open(store: &Store) -> Self {
        Self {
            identifiers: store.keyspace(IDENTIFIERS),
            profiles: store.keyspace(PROFILES),
            traits: store.keyspace(TRAITS),
            timeline: store.keyspace(TIMELINE),
            terms: store.keyspace(TERMS),
            merges: store.keyspace(MERGES),
        }
    }
}

pub(crate) fn user(user: UserIdx) -> KeyBuf {
    KeyBuf::new().u32(user.0)
}

pub(crate) fn timeline(user: UserIdx, timestamp: Timestamp, offset: u64) -> Vec<u8> {
    KeyBuf::new().u32(user.0).u64(timestamp.0 as u64).u64(offset).build()
}

pub(crate) fn merge(target: UserIdx, offset: u64, merged: UserIdx) -> Vec<u8> {
    KeyBuf::new().u32(target.0).u64(offset).u32(merged.0).build()
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
