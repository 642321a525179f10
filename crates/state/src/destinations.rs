//! How far each destination came: its place in the journal, the messages before it that are open,
//! its dead letters, and its rules as they were at each place that it has not passed yet.
//!
//! What is delivered is never copied: open deliveries and dead letters name the entry of the
//! journal that asks for them, a message or the retry of a dead letter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use activation::{DeadLetter, OpenDelivery, OpenState, Progress, count_reason};
use domain::{Destination, Timestamp, WorkspaceConfig, WorkspaceId};
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::part::{StatePart, counts_nothing, has_no_users, writes_at_once};
use crate::people::NamedPeople;
use crate::refusal::{CommandResult, Refusal};

const STANDINGS: &str = "state.destinations";
const VERSIONS: &str = "state.destination_versions";
const OPEN: &str = "state.open_deliveries";
const DEAD: &str = "state.dead_letters";
const DUPLICATES: &str = "state.duplicate_messages";

/// The most versions of a destination that are kept, since entries wait that they hold for.
pub const DESTINATION_VERSIONS_MAX: usize = 100;
/// The most messages that no mapping could map, of one destination, that are kept as dead letters.
/// The oldest go first: they are no loss of the destination, which never saw them.
pub const UNMAPPED_KEPT_MAX: u64 = 1_000;
/// The most messages that are remembered as repeated while a destination has not passed them. One
/// beyond it may be delivered twice.
pub const DUPLICATES_KEPT_MAX: usize = 1_000_000;

/// Progress of a destination, as it is journalled.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryProgress {
    /// When it was written.
    pub at: Timestamp,
    /// The name of the destination.
    pub destination: String,
    /// The offset of the entry that added the destination. One of the same name that was added
    /// later is another.
    pub added_at: u64,
    /// What changed.
    pub progress: Progress,
}

/// Where a destination stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The offset of the entry that added it.
    pub added_at: u64,
    /// The offset of the first entry that it has not read.
    pub place: u64,
    /// Deliveries that succeeded.
    pub delivered: u64,
    /// Attempts that failed and were repeated.
    pub retried: u64,
    /// Deliveries that were given up, by reason.
    pub failed: BTreeMap<String, u64>,
    /// Dead letters that were sent at least once.
    pub n_dead: u64,
    /// Dead letters that no mapping could map.
    pub n_unmapped: u64,
    /// The destination from an offset on, oldest first: as far back as an entry waits for it.
    #[serde(skip)]
    pub versions: Vec<DestinationVersion>,
    /// Messages before the place that are open, by offset.
    #[serde(skip)]
    pub open: BTreeMap<u64, OpenDelivery>,
}

/// A destination as it was configured from an offset on.
#[derive(Debug, Clone, PartialEq)]
pub struct DestinationVersion {
    /// Entries behind this offset are subject to it.
    pub offset: u64,
    /// The destination.
    pub destination: Arc<Destination>,
}

impl Standing {
    fn new(offset: u64, destination: &Destination) -> Self {
        Self {
            added_at: offset,
            place: offset + 1,
            delivered: 0,
            retried: 0,
            failed: BTreeMap::new(),
            n_dead: 0,
            n_unmapped: 0,
            versions: vec![DestinationVersion {
                offset,
                destination: Arc::new(destination.clone()),
            }],
            open: BTreeMap::new(),
        }
    }

    /// The destination as it was for the entry at an offset; the oldest that is kept for earlier
    /// ones.
    pub fn version_at(&self, offset: u64) -> &Arc<Destination> {
        let later = self.versions.partition_point(|version| version.offset < offset);
        &self.versions[later.saturating_sub(1)].destination
    }

    /// Where it stands, for a dispatcher.
    pub fn open_state(&self) -> OpenState {
        OpenState { place: self.place, open: self.open.clone() }
    }

    /// The first entry that is not done.
    fn first_waiting(&self) -> u64 {
        self.open.keys().next().copied().unwrap_or(self.place).min(self.place)
    }

    /// Drops the versions that hold for no entry that waits, and returns their offsets.
    fn forget_versions(&mut self) -> Vec<u64> {
        let first = self.first_waiting();
        let later = self.versions.partition_point(|version| version.offset < first);
        let forgotten = self.versions.drain(..later.saturating_sub(1));
        forgotten.map(|version| version.offset).collect()
    }
}

