//! Holdouts of traits: who entered when, in which group, and what each group did after.
//!
//! The people of a holdout are all whom its trait is for from the configuration on that defined the
//! holdout, held out or not ("intention to treat"): they stay in it whatever becomes of them. What
//! a person did is counted from their interactions, so that late, repeated and merged ones give the
//! same. Who enters when, and when a person is counted anew, is in `membership/holdouts.rs`.

mod counts;

use std::collections::{BTreeMap, BTreeSet};

use domain::{Holdout, Timestamp, TraitDefinition, UserIdx, WorkspaceConfig, WorkspaceId};
use profiles::Merge;
use serde::{Deserialize, Serialize};
use store::key::KeyBuf;
use store::{Batch, Keyspace, Read, Store, StoreError};

pub use self::counts::{HoldoutCluster, HoldoutGroup, HoldoutGroups};
pub(crate) use self::counts::{Tally, hash_person, is_held_out, micros};
use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing};

const HOLDOUTS: &str = "state.holdouts";
const PEOPLE: &str = "state.holdout_people";
/// The row of the next number. Keys of holdouts begin with 1.
const NEXT_NUMBER_KEY: [u8; 1] = [0];

/// A holdout that is counted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CountedHoldout {
    /// Names the holdout in the keys of people. A number is used once.
    number: u32,
    /// When it was defined; none before the first entry with a time.
    pub since: Option<Timestamp>,
    percent: u8,
    /// The code of the kind of interaction that is counted.
    pub(crate) goal: u8,
    /// Whom the trait is for, as JSON text: who enters changes with it.
    who: String,
    /// What each group did.
    pub groups: HoldoutGroups,
}

/// The holdouts of a workspace.
pub struct Holdouts {
    holdouts: Keyspace,
    people: Keyspace,
    /// By the key of the trait.
    pub(crate) by_key: BTreeMap<String, CountedHoldout>,
    next_number: u32,
    /// Those whose counts changed in this batch.
    changed: BTreeSet<String>,
    /// People who must be counted anew before the entry is done.
    pub(crate) touched: BTreeSet<UserIdx>,
}

impl StatePart for Holdouts {
    const KEYSPACES: &'static [&'static str] = &[HOLDOUTS, PEOPLE];

    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let mut loaded = Self {
            holdouts: store.keyspace(HOLDOUTS),
            people: store.keyspace(PEOPLE),
            by_key: BTreeMap::new(),
            next_number: 0,
            changed: BTreeSet::new(),
            touched: BTreeSet::new(),
        };
        for pair in store.scan(&loaded.holdouts, &[]) {
            let (key, value) = pair?;
            if key == NEXT_NUMBER_KEY {
                loaded.next_number = decode(&value)?;
                continue;
            }
            let key = key.get(1..).and_then(|key| std::str::from_utf8(key).ok());
            let key = key.ok_or_else(unreadable)?.to_owned();
            loaded.by_key.insert(key, decode(&value)?);
        }
        Ok(loaded)
    }

    /// The target is in the holdouts of both, since the first of both entered. What it did and its
    /// group are counted anew before the entry is done.
    fn merge_users(
        &mut self,
        batch: &mut Batch<'_>,
        Merge { target, source }: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
        for key in self.by_key.keys().cloned().collect::<Vec<_>>() {
            let Some(gone) = self.tally(batch, &key, source)? else { continue };
            self.put_tally(batch, &key, source, None)?;
            let kept = self.tally(batch, &key, target)?.unwrap_or(gone);
            let entered = kept.entered.min(gone.entered);
            self.put_tally(batch, &key, target, Some(Tally { entered, ..kept }))?;
        }
        self.touched.remove(&source);
        self.touch(target);
        Ok(())
    }

    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        for key in self.by_key.keys().cloned().collect::<Vec<_>>() {
            self.put_tally(batch, &key, user, None)?;
        }
        self.touched.remove(&user);
        Ok(())
    }

    fn flush(&mut self, batch: &mut Batch<'_>) {
        for key in std::mem::take(&mut self.changed) {
            if let Some(holdout) = self.by_key.get(&key) {
                batch.put(&self.holdouts, holdout_key(&key), encode(holdout));
            }
        }
    }
}

impl Holdouts {
    /// The holdout of a trait; none if it has none.
    pub fn get(&self, trait_key: &str) -> Option<&CountedHoldout> {
        self.by_key.get(trait_key)
    }

    /// Notes that a person may have become another one for holdouts, or that interactions of theirs
    /// are gone.
    pub(crate) fn touch(&mut self, user: UserIdx) {
        if !self.by_key.is_empty() {
            self.touched.insert(user);
        }
    }

