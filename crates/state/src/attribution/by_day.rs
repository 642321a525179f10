//! Keyspaces whose keys begin with a day, so that old days can be forgotten little by little.

use domain::Day;
use store::key::KeyBuf;
use store::{Batch, Keyspace, StoreError};

pub(super) struct ByDay {
    keyspace: Keyspace,
    /// Nothing is below: forgetting begins here, and does not look through all that it has removed.
    lowest: Vec<u8>,
}

impl ByDay {
    pub(super) fn new(keyspace: Keyspace) -> Self {
        Self { keyspace, lowest: Vec::new() }
    }

    pub(super) fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }

    pub(super) fn put(&mut self, batch: &mut Batch<'_>, key: Vec<u8>, value: Vec<u8>) {
        if key < self.lowest {
            self.lowest.clone_from(&key);
        }
        batch.put(&self.keyspace, key, value);
    }

    /// Removes what is of days before this one, the oldest first, at most `n_max`.
    pub(super) fn forget(
        &mut self,
        batch: &mut Batch<'_>,
        before: Day,
        n_max: usize,
    ) -> Result<(), StoreError> {
        let until = KeyBuf::new().u32(before.0).build();
        if self.lowest >= until {
            return Ok(());
        }
        let oldest = batch.scan_range(&self.keyspace, &self.lowest, &until).take(n_max);
        let keys: Vec<Vec<u8>> = oldest.map(|pair| Ok(pair?.0)).collect::<Result<_, StoreError>>()?;
        self.lowest = match keys.last() {
            Some(last) if keys.len() == n_max => last.clone(),
            _ => until,
        };
        for key in keys {
            batch.remove(&self.keyspace, key);
        }
        Ok(())
    }
}
