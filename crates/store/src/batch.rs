//! Atomic batches of writes.

use std::collections::BTreeMap;

use crate::{Keyspace, PAIR_OVERHEAD_BYTES, POSITION, Pairs, Read, Result, Store, engine_error};

/// Pending writes on top of a store. Reads through the batch see them. Without [`Batch::commit`]
/// they are dropped.
pub struct Batch<'a> {
    store: &'a Store,
    /// For each keyspace: keys with their new value, none for removed keys.
    pending: Vec<BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(store: &'a Store, n_keyspaces: usize) -> Self {
        Self { store, pending: vec![BTreeMap::new(); n_keyspaces] }
    }

    /// Sets the value of a key.
    pub fn put(&mut self, keyspace: &Keyspace, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.pending[keyspace.number].insert(key.into(), Some(value.into()));
    }

    /// Removes a key.
    pub fn remove(&mut self, keyspace: &Keyspace, key: impl Into<Vec<u8>>) {
        self.pending[keyspace.number].insert(key.into(), None);
    }

    /// The pairs with keys from `from` up to, not including, `until`; ascending.
    pub fn scan_range(&self, keyspace: &Keyspace, from: &[u8], until: &[u8]) -> Pairs<'_> {
        if from >= until {
            return Box::new(std::iter::empty());
        }
        let pending = self.pending[keyspace.number].range(from.to_vec()..until.to_vec()).peekable();
        Box::new(merge(self.store.scan_range(keyspace, from, until).peekable(), pending))
    }

    /// Applies all writes and sets the store's position, atomically.
    ///
    /// # Errors
    /// Fjall's. After one the fold must stop; a restart replays the journal.
    pub fn commit(self, position: u64) -> Result<()> {
        let (mut batch, mut bytes) = (self.store.db.batch(), 0);
        for (keyspace, pending) in self.store.keyspaces.iter().zip(self.pending) {
            for (key, value) in pending {
                bytes +=
                    (key.len() + value.as_ref().map_or(0, Vec::len)) as u64 + PAIR_OVERHEAD_BYTES;
                match value {
                    Some(value) => batch.insert(&keyspace.inner, key, value),
                    None => batch.remove(&keyspace.inner, key),
                }
            }
        }
        batch.insert(&self.store.meta, POSITION, position.to_le_bytes());
        batch.commit().map_err(engine_error("commit a batch"))?;
        self.store.add_unflushed(bytes)
    }
}

impl Read for Batch<'_> {
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.pending[keyspace.number].get(key) {
            Some(value) => Ok(value.clone()),
            None => self.store.get(keyspace, key),
        }
    }

    fn scan(&self, keyspace: &Keyspace, prefix: &[u8]) -> Pairs<'_> {
        let pending = self.pending[keyspace.number]
            .range(prefix.to_vec()..)
            .take_while({
                let prefix = prefix.to_vec();
                move |(key, _)| key.starts_with(&prefix)
            })
            .peekable();
        let stored = self.store.scan(keyspace, prefix).peekable();
        Box::new(merge(stored, pending))
    }
}

/// Merges both in key order; a pending write replaces the stored pair of its key.
fn merge<'a>(
    mut stored: std::iter::Peekable<Pairs<'a>>,
    mut pending: std::iter::Peekable<impl Iterator<Item = (&'a Vec<u8>, &'a Option<Vec<u8>>)> + 'a>,
) -> impl Iterator<Item = Result<crate::Pair>> + 'a {
    std::iter::from_fn(move || {
        loop {
            let from_store = match (stored.peek(), pending.peek()) {
                (None, None) => return None,
                (Some(Err(_)) | Some(Ok(_)), None) | (Some(Err(_)), Some(_)) => true,
                (None, Some(_)) => false,
                (Some(Ok((stored_key, _))), Some((pending_key, _))) => {
                    if stored_key == *pending_key {
                        stored.next();
                        continue;
                    }
                    stored_key < *pending_key
                }
            };
            if from_store {
                return stored.next();
            }
            if let (key, Some(value)) = pending.next()? {
                return Some(Ok((key.clone(), value.clone())));
            }
        }
    })
}