    /// Follows a configuration that was put in force at `now`, which is none before the first entry
    /// with a time. Returns whether people may enter who could not before. A holdout of another
    /// share or goal is another one: it begins anew.
    pub(crate) fn follow_config(
        &mut self,
        batch: &mut Batch<'_>,
        config: &WorkspaceConfig,
        now: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let holdout_of = |key: &str| config.trait_definition(key)?.holdout;
        let is_gone =
            |(key, counted): (&String, &CountedHoldout)| match holdout_of(key).map(settings) {
                Some(same) if same == (counted.percent, counted.goal) => None,
                _ => Some(key.clone()),
            };
        for key in self.by_key.iter().filter_map(is_gone).collect::<Vec<_>>() {
            self.remove(batch, &key)?;
        }
        let mut may_enter = false;
        for definition in &config.traits {
            let Some(holdout) = definition.holdout else { continue };
            let who = whom_it_is_for(definition);
            let key = definition.key.clone();
            match self.by_key.get_mut(&key) {
                Some(counted) if counted.who == who => continue,
                Some(counted) => counted.who = who,
                None => self.begin(batch, key.clone(), holdout, who, now),
            }
            self.changed.insert(key);
            may_enter = true;
        }
        Ok(may_enter)
    }

    fn begin(
        &mut self,
        batch: &mut Batch<'_>,
        key: String,
        holdout: Holdout,
        who: String,
        since: Option<Timestamp>,
    ) {
        let (percent, goal) = settings(holdout);
        let (number, groups) = (self.next_number, HoldoutGroups::default());
        self.next_number += 1;
        batch.put(&self.holdouts, NEXT_NUMBER_KEY, encode(&self.next_number));
        self.by_key.insert(key, CountedHoldout { number, since, percent, goal, who, groups });
    }

    fn remove(&mut self, batch: &mut Batch<'_>, key: &str) -> Result<(), StoreError> {
        let Some(gone) = self.by_key.remove(key) else { return Ok(()) };
        batch.remove(&self.holdouts, holdout_key(key));
        let prefix = KeyBuf::new().u32(gone.number).build();
        let keys = batch.scan(&self.people, &prefix).map(|pair| pair.map(|(key, _)| key));
        for key in keys.collect::<Result<Vec<_>, StoreError>>()? {
            batch.remove(&self.people, key);
        }
        Ok(())
    }

    /// What is known of a person; none if they have not entered.
    pub(crate) fn tally(
        &self,
        read: &dyn Read,
        trait_key: &str,
        user: UserIdx,
    ) -> Result<Option<Tally>, StoreError> {
        let Some(holdout) = self.by_key.get(trait_key) else { return Ok(None) };
        let value = read.get(&self.people, &person_key(holdout, user).build())?;
        value.map(|value| decode(&value)).transpose()
    }

    /// Replaces what is known of a person, and counts them with their group.
    pub(crate) fn put_tally(
        &mut self,
        batch: &mut Batch<'_>,
        trait_key: &str,
        user: UserIdx,
        tally: Option<Tally>,
    ) -> Result<(), StoreError> {
        let earlier = self.tally(batch, trait_key, user)?;
        let Some(holdout) = self.by_key.get_mut(trait_key) else { return Ok(()) };
        if earlier == tally {
            return Ok(());
        }
        if let Some(earlier) = &earlier {
            holdout.groups.subtract(holdout.percent, earlier);
        }
        let key = person_key(holdout, user);
        match &tally {
            Some(tally) => {
                holdout.groups.add(holdout.percent, tally);
                batch.put(&self.people, key, encode(tally));
            }
            None => batch.remove(&self.people, key),
        }
        self.changed.insert(trait_key.to_owned());
        Ok(())
    }
}

/// What makes a holdout another one.
fn settings(Holdout { percent, goal }: Holdout) -> (u8, u8) {
    (percent, goal.code())
}

fn whom_it_is_for(definition: &TraitDefinition) -> String {
    serde_json::json!([definition.who, definition.paused]).to_string()
}

fn holdout_key(trait_key: &str) -> KeyBuf {
    KeyBuf::new().u8(1).text(trait_key)
}

fn person_key(holdout: &CountedHoldout, user: UserIdx) -> KeyBuf {
    KeyBuf::new().u32(holdout.number).u32(user.0)
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain fields always encode")
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| unreadable())
}

fn unreadable() -> StoreError {
    StoreError::Unreadable { what: "holdout" }
}
