//! Items that somebody has turned off: no list has them, whatever files and versions say.

use domain::ItemIdx;
use rustc_hash::FxHashSet;
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

/// The items that are turned off.
pub(crate) struct OffItems {
    keyspace: Keyspace,
    items: FxHashSet<ItemIdx>,
    /// How often an item was turned off or on since the start.
    n_switches: u64,
}

impl OffItems {
    pub(crate) fn load(store: &Store, keyspace: Keyspace) -> Result<Self, StoreError> {
        let unreadable = || StoreError::Unreadable { what: "item that is turned off" };
        let item = |pair: Result<(Vec<u8>, Vec<u8>), StoreError>| {
            let (key, _) = pair?;
            KeyParts::new(&key).u32().map(ItemIdx).ok_or_else(unreadable)
        };
        let items = store.scan(&keyspace, &[]).map(item).collect::<Result<_, _>>()?;
        Ok(Self { keyspace, items, n_switches: 0 })
    }

    pub(crate) fn has(&self, item: ItemIdx) -> bool {
        // Most catalogs have none: a list asks this of every candidate.
        !self.items.is_empty() && self.items.contains(&item)
    }

    pub(crate) fn n_items(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn n_switches(&self) -> u64 {
        self.n_switches
    }

    pub(crate) fn switch(&mut self, batch: &mut Batch<'_>, item: ItemIdx, is_on: bool) {
        let key = KeyBuf::new().u32(item.0).build();
        let is_changed = if is_on { self.items.remove(&item) } else { self.items.insert(item) };
        if !is_changed {
            return;
        }
        self.n_switches += 1;
        match is_on {
            true => batch.remove(&self.keyspace, key),
            false => batch.put(&self.keyspace, key, Vec::new()),
        }
    }
}
