//! The rows of reports.

use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, StoreError};

/// Where the others are counted.
const OTHERS: &str = "";

/// Changes the row of a name of a campaign, or that of the others where there are as many as there
/// may be. Returns whether the row is new.
pub(super) fn change_row<T: Default + Serialize + for<'de> Deserialize<'de>>(
    (batch, keyspace, campaign): (&mut Batch<'_>, &Keyspace, u32),
    name: &str,
    (n, n_max): (&mut u32, u32),
    change: impl FnOnce(&mut T),
) -> Result<bool, StoreError> {
    let mut key = KeyBuf::new().u32(campaign).text(name).build();
    let mut row = read_row(batch, keyspace, &key)?;
    let is_new = row.is_none() && *n < n_max;
    if is_new {
        *n += 1;
    } else if row.is_none() {
        key = KeyBuf::new().u32(campaign).text(OTHERS).build();
        row = read_row(batch, keyspace, &key)?;
    }
    let mut row: T = row.unwrap_or_default();
    change(&mut row);
    batch.put(keyspace, key, encode(&row));
    Ok(is_new)
}

pub(super) fn rows_of<T: for<'de> Deserialize<'de>>(
    read: &dyn Read,
    keyspace: &Keyspace,
    campaign: u32,
) -> Result<Vec<(String, T)>, StoreError> {
    let row = |pair: Result<(Vec<u8>, Vec<u8>), StoreError>| {
        let (key, value) = pair?;
        let mut parts = KeyParts::new(&key);
        parts.u32().ok_or_else(unreadable)?;
        let name = parts.text().ok_or_else(unreadable)?.to_owned();
        Ok((name, decode(&value)?))
    };
    read.scan(keyspace, &KeyBuf::new().u32(campaign).build()).map(row).collect()
}

pub(super) fn read_row<T: for<'de> Deserialize<'de>>(
    read: &dyn Read,
    keyspace: &Keyspace,
    key: &[u8],
) -> Result<Option<T>, StoreError> {
    read.get(keyspace, key)?.map(|value| decode(&value)).transpose()
}

pub(super) fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain fields always encode")
}

pub(super) fn decode<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| unreadable())
}

pub(super) fn unreadable() -> StoreError {
    StoreError::Unreadable { what: "campaign report" }
}
