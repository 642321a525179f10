//! Journeys: which there are, who is where, and what was counted.
//!
//! How people move stands in `steps`, which simulations use too. This is what the fold keeps: a
//! row of each person who is or was in a journey, and one of each journey with versions and counts.

mod counts;
mod directory;
mod entry;
mod instance;
mod merging;
mod person;
mod plan;
mod recent;
mod rows;
mod simulation;
mod steps;
mod tracked;
mod traits;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{
    Journey, JourneyEntrance, JourneyStatus, Timestamp, UserIdx, WorkspaceConfig, WorkspaceId,
};
use profiles::Merge;
use serde::Serialize;
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

pub use self::counts::{JourneyCounts, NodeCounts};
pub use self::directory::{Directory, Version, Versions};
pub use self::entry::{
    EnteringPerson, JOURNEY_EVENT, JOURNEY_SOURCE, JourneyAnswer, JourneyEntry, JourneyFinding,
    JourneyTrigger, TRIGGERED_PEOPLE_MAX,
};
pub use self::instance::{
    CONTEXT_BYTES_MAX, Entering, Instance, InstanceId, Moment, Stage, TimelineStep,
};
use self::merging::Dropping;
pub use self::person::{INSTANCES_MAX, JourneysOf, PersonWorld, TIMELINE_MAX};
pub use self::plan::{JOURNEY_CONTEXT, Plan};
pub use self::rows::EntryRun;
use self::rows::{Places, Shared, journey_row, places, read_journey};
pub use self::simulation::{SimulatedPerson, SimulatedWorld, Simulation};
pub use self::steps::{
    Fact, Leave, MessageResult, ToldEvent, World, is_of_control_group, share_of,
};
pub(crate) use self::traits::changed as changed_trait;
use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing};

const JOURNEYS: &str = "state.journeys";
const PEOPLE: &str = "state.journey_people";
const ASKED: &str = "state.journey_asked";
/// The row of what is kept beside journeys.
const SHARED_KEY: [u8; 1] = [0];
/// The first byte of keys of journeys, and of those that were removed.
const JOURNEY_ROW: u8 = 1;
const GONE_ROW: u8 = 2;
/// The most versions of a journey that are kept. Who is on an earlier one leaves.
pub const VERSIONS_MAX: usize = 20;
/// Sorts after every key of a person.
const PEOPLE_END: [u8; 5] = [u8::MAX; 5];

/// A journey that is kept.
#[derive(Debug, Clone)]
pub struct KeptJourney {
    /// Its versions; the last one is the present one.
    pub versions: Versions,
    /// How many are at the nodes of each version, by its number and the node's place.
    pub inside: BTreeMap<(u32, u16), u64>,
    /// What was counted.
    pub counts: JourneyCounts,
    /// How far the entry came, where it has a time.
    pub run: Option<EntryRun>,
}

/// The journeys of a workspace.
pub struct Journeys {
    rows: Keyspace,
    people: Keyspace,
    asked: Keyspace,
    by_key: BTreeMap<String, KeptJourney>,
    gone: BTreeMap<u32, KeptJourney>,
    shared: Shared,
    directory: Arc<Directory>,
    /// Those whose rows are not written yet.
    changed: BTreeSet<String>,
    changed_gone: BTreeSet<u32>,
    /// Who entered which audience, of those that matter, in the entry under way.
    noted: Vec<(UserIdx, u32)>,
    /// What people who were merged or deleted left in the campaigns.
    dropped: Vec<(UserIdx, String, InstanceId, u32)>,
}

/// A way through a journey on which the engine must find something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedJourney {
    /// The person.
    pub user: UserIdx,
    /// Where they are.
    pub instance: Instance,
}

