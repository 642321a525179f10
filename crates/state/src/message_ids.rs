//! Which message ids were applied lately: exact for at least a day, or for the last 14 million ids where a day has more; in memory and
//! rebuilt from the store.
//!
//! Ids are kept as 128-bit hashes in two generations of a day each, so an id is remembered for one to two days. A generation that
//! reaches its bound ends early. Time is that of the entries, so every node forgets at the same entry.

use domain::{Timestamp, WorkspaceId};
use rustc_hash::FxHashSet;
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};
use xxhash_rust::xxh3::xxh3_128;

use crate::Counts;
use crate::part::{StatePart, has_no_users};

const MESSAGE_IDS: &str = "state.message_ids";

/// How long a generation lasts, in milliseconds: the shortest time for which an id is remembered.
pub const WINDOW_MS: i64 = 24 * 3_600 * 1_000;
/// The most ids of one generation. A set of 2^24 places of 17 bytes holds 14.7 million: 285 MB, twice for two generations.
pub const GENERATION_IDS_MAX: usize = 14_000_000;

/// Sorts after every offset: the key of a generation's start.
const START: u64 = u64::MAX;
const HASH_BYTES: usize = 16;

/// The ids of messages that were applied in the last one to two days.
pub struct MessageIds {
    keyspace: Keyspace,
    generation: u32,
    started_at: Timestamp,
    current: FxHashSet<u128>,
    previous: FxHashSet<u128>,
    /// Ids of the batch under way, and the offset of its first.
    pending: (u64, Vec<u8>),
}

impl StatePart for MessageIds {
    const KEYSPACES: &'static [&'static str] = &[MESSAGE_IDS];

    has_no_users!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let mut ids = Self {
            keyspace: store.keyspace(MESSAGE_IDS),
            generation: 0,
            started_at: Timestamp(0),
            current: FxHashSet::default(),
            previous: FxHashSet::default(),
            pending: (0, Vec::new()),
        };
        for pair in store.scan(&store.keyspace(MESSAGE_IDS), &[]) {
            let (key, value) = pair?;
            let unreadable = || StoreError::Unreadable { what: "message ids" };
            let mut parts = KeyParts::new(&key);
            let (generation, offset) = parts.u32().zip(parts.u64()).ok_or_else(unreadable)?;
            if generation != ids.generation {
                ids.previous = std::mem::take(&mut ids.current);
                ids.generation = generation;
            }
            if offset == START {
                ids.started_at = Timestamp(i64::from_le_bytes(value.try_into().map_err(|_| unreadable())?));
            } else {
                ids.current
                    .extend(value.as_chunks::<HASH_BYTES>().0.iter().map(|hash| u128::from_le_bytes(*hash)));
            }
        }
        Ok(ids)
    }

    /// Writes what the batch entered.
    fn flush(&mut self, batch: &mut Batch<'_>) {
        if !self.pending.1.is_empty() {
            let key = KeyBuf::new().u32(self.generation).u64(self.pending.0);
            batch.put(&self.keyspace, key, std::mem::take(&mut self.pending.1));
        }
    }

    fn count(&self, counts: &mut Counts) {
        counts.message_ids = (self.current.len() + self.previous.len()) as u64;
    }
}

impl MessageIds {
    /// Enters an id; false where it is there already.
    pub(crate) fn insert(
        &mut self,
        batch: &mut Batch<'_>,
        message_id: &str,
        received_at: Timestamp,
        offset: u64,
    ) -> Result<bool, StoreError> {
        let is_over =
            received_at.0 >= self.started_at.0 + WINDOW_MS || self.current.len() >= GENERATION_IDS_MAX;
        if is_over || self.generation == 0 {
            self.next_generation(batch, received_at)?;
        }
        let hash = xxh3_128(message_id.as_bytes());
        if self.previous.contains(&hash) || !self.current.insert(hash) {
            return Ok(false);
        }
        if self.pending.1.is_empty() {
            self.pending.0 = offset;
        }
        self.pending.1.extend_from_slice(&hash.to_le_bytes());
        Ok(true)
    }

    /// What the ids take in memory, about, in bytes: places are made for more than there are.
    pub fn n_bytes(&self) -> u64 {
        let n_places = self.current.capacity() + self.previous.capacity();
        // One byte beside each hash, and an eighth of the places stays free.
        (n_places * (HASH_BYTES + 1) * 8 / 7) as u64
    }

    fn next_generation(&mut self, batch: &mut Batch<'_>, received_at: Timestamp) -> Result<(), StoreError> {
        StatePart::flush(self, batch);
        let forgotten = KeyBuf::new().u32(self.generation.wrapping_sub(1)).build();
        let keys: Vec<_> =
            batch.scan(&self.keyspace, &forgotten).map(|pair| Ok(pair?.0)).collect::<Result<_, _>>()?;
        for key in keys {
            batch.remove(&self.keyspace, key);
        }
        self.generation += 1;
        self.started_at = received_at;
        self.previous = std::mem::take(&mut self.current);
        let start = KeyBuf::new().u32(self.generation).u64(START);
        batch.put(&self.keyspace, start, received_at.0.to_le_bytes());
        Ok(())
    }
}

/// The stored pairs with the ids one by one, numbered within their generation: how many were written together
/// depends on how entries were batched.
pub fn split_batches(pairs: store::Pairs<'_>) -> store::Pairs<'_> {
    let (mut generation, mut n) = (Vec::new(), 0u64);
    Box::new(pairs.flat_map(move |pair| {
        let (key, value) = match pair {
            Ok(pair) => pair,
            Err(error) => return vec![Err(error)],
        };
        if key.ends_with(&START.to_be_bytes()) {
            return vec![Ok((key, value))];
        }
        let own_generation = key[..key.len().min(size_of::<u32>())].to_vec();
        if own_generation != generation {
            (generation, n) = (own_generation, 0);
        }
        value
            .chunks(HASH_BYTES)
            .map(|hash| {
                n += 1;
                Ok(([generation.as_slice(), &n.to_be_bytes()].concat(), hash.to_vec()))
            })
            .collect()
    }))
}