/// Destinations but our own engine.
pub struct Destinations {
    standings_keyspace: Keyspace,
    versions_keyspace: Keyspace,
    open_keyspace: Keyspace,
    dead_keyspace: Keyspace,
    duplicates_keyspace: Keyspace,
    by_name: BTreeMap<String, Standing>,
    /// Offsets of messages that were there before, which a destination has not passed yet.
    duplicates: BTreeSet<u64>,
}

impl StatePart for Destinations {
    const KEYSPACES: &'static [&'static str] = &[STANDINGS, VERSIONS, OPEN, DEAD, DUPLICATES];

    has_no_users!();
    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let mut part = Self {
            standings_keyspace: store.keyspace(STANDINGS),
            versions_keyspace: store.keyspace(VERSIONS),
            open_keyspace: store.keyspace(OPEN),
            dead_keyspace: store.keyspace(DEAD),
            duplicates_keyspace: store.keyspace(DUPLICATES),
            by_name: BTreeMap::new(),
            duplicates: BTreeSet::new(),
        };
        for pair in store.scan(&part.standings_keyspace, &[]) {
            let (key, value) = pair?;
            let name = KeyParts::new(&key).text().ok_or_else(unreadable)?;
            part.by_name.insert(name.to_owned(), decode(&value)?);
        }
        for pair in store.scan(&part.versions_keyspace, &[]) {
            let (key, value) = pair?;
            let mut key = KeyParts::new(&key);
            let (added_at, offset) = key.u64().zip(key.u64()).ok_or_else(unreadable)?;
            let destination = serde_json::from_slice(&value).map_err(|_| unreadable())?;
            let version = DestinationVersion { offset, destination: Arc::new(destination) };
            part.standing_of(added_at)?.versions.push(version);
        }
        for pair in store.scan(&part.open_keyspace, &[]) {
            let (key, value) = pair?;
            let added_at = KeyParts::new(&key).u64().ok_or_else(unreadable)?;
            let open: OpenDelivery = decode(&value)?;
            part.standing_of(added_at)?.open.insert(open.offset, open);
        }
        for pair in store.scan(&part.duplicates_keyspace, &[]) {
            let (key, _) = pair?;
            part.duplicates.insert(KeyParts::new(&key).u64().ok_or_else(unreadable)?);
        }
        Ok(part)
    }
}

impl Destinations {
    fn standing_of(&mut self, added_at: u64) -> Result<&mut Standing, StoreError> {
        let of = self.by_name.values_mut().find(|standing| standing.added_at == added_at);
        of.ok_or_else(unreadable)
    }

