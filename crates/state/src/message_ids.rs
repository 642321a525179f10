//! The ids of recently applied messages, to detect duplicates. All are in memory and in the store.
//!
//! Ids are kept as 128-bit hashes in two generations of a day each, so an id is kept for one to two
//! days. A generation that reaches [`GENERATION_IDS_MAX`] ends early. Time is the bounded time of
//! the entries, so that every fold of a journal drops an id at the same entry.

use domain::{Timestamp, WorkspaceId};
use rustc_hash::FxHashSet;
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};
use xxhash_rust::xxh3::xxh3_128;

use crate::Counts;
use crate::part::{StatePart, has_no_users};

const MESSAGE_IDS: &str = "state.message_ids";

/// How long a generation lasts, in milliseconds, and the shortest time for which an id is kept.
pub const GENERATION_MS: i64 = 24 * 3_600 * 1_000;
/// The most ids of one generation. A set of 2^24 slots of 17 bytes holds 14.7 million ids and takes
/// 285 MB; two generations take twice that.
pub const GENERATION_IDS_MAX: usize = 14_000_000;

/// The offset in the key of a generation's start. It sorts after every offset.
const START: u64 = u64::MAX;
const HASH_BYTES: usize = 16;

/// The ids of messages that were applied in the last one to two days.
pub struct MessageIds {
    keyspace: Keyspace,
    /// The number of the current generation; 0 before the first id.
    generation: u32,
    /// When the current generation began.
    started_at: Timestamp,
    current: FxHashSet<u128>,
    previous: FxHashSet<u128>,
    /// The hashes of the batch under way, and the offset of the first.
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
                ids.started_at =
                    Timestamp(i64::from_le_bytes(value.try_into().map_err(|_| unreadable())?));
            } else {
                ids.current.extend(
                    value.as_chunks::<HASH_BYTES>().0.iter().map(|hash| u128::from_le_bytes(*hash)),
                );
            }
        }
        Ok(ids)
    }

    /// Writes the ids of the batch as one row.
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
    /// Adds an id. Returns false if it is a duplicate.
    pub(crate) fn insert(
        &mut self,
        batch: &mut Batch<'_>,
        message_id: &str,
        received_at: Timestamp,
        offset: u64,
    ) -> Result<bool, StoreError> {
        let is_over = received_at.0 >= self.started_at.0 + GENERATION_MS
            || self.current.len() >= GENERATION_IDS_MAX;
        if is_over || self.generation == 0 {
            self.start_generation(batch, received_at)?;
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

    /// The approximate memory of the ids, in bytes, including unused slots.
    pub fn n_bytes(&self) -> u64 {
        let n_slots = self.current.capacity() + self.previous.capacity();
        // Each slot has one more byte than its hash, and an eighth of the slots stays free.
        (n_slots * (HASH_BYTES + 1) * 8 / 7) as u64
    }

    fn start_generation(
        &mut self,
        batch: &mut Batch<'_>,
        received_at: Timestamp,
    ) -> Result<(), StoreError> {
        StatePart::flush(self, batch);
        let expired = KeyBuf::new().u32(self.generation.wrapping_sub(1)).build();
        let keys: Vec<_> = batch
            .scan(&self.keyspace, &expired)
            .map(|pair| Ok(pair?.0))
            .collect::<Result<_, _>>()?;
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

/// Splits the stored rows into one pair for each id, numbered within its generation. Stores that
/// were folded in different batches become comparable in this way.
pub fn split_rows(pairs: store::Pairs<'_>) -> store::Pairs<'_> {
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
