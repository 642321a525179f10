//! All rows of a store at one position, and a store that is filled with such rows.

use fjall::Readable as _;

use crate::{
    CLEARING, FILLING, Keyspace, PAIR_OVERHEAD_BYTES, POSITION, Pair, Pairs, Result, Store,
    StoreError, engine_error, read_pair,
};

/// How many bytes of rows are written in one step while a store is filled.
const FILLED_PER_STEP_BYTES: u64 = 8 * 1_024 * 1_024;

/// All rows of a store as they were committed together. The store goes on meanwhile, and keeps the
/// rows until this is dropped.
pub struct Picture {
    snapshot: fjall::Snapshot,
    position: u64,
}

impl Picture {
    /// The number of journal entries that the rows are the fold of.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// All pairs of a keyspace, ascending.
    pub fn pairs(&self, keyspace: &Keyspace) -> Pairs<'_> {
        Box::new(self.snapshot.iter(&keyspace.inner).map(read_pair))
    }
}

impl Store {
    /// Takes a picture of the store; none while it is being cleared.
    ///
    /// # Errors
    /// Fjall's, or an unreadable position.
    pub fn take_picture(&self) -> Result<Option<Picture>> {
        let snapshot = self.db.snapshot();
        let read = |key| snapshot.get(&self.meta, key).map_err(engine_error("read its position"));
        if read(CLEARING)?.is_some() {
            return Ok(None);
        }
        let position = match read(POSITION)? {
            None => 0,
            Some(bytes) => {
                let bytes = bytes[..]
                    .try_into()
                    .map_err(|_| StoreError::Unreadable { what: "position" })?;
                u64::from_le_bytes(bytes)
            }
        };
        Ok(Some(Picture { snapshot, position }))
    }

    /// Fills an empty store with rows and sets its position. A store that was not filled to the end
    /// is damaged ([`StoreError::is_damage`]): it does not open.
    ///
    /// # Errors
    /// Of the rows, or fjall's.
    ///
    /// # Panics
    /// If the store has a position already.
    pub fn fill<E: From<StoreError>>(
        &self,
        rows: impl IntoIterator<Item = std::result::Result<(Keyspace, Pair), E>>,
        position: u64,
    ) -> std::result::Result<(), E> {
        assert_eq!(self.position()?, 0, "only an empty store is filled");
        self.meta.insert(FILLING, []).map_err(engine_error("begin to fill"))?;
        let (mut batch, mut bytes) = (self.db.batch(), 0);
        for row in rows {
            let (keyspace, (key, value)) = row?;
            bytes += (key.len() + value.len()) as u64 + PAIR_OVERHEAD_BYTES;
            batch.insert(&keyspace.inner, key, value);
            if bytes >= FILLED_PER_STEP_BYTES {
                let full = std::mem::replace(&mut batch, self.db.batch());
                full.commit().map_err(engine_error("fill"))?;
                self.add_unflushed(std::mem::take(&mut bytes))?;
            }
        }
        batch.insert(&self.meta, POSITION, position.to_le_bytes());
        batch.remove(&self.meta, FILLING);
        batch.commit().map_err(engine_error("end to fill"))?;
        Ok(self.add_unflushed(bytes)?)
    }
}
