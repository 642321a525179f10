//! Audiences: their conditions, what is kept of people's events for them, and who belongs to them
//! since when.
//!
//! Rows of this part only; when they are worked out anew is in `membership`.

mod asked;
mod left;
mod people;
mod row;

use std::collections::BTreeMap;

use conditions::Condition;
use domain::{LikelyAudience, Timestamp, UserIdx, WorkspaceConfig, WorkspaceId};
use profiles::Merge;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use store::key::KeyBuf;
use store::{Batch, Keyspace, Read, Store, StoreError};

pub(crate) use self::asked::AskedFor;
pub use self::left::{FormerMember, FormerMembers, STAYS_SEARCHED_MAX};
pub use self::people::{AudienceMember, STAYS_PER_PERSON_MAX, Stay};
pub(crate) use self::row::{Kept, PersonRow};
use crate::answers::question_of_audience;
use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing};

const AUDIENCES: &str = "state.audiences";
pub(crate) const PEOPLE: &str = "state.audience_people";
const MEMBERS: &str = "state.audience_members";
const STAYS: &str = "state.audience_stays";
/// The row of [`Audiences::changed_at`] and the next number. Keys of audiences begin with 1.
const COUNTERS_KEY: [u8; 1] = [0];

/// The row of an audience.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct AudienceRow {
    /// Names the audience in the keys of other rows. A number is used once.
    number: u32,
    /// The offset of the entry that gave it its condition.
    since: u64,
    condition: String,
    n_members: u64,
}

/// An audience that is kept.
#[derive(Debug, Clone)]
pub(crate) struct Audience {
    pub(crate) number: u32,
    pub(crate) since: u64,
    /// The condition as text, or the definition of one that is made of items as JSON.
    text: String,
    n_members: u64,
    is_written: bool,
}

/// The audiences of a workspace.
pub struct Audiences {
    audiences: Keyspace,
    people: Keyspace,
    members: Keyspace,
    stays: Keyspace,
    by_key: BTreeMap<String, Audience>,
    /// The conditions by key, as evaluation takes them.
    conditions: BTreeMap<String, Condition>,
    /// The audiences that ask for an event, by its name.
    by_event: FxHashMap<String, Vec<String>>,
    asked_for: AskedFor,
    /// One more than the offset of the last change of an audience; 0 before the first.
    changed_at: u64,
    next_number: u32,
}

impl StatePart for Audiences {
    const KEYSPACES: &'static [&'static str] = &[AUDIENCES, PEOPLE, MEMBERS, STAYS];

    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let unreadable = || StoreError::Unreadable { what: "audience" };
        let mut loaded = Self {
            audiences: store.keyspace(AUDIENCES),
            people: store.keyspace(PEOPLE),
            members: store.keyspace(MEMBERS),
            stays: store.keyspace(STAYS),
            by_key: BTreeMap::new(),
            conditions: BTreeMap::new(),
            by_event: FxHashMap::default(),
            asked_for: AskedFor::default(),
            changed_at: 0,
            next_number: 0,
        };
        for pair in store.scan(&loaded.audiences, &[]) {
            let (key, value) = pair?;
            if key == COUNTERS_KEY {
                (loaded.changed_at, loaded.next_number) =
                    postcard::from_bytes(&value).map_err(|_| unreadable())?;
                continue;
            }
            let key = key.get(1..).and_then(|key| std::str::from_utf8(key).ok());
            let key = key.ok_or_else(unreadable)?.to_owned();
            let row: AudienceRow = postcard::from_bytes(&value).map_err(|_| unreadable())?;
            let AudienceRow { number, since, condition: text, n_members } = row;
            let audience = Audience { number, since, text, n_members, is_written: true };
            loaded.by_key.insert(key, audience);
        }
        loaded.compile();
        Ok(loaded)
    }

    /// Adds what was kept of the source to the target, which is worked out before the entry is
    /// done. It was a member whenever one of both was.
    fn merge_users(
        &mut self,
        batch: &mut Batch<'_>,
        merge: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
        if self.by_key.is_empty() {
            return Ok(());
        }
        self.merge_people(batch, merge)
    }

    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        self.delete_person(batch, user)
    }

    /// Writes the numbers of members that changed.
    fn flush(&mut self, batch: &mut Batch<'_>) {
        for (key, audience) in &mut self.by_key {
            if audience.is_written {
                continue;
            }
            audience.is_written = true;
            let row = AudienceRow {
                number: audience.number,
                since: audience.since,
                condition: audience.text.clone(),
                n_members: audience.n_members,
            };
            batch.put(&self.audiences, audience_key(key), encode(&row));
        }
    }
}