impl StatePart for Journeys {
    const KEYSPACES: &'static [&'static str] = &[JOURNEYS, PEOPLE, ASKED];

    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let mut loaded = Self {
            rows: store.keyspace(JOURNEYS),
            people: store.keyspace(PEOPLE),
            asked: store.keyspace(ASKED),
            by_key: BTreeMap::new(),
            gone: BTreeMap::new(),
            shared: Shared::default(),
            directory: Arc::default(),
            changed: BTreeSet::new(),
            changed_gone: BTreeSet::new(),
            noted: Vec::new(),
            dropped: Vec::new(),
        };
        for pair in store.scan(&loaded.rows, &[]) {
            let (key, value) = pair?;
            if key == SHARED_KEY {
                loaded.shared = decode(&value)?;
                continue;
            }
            let kept = read_journey(&value)?;
            let mut parts = KeyParts::new(&key);
            match parts.u8() {
                Some(GONE_ROW) => drop(loaded.gone.insert(kept.versions.number, kept)),
                _ => {
                    let key = parts.text().ok_or_else(unreadable)?.to_owned();
                    loaded.by_key.insert(key, kept);
                }
            }
        }
        loaded.renew_directory();
        Ok(loaded)
    }

    fn merge_users(
        &mut self,
        batch: &mut Batch<'_>,
        Merge { target, source }: Merge,
        now: JournalTime,
    ) -> Result<(), StoreError> {
        self.noted.iter_mut().filter(|(user, _)| *user == source).for_each(|one| one.0 = target);
        let (other, places) = self.read_person(batch, source)?;
        if other.is_empty() {
            return Ok(());
        }
        self.put_person(batch, source, places, &JourneysOf::default());
        let (mut row, places) = self.read_person(batch, target)?;
        let at = now.bound(Timestamp(i64::MAX));
        let directory = Arc::clone(&self.directory);
        let mut dropping = Dropping::default();
        row.merge(&directory, other, at, &mut dropping)?;
        for (key, node, why) in dropping.left {
            self.count(&key, &node, &Fact::Left(why));
        }
        let dropped = dropping.dropped.into_iter();
        self.dropped.extend(dropped.map(|(campaign, id, step)| (target, campaign, id, step)));
        self.put_person(batch, target, places, &row);
        Ok(())
    }

    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        self.noted.retain(|(noted, _)| *noted != user);
        let (_, places) = self.read_person(batch, user)?;
        self.put_person(batch, user, places, &JourneysOf::default());
        Ok(())
    }

    fn flush(&mut self, batch: &mut Batch<'_>) {
        for key in std::mem::take(&mut self.changed) {
            let row_key = KeyBuf::new().u8(JOURNEY_ROW).text(&key);
            if let Some(kept) = self.by_key.get(&key) {
                batch.put(&self.rows, row_key, encode(&journey_row(kept)));
            }
        }
        for number in std::mem::take(&mut self.changed_gone) {
            if let Some(kept) = self.gone.get(&number) {
                let row_key = KeyBuf::new().u8(GONE_ROW).u32(number);
                batch.put(&self.rows, row_key, encode(&journey_row(kept)));
            }
        }
    }
}

impl Journeys {
    /// The journeys by key.
    pub fn by_key(&self) -> &BTreeMap<String, KeptJourney> {
        &self.by_key
    }

