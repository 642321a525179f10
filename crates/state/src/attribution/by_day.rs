//! A keyspace whose keys begin with a day, so that old days can be deleted step by step.

use domain::Day;
use store::key::KeyBuf;
use store::{Batch, Keyspace, StoreError};

pub(super) struct ByDay {
    keyspace: Keyspace,
    /// No row has a lower key. Deletion starts here and does not scan rows that it deleted before.
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

    /// Deletes rows of days before `before`, the oldest first, at most `n_max`.
    pub(super) fn remove_before(
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
        let keys: Vec<Vec<u8>> =
            oldest.map(|pair| Ok(pair?.0)).collect::<Result<_, StoreError>>()?;
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