impl Audiences {
    /// The keys of all audiences, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.by_key.keys().map(String::as_str)
    }

    /// The number of members; none if there is no such audience.
    pub fn n_members(&self, key: &str) -> Option<u64> {
        self.by_key.get(key).map(|audience| audience.n_members)
    }

    /// Whether there is no audience.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// The conditions by key.
    pub(crate) fn conditions(&self) -> &BTreeMap<String, Condition> {
        &self.conditions
    }

    /// The audiences by key.
    pub(crate) fn by_key(&self) -> &BTreeMap<String, Audience> {
        &self.by_key
    }

    /// One more than the offset of the last change of an audience. Who was worked out before is not
    /// up to date.
    pub(crate) fn changed_at(&self) -> u64 {
        self.changed_at
    }

    /// The conditions, with their keys, that ask for an event.
    pub(crate) fn asking(&self, event: &str) -> impl Iterator<Item = (&Audience, &Condition)> {
        let keys = self.by_event.get(event).into_iter().flatten();
        keys.filter_map(|key| self.by_key.get(key).zip(self.conditions.get(key)))
    }

    /// Which audiences a message concerns.
    pub(crate) fn asked_for(&self) -> &AskedFor {
        &self.asked_for
    }

    /// Whether a condition asks for a trait.
    pub(crate) fn read_traits(&self) -> bool {
        self.conditions.values().any(Condition::reads_traits)
    }

    /// Notes that the entry at `offset` changed what conditions say: people must be worked out
    /// anew.
    pub(crate) fn mark_changed(&mut self, batch: &mut Batch<'_>, offset: u64) {
        self.changed_at = offset + 1;
        batch.put(&self.audiences, COUNTERS_KEY, encode(&(self.changed_at, self.next_number)));
    }

    /// Follows a configuration that the entry at `offset` put in force. Returns whether people must
    /// be worked out anew. An audience with another condition keeps its members and their stays
    /// until then.
    pub(crate) fn follow_config(
        &mut self,
        batch: &mut Batch<'_>,
        offset: u64,
        config: &WorkspaceConfig,
    ) -> Result<bool, StoreError> {
        let gone: Vec<String> =
            self.by_key.keys().filter(|key| config.audience(key).is_none()).cloned().collect();
        let mut is_changed = !gone.is_empty();
        for key in gone {
            self.remove(batch, &key)?;
        }
        for definition in &config.audiences {
            let text = match &definition.likely {
                Some(likely) => encode_likely(likely),
                None => definition.condition.clone(),
            };
            match self.by_key.get_mut(&definition.key) {
                Some(audience) if audience.text == text => continue,
                Some(audience) => {
                    (audience.text, audience.since, audience.is_written) = (text, offset, false);
                }
                None => {
                    let (number, n_members) = (self.next_number, 0);
                    self.next_number += 1;
                    let audience =
                        Audience { number, since: offset, text, n_members, is_written: false };
                    self.by_key.insert(definition.key.clone(), audience);
                }
            }
            is_changed = true;
        }
        if is_changed {
            self.mark_changed(batch, offset);
            self.compile();
        }
        Ok(is_changed)
    }

    /// Removes an audience with its members and stays. What is kept of people's events for it goes
    /// when they are worked out anew.
    fn remove(&mut self, batch: &mut Batch<'_>, key: &str) -> Result<(), StoreError> {
        let Some(audience) = self.by_key.remove(key) else { return Ok(()) };
        batch.remove(&self.audiences, audience_key(key));
        for keyspace in [&self.members, &self.stays] {
            let prefix = KeyBuf::new().u32(audience.number).build();
            let keys = batch.scan(keyspace, &prefix).map(|pair| pair.map(|(key, _)| key));
            for key in keys.collect::<Result<Vec<_>, StoreError>>()? {
                batch.remove(keyspace, key);
            }
        }
        Ok(())
    }

    /// Reads the conditions. One that this build does not read, or that leads back to itself, holds
    /// for nobody: both are refused before an audience is journalled. Who belongs to one that is
    /// made of items is an answer that was found.
    fn compile(&mut self) {
        let parse = |(key, audience): (&String, &Audience)| {
            Some((key.clone(), audience.text.parse::<Condition>().ok()?))
        };
        self.conditions = self.by_key.iter().filter_map(parse).collect();
        let found = self.by_key.iter().filter(|(_, audience)| is_likely(&audience.text));
        let found: Vec<String> = found.map(|(key, _)| key.clone()).collect();
        let nobody = found.iter().map(|key| (key.clone(), Condition::Any(Vec::new())));
        self.conditions.extend(nobody);
        if conditions::check_references(&self.conditions).is_err() {
            self.conditions.retain(|_, condition| condition.audiences().is_empty());
        }
        let asked = found.into_iter().map(|key| (key.clone(), question_of_audience(&key)));
        self.conditions.extend(asked);
        self.by_event.clear();
        for (key, condition) in &self.conditions {
            for event in condition.events() {
                self.by_event.entry(event.to_owned()).or_default().push(key.clone());
            }
        }
        self.asked_for = AskedFor::new(&self.by_key, &self.conditions);
    }
}

/// What stands in the row of an audience in place of a condition: the definition as JSON, which no
/// condition begins like.
fn encode_likely(likely: &LikelyAudience) -> String {
    serde_json::to_string(likely).expect("plain fields always encode")
}

fn is_likely(text: &str) -> bool {
    text.starts_with('{')
}

fn audience_key(key: &str) -> KeyBuf {
    KeyBuf::new().u8(1).text(key)
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain fields always encode")
}

/// The bytes of an instant in values.
fn instant_bytes(at: Timestamp) -> [u8; 8] {
    at.0.to_be_bytes()
}