    /// The journeys with their versions, as people are moved by them.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// What is kept of a person.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn person(&self, read: &dyn Read, user: UserIdx) -> Result<JourneysOf, StoreError> {
        let value = read.get(&self.people, &KeyBuf::new().u32(user.0).build())?;
        value.map_or_else(|| Ok(JourneysOf::default()), |value| decode(&value))
    }

    /// The first ways on which something must be found, in the order in which it is asked for.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn asked(&self, read: &dyn Read, n_max: usize) -> Result<Vec<AskedJourney>, StoreError> {
        let mut asked = Vec::new();
        for pair in read.scan(&self.asked, &[]).take(n_max) {
            let (key, _) = pair?;
            let mut parts = KeyParts::new(&key);
            let mut named = || {
                let since = parts.u64()?;
                let user = UserIdx(parts.u32()?);
                let journey = parts.u32()?;
                let (at, offset) = (Timestamp(parts.u64()? as i64), parts.u64()?);
                Some((since, user, InstanceId { journey, entered: Moment { at, offset } }))
            };
            let (_, user, id) = named().ok_or_else(unreadable)?;
            let row = self.person(read, user)?;
            let instance = row.instances.into_iter().find(|instance| instance.id() == id);
            asked.extend(instance.map(|instance| AskedJourney { user, instance }));
        }
        Ok(asked)
    }

    /// Whether an event of a name may move or bring in somebody.
    pub(crate) fn asks_for(&self, event: &str) -> bool {
        self.directory.asks_for(event)
    }

    /// Notes that somebody enters an audience, by its number.
    pub(crate) fn note_audience(&mut self, user: UserIdx, audience: u32) {
        if self.directory.asks_audiences() {
            self.noted.push((user, audience));
        }
    }

    pub(crate) fn take_noted(&mut self) -> Vec<(UserIdx, u32)> {
        std::mem::take(&mut self.noted)
    }

    pub(crate) fn take_dropped(&mut self) -> Vec<(UserIdx, String, InstanceId, u32)> {
        std::mem::take(&mut self.dropped)
    }

    /// What is kept of a person, with where they are.
    pub(crate) fn read_person(
        &self,
        read: &dyn Read,
        user: UserIdx,
    ) -> Result<(JourneysOf, Places), StoreError> {
        let row = self.person(read, user)?;
        let places = places(user, &row);
        Ok((row, places))
    }

    /// Writes what is kept of a person who was at these places.
    pub(crate) fn put_person(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        before: Places,
        row: &JourneysOf,
    ) {
        let after = places(user, row);
        before.nodes.iter().for_each(|place| self.count_place(*place, -1));
        after.nodes.iter().for_each(|place| self.count_place(*place, 1));
        for key in before.asked {
            batch.remove(&self.asked, key);
        }
        for key in after.asked {
            batch.put(&self.asked, key, Vec::new());
        }
        let key = KeyBuf::new().u32(user.0);
        match row.is_empty() {
            true => batch.remove(&self.people, key),
            false => batch.put(&self.people, key, encode(row)),
        }
    }

    /// People of whom something is kept, from an index on.
    pub(crate) fn people_from(
        &self,
        batch: &Batch<'_>,
        first: u32,
        n_max: usize,
    ) -> Result<Vec<UserIdx>, StoreError> {
        let from = KeyBuf::new().u32(first).build();
        let pairs = batch.scan_range(&self.people, &from, &PEOPLE_END).take(n_max);
        let user = |pair: Result<(Vec<u8>, Vec<u8>), StoreError>| {
            let (key, _) = pair?;
            KeyParts::new(&key).u32().map(UserIdx).ok_or_else(unreadable)
        };
        pairs.map(user).collect()
    }

    /// Follows the journeys of a configuration. Returns whether people may have to be moved.
    pub(crate) fn follow_config(
        &mut self,
        batch: &mut Batch<'_>,
        config: &WorkspaceConfig,
        made: Moment,
    ) -> bool {
        let mut is_changed = false;
        let is_gone = |key: &&String| config.journey(key).is_none();
        let gone: Vec<String> = self.by_key.keys().filter(is_gone).cloned().collect();
        for key in gone {
            batch.remove(&self.rows, KeyBuf::new().u8(JOURNEY_ROW).text(&key));
            let Some(kept) = self.by_key.remove(&key) else { continue };
            let number = kept.versions.number;
            self.changed_gone.insert(number);
            self.gone.insert(number, kept);
            is_changed = true;
        }
        for definition in &config.journeys {
            is_changed |= self.follow_journey(batch, definition, made);
        }
        if is_changed {
            self.renew_directory();
            self.set_walk(batch, Some(0));
        }
        is_changed
    }

    fn follow_journey(
        &mut self,
        batch: &mut Batch<'_>,
        definition: &Journey,
        made: Moment,
    ) -> bool {
        let present = self.by_key.get(&definition.key);
        let present = present.map(|kept| kept.versions.latest().plan.definition.clone());
        if present.as_ref() == Some(definition) {
            return false;
        }
        // It was read before it was journalled.
        let Ok(plan) = Plan::new(definition.clone()) else { return false };
        let plan = Arc::new(plan);
        match self.by_key.get_mut(&definition.key) {
            None => {
                let number = self.shared.next_number;
                self.shared.next_number += 1;
                self.put_shared(batch);
                let versions =
                    Versions { number, versions: vec![Version { number: 1, made, plan }] };
                let (inside, counts, run) = (BTreeMap::new(), JourneyCounts::default(), None);
                let kept = KeptJourney { versions, inside, counts, run };
                self.by_key.insert(definition.key.clone(), kept);
            }
            Some(kept) => {
                let versions = &mut kept.versions.versions;
                let latest = versions.last_mut().expect("a journey has a version");
                match latest.plan.definition.is_same_version(definition) {
                    true => latest.plan = plan,
                    false => {
                        let number = latest.number + 1;
                        versions.push(Version { number, made, plan });
                    }
                }
                forget_versions(kept);
            }
        }
        self.changed.insert(definition.key.clone());
        true
    }

    fn renew_directory(&mut self) {
        let present = self.by_key.iter().map(|(key, kept)| (key.clone(), kept.versions.clone()));
        let gone = self.gone.values().map(|kept| kept.versions.clone());
        self.directory = Arc::new(Directory::new(present, gone));
    }

    /// The first person whom a change of the journeys has not reached.
    pub(crate) fn walk(&self) -> Option<u32> {
        self.shared.walk
    }

    /// Notes how far a change of the journeys came; none where it has reached everybody.
    pub(crate) fn set_walk(&mut self, batch: &mut Batch<'_>, next: Option<u32>) {
        self.shared.walk = next;
        self.put_shared(batch);
        if next.is_none() {
            for number in std::mem::take(&mut self.gone).into_keys() {
                batch.remove(&self.rows, KeyBuf::new().u8(GONE_ROW).u32(number));
            }
            for (key, kept) in &mut self.by_key {
                if forget_versions(kept) {
                    self.changed.insert(key.clone());
                }
            }
            self.renew_directory();
        }
    }

    fn put_shared(&self, batch: &mut Batch<'_>) {
        batch.put(&self.rows, SHARED_KEY, encode(&self.shared));
    }

    /// The journeys that people enter at a time that is not over, with their numbers.
    pub(crate) fn entered_at_times(&self) -> Vec<(u32, Timestamp)> {
        let at_time = |kept: &KeptJourney| match kept.versions.latest().plan.definition {
            Journey {
                entry: JourneyEntrance::At { at, .. },
                status: JourneyStatus::Running,
                ..
            } if !kept.run.is_some_and(|run| run.at == at && run.is_done) => {
                Some((kept.versions.number, at))
            }
            _ => None,
        };
        self.by_key.values().filter_map(at_time).collect()
    }

    /// Notes how far the entry of a journey came.
    pub(crate) fn note_run(&mut self, key: &str, run: EntryRun) {
        if let Some(kept) = self.by_key.get_mut(key) {
            kept.run = Some(run);
            self.changed.insert(key.to_owned());
        }
    }

    /// Counts what happened to somebody.
    pub(crate) fn count(&mut self, key: &str, node: &str, fact: &Fact) {
        if let Some(kept) = self.by_key.get_mut(key) {
            kept.counts.add(node, fact);
            self.changed.insert(key.to_owned());
        }
    }

    /// Counts somebody who would have entered.
    pub(crate) fn count_refused(&mut self, key: &str, reason: &str) {
        if let Some(kept) = self.by_key.get_mut(key) {
            *kept.counts.not_entered.entry(reason.to_owned()).or_default() += 1;
            self.changed.insert(key.to_owned());
        }
    }

    fn count_place(&mut self, (journey, version, node): (u32, u32, u16), n: i64) {
        let key = self.directory.key(journey).map(str::to_owned);
        let kept = match &key {
            Some(key) => self.by_key.get_mut(key),
            None => self.gone.get_mut(&journey),
        };
        let Some(kept) = kept else { return };
        if kept.versions.version(version).is_some() {
            let inside = kept.inside.entry((version, node)).or_default();
            *inside = inside.saturating_add_signed(n);
        }
        match key {
            Some(key) => drop(self.changed.insert(key)),
            None => drop(self.changed_gone.insert(journey)),
        }
    }
}

/// Removes the earliest versions on which nobody is, and those that are too many.
fn forget_versions(kept: &mut KeptJourney) -> bool {
    let versions = &mut kept.versions.versions;
    let n_before = versions.len();
    while versions.len() > 1 {
        let first = versions[0].number;
        let is_empty = !kept.inside.iter().any(|((version, _), n)| *version == first && *n > 0);
        if !is_empty && versions.len() <= VERSIONS_MAX {
            break;
        }
        versions.remove(0);
        kept.inside.retain(|(version, _), _| *version != first);
    }
    versions.len() < n_before
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain fields always encode")
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| unreadable())
}

fn unreadable() -> StoreError {
    StoreError::Unreadable { what: "journey" }
}
