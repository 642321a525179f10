//! Violations of tracking plans: counted by source, event, property and kind.

use std::collections::BTreeMap;

use domain::{
    MessageType, Timestamp, UserIdx, Violation, ViolationKind, WorkspaceConfig, WorkspaceId,
};
use profiles::Merge;
use serde::{Deserialize, Serialize};
use store::key::KeyBuf;
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing, writes_at_once};
use crate::people::NamedPeople;

const COUNTS: &str = "state.violations";

/// The most rows of a workspace. Later ones are counted together, by source and kind.
pub const VIOLATIONS_MAX: usize = 5_000;
/// The event under which later ones are counted.
const OTHERS: &str = "(others)";

/// How often messages of a source violated its plan in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViolationCount {
    /// The name of the source.
    pub source: String,
    /// The type of the messages.
    pub type_: MessageType,
    /// The event of track messages; `(others)` for all beyond the first [`VIOLATIONS_MAX`].
    pub event: Option<String>,
    /// The property or trait; none where the event itself is the violation.
    pub property: Option<String>,
    /// The kind.
    pub kind: ViolationKind,
    /// The number of messages.
    pub count: u64,
    /// When the first message arrived.
    pub first_at: Timestamp,
    /// When the latest message arrived.
    pub last_at: Timestamp,
    /// A value, as JSON text; none where no short one was let through since a user was deleted.
    pub sample: Option<String>,
}

/// Source, type, event, property and kind.
type Key = (String, MessageType, Option<String>, Option<String>, ViolationKind);

/// Violations, in memory and in the store.
pub struct Violations {
    keyspace: Keyspace,
    /// Each with the number that is its key in the store.
    by_key: BTreeMap<Key, (u32, ViolationCount)>,
    n_rows: u32,
}

impl StatePart for Violations {
    const KEYSPACES: &'static [&'static str] = &[COUNTS];

    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let keyspace = store.keyspace(COUNTS);
        let (mut by_key, mut n_rows) = (BTreeMap::new(), 0);
        for pair in store.scan(&keyspace, &[]) {
            let unreadable = |_| StoreError::Unreadable { what: "violation" };
            let (number, row): (u32, ViolationCount) =
                postcard::from_bytes(&pair?.1).map_err(unreadable)?;
            n_rows = n_rows.max(number + 1);
            by_key.insert(key(&row), (number, row));
        }
        Ok(Self { keyspace, by_key, n_rows })
    }

    fn merge_users(
        &mut self,
        _: &mut Batch<'_>,
        _: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    /// Drops all samples: whose values they are is not kept.
    fn delete_user(&mut self, batch: &mut Batch<'_>, _: UserIdx) -> Result<(), StoreError> {
        for (number, row) in self.by_key.values_mut().filter(|(_, row)| row.sample.is_some()) {
            row.sample = None;
            put(batch, &self.keyspace, *number, row);
        }
        Ok(())
    }
}

impl Violations {
    /// Counts the violations of a message.
    pub(crate) fn add(
        &mut self,
        batch: &mut Batch<'_>,
        source: &str,
        type_: MessageType,
        violations: &[Violation],
        at: Timestamp,
    ) {
        for Violation { kind, event, property, sample } in violations {
            let mut key = (source.to_owned(), type_, event.clone(), property.clone(), *kind);
            if self.by_key.len() >= VIOLATIONS_MAX && !self.by_key.contains_key(&key) {
                (key.2, key.3) = (Some(OTHERS.to_owned()), None);
            }
            let n_rows = &mut self.n_rows;
            let (number, row) = self.by_key.entry(key).or_insert_with_key(|key| {
                *n_rows += 1;
                (*n_rows - 1, ViolationCount::new(key, at))
            });
            row.count += 1;
            row.last_at = row.last_at.max(at);
            if row.sample.is_none() {
                row.sample.clone_from(sample);
            }
            put(batch, &self.keyspace, *number, row);
        }
    }

    /// Deletes the rows of sources that the configuration does not have.
    pub(crate) fn retain_configured(&mut self, batch: &mut Batch<'_>, config: &WorkspaceConfig) {
        self.retain(batch, |(source, ..)| config.source(source).is_some());
    }

    /// Deletes the rows whose event or property names people.
    pub(crate) fn forget(&mut self, batch: &mut Batch<'_>, people: &NamedPeople) {
        self.retain(batch, |(_, _, event, property, _)| {
            !event.iter().chain(property).any(|name| people.are_named_in(name))
        });
    }

    fn retain(&mut self, batch: &mut Batch<'_>, is_kept: impl Fn(&Key) -> bool) {
        let keyspace = &self.keyspace;
        self.by_key.retain(|key, (number, _)| {
            let is_kept = is_kept(key);
            if !is_kept {
                batch.remove(keyspace, KeyBuf::new().u32(*number));
            }
            is_kept
        });
        // As after a restart: the numbers follow from the rows alone.
        self.n_rows = self.by_key.values().map(|(number, _)| number + 1).max().unwrap_or(0);
    }

    /// Those of a source, the most frequent first.
    pub fn of_source(&self, source: &str) -> Vec<ViolationCount> {
        let rows = self.by_key.values().map(|(_, row)| row).filter(|row| row.source == source);
        let mut rows: Vec<ViolationCount> = rows.cloned().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.count));
        rows
    }
}

impl ViolationCount {
    fn new((source, type_, event, property, kind): &Key, at: Timestamp) -> Self {
        Self {
            source: source.clone(),
            type_: *type_,
            event: event.clone(),
            property: property.clone(),
            kind: *kind,
            count: 0,
            first_at: at,
            last_at: at,
            sample: None,
        }
    }
}

fn key(row: &ViolationCount) -> Key {
    (row.source.clone(), row.type_, row.event.clone(), row.property.clone(), row.kind)
}

fn put(batch: &mut Batch<'_>, keyspace: &Keyspace, number: u32, row: &ViolationCount) {
    let value = postcard::to_stdvec(&(number, row)).expect("plain fields always encode");
    batch.put(keyspace, KeyBuf::new().u32(number), value);
}
