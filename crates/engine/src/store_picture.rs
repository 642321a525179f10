//! Comparison and digests of stores, in a canonical form that depends on the journal's entries
//! alone.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use state::{MessageIds, StatePart, Views, split_rows};
use store::{Pairs, Read, Store, StoreError};

use crate::Finding;

/// The most bytes of a key that a finding shows.
const SHOWN_KEY_BYTES_MAX: usize = 48;
/// The number of pairs between two calls of a progress callback.
const PAIRS_PER_STEP: u64 = 10_000;

/// A digest of one keyspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyspaceDigest {
    /// The keyspace.
    pub name: String,
    /// The number of pairs.
    pub pairs: u64,
    /// SHA-256 over all pairs, in hexadecimal.
    pub sha256: String,
}

/// The pairs of a keyspace in order, independent of how entries were batched.
fn canonical_pairs<'a>(store: &'a Store, keyspace: &'static str) -> Pairs<'a> {
    let pairs = store.scan(&store.keyspace(keyspace), &[]);
    if MessageIds::KEYSPACES.contains(&keyspace) { split_rows(pairs) } else { pairs }
}

/// Digests all keyspaces of a store. `progress` gets the number of pairs just read.
pub(crate) fn digest(
    store: &Store,
    progress: &dyn Fn(u64),
) -> Result<Vec<KeyspaceDigest>, StoreError> {
    let digest_one = |name: &'static str| {
        let (mut hash, mut pairs) = (Sha256::new(), 0u64);
        for pair in canonical_pairs(store, name) {
            let (key, value) = pair?;
            for part in [key, value] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
            pairs += 1;
            if pairs.is_multiple_of(PAIRS_PER_STEP) {
                progress(PAIRS_PER_STEP);
            }
        }
        progress(pairs % PAIRS_PER_STEP);
        Ok(KeyspaceDigest { name: name.to_owned(), pairs, sha256: to_hex(&hash.finalize()) })
    };
    Views::KEYSPACES.concat().into_iter().map(digest_one).collect()
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares a store pair by pair with a fresh one, which counts as correct. `progress` gets the
/// number of pairs just read.
pub(crate) fn compare(
    store: &Store,
    fresh: &Store,
    progress: &dyn Fn(u64),
) -> Result<(u64, Vec<Finding>), StoreError> {
    let (mut n_pairs, mut problems) = (0, Vec::new());
    for keyspace in Views::KEYSPACES.concat() {
        let (mut own, mut right) =
            (canonical_pairs(store, keyspace), canonical_pairs(fresh, keyspace));
        let (mut own_pair, mut right_pair) = (own.next().transpose()?, right.next().transpose()?);
        let (mut different, mut missing, mut extra, mut first_key) = (0, 0, 0, None);
        loop {
            let order = match (&own_pair, &right_pair) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some((own_key, _)), Some((right_key, _))) => own_key.cmp(right_key),
            };
            let (is_extra, is_missing) = (order.is_lt(), order.is_gt());
            let is_different = order.is_eq() && own_pair != right_pair;
            extra += u64::from(is_extra);
            missing += u64::from(is_missing);
            different += u64::from(is_different);
            if (is_extra || is_missing || is_different) && first_key.is_none() {
                let shown = if is_missing { &right_pair } else { &own_pair };
                first_key = shown.as_ref().map(|(key, _)| {
                    key[..key.len().min(SHOWN_KEY_BYTES_MAX)].escape_ascii().to_string()
                });
            }
            if !is_missing {
                own_pair = own.next().transpose()?;
            }
            if !is_extra {
                right_pair = right.next().transpose()?;
            }
            n_pairs += 1;
            if n_pairs % PAIRS_PER_STEP == 0 {
                progress(PAIRS_PER_STEP);
            }
        }
        if let Some(first_key) = first_key {
            problems.push(Finding::StoreDiffers { keyspace, different, missing, extra, first_key });
        }
    }
    progress(n_pairs % PAIRS_PER_STEP);
    Ok((n_pairs, problems))
}