    /// All of them by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Standing)> {
        self.by_name.iter().map(|(name, standing)| (name.as_str(), standing))
    }

    /// Where a destination stands.
    pub fn get(&self, name: &str) -> Option<&Standing> {
        self.by_name.get(name)
    }

    /// The offsets from `from` to before `until` that no destination gets: of messages that were
    /// there before, and of values for nobody.
    pub fn skipped(&self, from: u64, until: u64) -> Vec<u64> {
        self.duplicates.range(from..until).copied().collect()
    }

    /// Dead letters of a destination from an offset and mapping on, those that were never sent
    /// first: at most `n_max`.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn dead_letters(
        &self,
        store: &Store,
        name: &str,
        after: Option<(bool, u64, &str)>,
        n_max: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let Some(standing) = self.by_name.get(name) else { return Ok(Vec::new()) };
        let from = match after {
            None => KeyBuf::new().u64(standing.added_at).build(),
            Some((was_sent, offset, mapping)) => {
                let mut key = dead_key_of(standing.added_at, was_sent, offset, mapping).build();
                key.push(0);
                key
            }
        };
        let until = KeyBuf::new().u64(standing.added_at + 1).build();
        let pairs = store.scan_range(&self.dead_keyspace, &from, &until).take(n_max);
        pairs.map(|pair| decode(&pair?.1)).collect()
    }

    /// A dead letter.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn dead_letter(
        &self,
        store: &impl Read,
        name: &str,
        offset: u64,
        mapping: &str,
    ) -> Result<Option<DeadLetter>, StoreError> {
        let Some(standing) = self.by_name.get(name) else { return Ok(None) };
        for was_sent in [true, false] {
            let key = dead_key_of(standing.added_at, was_sent, offset, mapping).build();
            if let Some(bytes) = store.get(&self.dead_keyspace, &key)? {
                return decode(&bytes).map(Some);
            }
        }
        Ok(None)
    }

    /// Follows a change of the configuration by the entry at an offset.
    pub(crate) fn follow_config(
        &mut self,
        batch: &mut Batch<'_>,
        offset: u64,
        config: &WorkspaceConfig,
    ) -> Result<(), StoreError> {
        let is_gone = |name: &&String| {
            config.outgoing_destinations().all(|destination| destination.name != **name)
        };
        for name in self.by_name.keys().filter(is_gone).cloned().collect::<Vec<_>>() {
            self.remove(batch, &name)?;
        }
        for destination in config.outgoing_destinations() {
            match self.by_name.get_mut(&destination.name) {
                Some(standing) => {
                    let last = standing.versions.last();
                    if last.is_some_and(|last| *last.destination == *destination) {
                        continue;
                    }
                    let added_at = standing.added_at;
                    let version =
                        DestinationVersion { offset, destination: Arc::new(destination.clone()) };
                    standing.versions.push(version);
                    self.put_version(batch, added_at, offset, destination);
                }
                None => self.add(batch, offset, destination),
            }
        }
        Ok(())
    }

    fn add(&mut self, batch: &mut Batch<'_>, offset: u64, destination: &Destination) {
        let standing = Standing::new(offset, destination);
        self.by_name.insert(destination.name.clone(), standing);
        self.put_version(batch, offset, offset, destination);
        self.put(batch, &destination.name);
    }

    fn put_version(
        &self,
        batch: &mut Batch<'_>,
        added_at: u64,
        offset: u64,
        destination: &Destination,
    ) {
        let json = serde_json::to_vec(destination).expect("a destination is plain JSON");
        batch.put(&self.versions_keyspace, offset_key(added_at, offset), json);
    }

    fn remove(&mut self, batch: &mut Batch<'_>, name: &str) -> Result<(), StoreError> {
        let Some(standing) = self.by_name.remove(name) else { return Ok(()) };
        batch.remove(&self.standings_keyspace, KeyBuf::new().text(name));
        for offset in standing.open.keys() {
            batch.remove(&self.open_keyspace, offset_key(standing.added_at, *offset));
        }
        for version in &standing.versions {
            let key = offset_key(standing.added_at, version.offset);
            batch.remove(&self.versions_keyspace, key);
        }
        let prefix = KeyBuf::new().u64(standing.added_at).build();
        let dead: Vec<Vec<u8>> = batch
            .scan(&self.dead_keyspace, &prefix)
            .map(|pair| Ok(pair?.0))
            .collect::<Result<_, StoreError>>()?;
        dead.into_iter().for_each(|key| batch.remove(&self.dead_keyspace, key));
        self.forget_duplicates(batch);
        Ok(())
    }

    /// All destinations begin anew behind an offset: a reset has forgotten what was before.
    pub(crate) fn restart(&mut self, batch: &mut Batch<'_>, offset: u64, config: &WorkspaceConfig) {
        for destination in config.outgoing_destinations() {
            self.add(batch, offset, destination);
        }
    }

    /// Remembers an offset whose message was there before, or whose value is for nobody: no
    /// destination gets it.
    pub(crate) fn record_skipped(&mut self, batch: &mut Batch<'_>, offset: u64) {
        if !self.by_name.is_empty() && self.duplicates.len() < DUPLICATES_KEPT_MAX {
            self.duplicates.insert(offset);
            batch.put(&self.duplicates_keyspace, KeyBuf::new().u64(offset), Vec::new());
        }
    }

    fn forget_duplicates(&mut self, batch: &mut Batch<'_>) {
        let first = self.by_name.values().map(Standing::first_waiting).min().unwrap_or(u64::MAX);
        while let Some(offset) = self.duplicates.first().copied().filter(|offset| *offset < first) {
            self.duplicates.remove(&offset);
            batch.remove(&self.duplicates_keyspace, KeyBuf::new().u64(offset));
        }
    }

    /// Applies progress, unless the destination is gone.
    pub(crate) fn apply(
        &mut self,
        batch: &mut Batch<'_>,
        DeliveryProgress { destination, added_at, progress, .. }: DeliveryProgress,
    ) -> Result<(), StoreError> {
        let standing = self.by_name.get_mut(&destination);
        let Some(standing) = standing.filter(|standing| standing.added_at == added_at) else {
            return Ok(());
        };
        standing.place = standing.place.max(progress.place);
        standing.delivered += progress.delivered;
        standing.retried += progress.retried;
        for (reason, n) in &progress.failed {
            count_reason(&mut standing.failed, reason, *n);
        }
        for open in progress.opened {
            batch.put(&self.open_keyspace, offset_key(added_at, open.offset), encode(&open));
            standing.open.insert(open.offset, open);
        }
        for offset in progress.closed {
            batch.remove(&self.open_keyspace, offset_key(added_at, offset));
            standing.open.remove(&offset);
        }
        for dead in progress.dead {
            let key = dead_key(added_at, &dead).build();
            // After a crash the same one may come again.
            if batch.get(&self.dead_keyspace, &key)?.is_none() {
                let count = match dead.attempts {
                    0 => &mut standing.n_unmapped,
                    _ => &mut standing.n_dead,
                };
                *count += 1;
            }
            batch.put(&self.dead_keyspace, key, encode(&dead));
        }
        while standing.n_unmapped > UNMAPPED_KEPT_MAX {
            let prefix = KeyBuf::new().u64(added_at).u8(0).build();
            let Some(oldest) = batch.scan(&self.dead_keyspace, &prefix).next() else { break };
            let (key, _) = oldest?;
            batch.remove(&self.dead_keyspace, key);
            standing.n_unmapped -= 1;
        }
        for offset in standing.forget_versions() {
            batch.remove(&self.versions_keyspace, offset_key(added_at, offset));
        }
        self.put(batch, &destination);
        self.forget_duplicates(batch);
        Ok(())
    }

    /// Takes a dead letter out of the list: to be dropped, or because its entry asks for it anew.
    pub(crate) fn take_dead_letter(
        &mut self,
        batch: &mut Batch<'_>,
        name: &str,
        offset: u64,
        mapping: &str,
    ) -> Result<CommandResult, StoreError> {
        let Some(dead) = self.dead_letter(batch, name, offset, mapping)? else {
            let what = format!("{name}/{offset}/{mapping}");
            return Ok(Err(Refusal::missing("dead letter", &what)));
        };
        let Some(standing) = self.by_name.get_mut(name) else { return Ok(Ok(())) };
        let count =
            if dead.attempts == 0 { &mut standing.n_unmapped } else { &mut standing.n_dead };
        *count = count.saturating_sub(1);
        batch.remove(&self.dead_keyspace, dead_key(standing.added_at, &dead));
        self.put(batch, name);
        Ok(Ok(()))
    }

    /// Drops what is under way of messages, their dead letters, and dead letters that name people.
    pub(crate) fn forget(
        &mut self,
        batch: &mut Batch<'_>,
        offsets: &BTreeSet<u64>,
        people: &NamedPeople,
    ) -> Result<(), StoreError> {
        for name in self.by_name.keys().cloned().collect::<Vec<_>>() {
            let Some(standing) = self.by_name.get_mut(&name) else { continue };
            let added_at = standing.added_at;
            let open = standing.open.extract_if(.., |offset, _| offsets.contains(offset));
            for (offset, _) in open {
                batch.remove(&self.open_keyspace, offset_key(added_at, offset));
            }
            let prefix = KeyBuf::new().u64(added_at).build();
            let mut theirs = Vec::new();
            for pair in batch.scan(&self.dead_keyspace, &prefix) {
                let (key, value) = pair?;
                let dead: DeadLetter = decode(&value)?;
                if offsets.contains(&dead.offset) || people.are_named_in(&dead.text) {
                    theirs.push((key, dead.attempts > 0));
                }
            }
            for (key, was_sent) in theirs {
                let count = if was_sent { &mut standing.n_dead } else { &mut standing.n_unmapped };
                *count = count.saturating_sub(1);
                batch.remove(&self.dead_keyspace, key);
            }
            for offset in standing.forget_versions() {
                batch.remove(&self.versions_keyspace, offset_key(added_at, offset));
            }
            self.put(batch, &name);
        }
        self.forget_duplicates(batch);
        Ok(())
    }

    fn put(&self, batch: &mut Batch<'_>, name: &str) {
        batch.put(&self.standings_keyspace, KeyBuf::new().text(name), encode(&self.by_name[name]));
    }
}

fn offset_key(added_at: u64, offset: u64) -> KeyBuf {
    KeyBuf::new().u64(added_at).u64(offset)
}

fn dead_key(added_at: u64, dead: &DeadLetter) -> KeyBuf {
    dead_key_of(added_at, dead.attempts > 0, dead.offset, &dead.mapping)
}

fn dead_key_of(added_at: u64, was_sent: bool, offset: u64, mapping: &str) -> KeyBuf {
    KeyBuf::new().u64(added_at).u8(u8::from(was_sent)).u64(offset).text(mapping)
}

fn unreadable() -> StoreError {
    StoreError::Unreadable { what: "destinations" }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("records of plain fields always encode")
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| unreadable())
}
