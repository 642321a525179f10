//! Rejections: permanent counts by source and reason, and the latest rejections in full.

use std::collections::{BTreeMap, VecDeque};

use domain::{Rejection, RejectionReason, WorkspaceId};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::Counts;
use crate::part::{StatePart, has_no_users, writes_at_once};
use crate::people::{NamedPeople, erase_from_rejection};

const COUNTS: &str = "state.rejection_counts";
const LATEST: &str = "state.rejections";

/// The number of latest rejections that are kept.
pub const REJECTIONS_KEPT_MAX: usize = 500;

/// Rejections of messages, in memory and in the store.
pub struct Rejections {
    counts_keyspace: Keyspace,
    latest_keyspace: Keyspace,
    counts: BTreeMap<(String, RejectionReason), u64>,
    /// Newest last.
    latest: VecDeque<Rejection>,
    n_total: u64,
}

impl StatePart for Rejections {
    const KEYSPACES: &'static [&'static str] = &[COUNTS, LATEST];

    has_no_users!();
    writes_at_once!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let mut rejections = Self {
            counts_keyspace: store.keyspace(COUNTS),
            latest_keyspace: store.keyspace(LATEST),
            counts: BTreeMap::new(),
            latest: VecDeque::new(),
            n_total: 0,
        };
        for pair in store.scan(&rejections.counts_keyspace, &[]) {
            let (_, value) = pair?;
            let (source, reason, count): (String, RejectionReason, u64) = decode(&value)?;
            rejections.counts.insert((source, reason), count);
        }
        for pair in store.scan(&rejections.latest_keyspace, &[]) {
            let (key, value) = pair?;
            rejections.n_total = KeyParts::new(&key).u64().map_or(0, |n| n + 1);
            rejections.latest.push_back(decode(&value)?);
        }
        Ok(rejections)
    }

    fn count(&self, counts: &mut Counts) {
        counts.rejections = self.counts.values().sum();
    }
}

impl Rejections {
    pub(crate) fn add(&mut self, batch: &mut Batch<'_>, rejection: Rejection) {
        let counted = (rejection.source.clone(), rejection.reason);
        let key = KeyBuf::new().u8(rejection.reason as u8).text(&rejection.source);
        let count = self.counts.entry(counted.clone()).or_default();
        *count += 1;
        batch.put(&self.counts_keyspace, key, encode(&(&counted.0, counted.1, *count)));
        batch.put(&self.latest_keyspace, KeyBuf::new().u64(self.n_total), encode(&rejection));
        self.n_total += 1;
        self.latest.push_back(rejection);
        if self.latest.len() > REJECTIONS_KEPT_MAX {
            self.latest.pop_front();
            batch.remove(
                &self.latest_keyspace,
                KeyBuf::new().u64(self.n_total - 1 - REJECTIONS_KEPT_MAX as u64),
            );
        }
    }

    /// Takes the texts out of rejections that name people. They stay as counts.
    pub(crate) fn forget(&mut self, batch: &mut Batch<'_>, people: &NamedPeople) {
        let first = self.n_total - self.latest.len() as u64;
        for (n, rejection) in (first..).zip(&mut self.latest) {
            if erase_from_rejection(rejection, people) {
                batch.put(&self.latest_keyspace, KeyBuf::new().u64(n), encode(rejection));
            }
        }
    }

    /// The number of rejections of all time, by source and reason.
    pub fn counts(&self) -> &BTreeMap<(String, RejectionReason), u64> {
        &self.counts
    }

    /// The latest rejections, newest first, at most [`REJECTIONS_KEPT_MAX`].
    pub fn latest(&self) -> impl Iterator<Item = &Rejection> {
        self.latest.iter().rev()
    }
}

fn encode(value: &impl serde::Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("records of plain fields always encode")
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| StoreError::Unreadable { what: "rejection" })
}
