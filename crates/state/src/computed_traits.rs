//! Computed traits: what each computes, what is kept of people's events for it, and its value for
//! each person.
//!
//! Rows of this part only; when values are worked out is in `membership`.

mod accounts;
mod history;
mod person;
mod recount;

use std::cell::OnceCell;
use std::collections::BTreeMap;

use conditions::{Computation, Event, KeptEvents};
use domain::{
    ComputedTraitDefinition, ComputedTraitOf, Timestamp, UserIdx, WorkspaceConfig, WorkspaceId,
};
use profiles::{Merge, NamedEvent, Profiles};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use store::key::KeyBuf;
use store::{Batch, Keyspace, Read, Store, StoreError};

pub(crate) use self::accounts::Parts;
use self::history::reads_past;
pub(crate) use self::person::{PersonRow, StoredValue};
use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing, writes_at_once};
use crate::stored::Stored;
use crate::unread_history::{Definition, UnreadHistory};

const TRAITS: &str = "state.computed_traits";
pub(crate) const VALUES: &str = "state.computed_trait_values";
/// The row of the next number. Keys of traits begin with 1.
const NEXT_NUMBER_KEY: [u8; 1] = [0];
/// When a value is due that something was added to: at once.
const AT_ONCE: Timestamp = Timestamp(0);

/// The row of a computed trait.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct TraitRow {
    number: u32,
    made_at: Timestamp,
    /// JSON text of the [`ComputedTraitDefinition`].
    definition: String,
}

/// A computed trait that is kept.
#[derive(Debug)]
struct Kept {
    /// Names the trait in the keys of other rows. A number is used once, and for one computation.
    number: u32,
    /// The time of the entry that gave it its computation.
    made_at: Timestamp,
    /// Whose trait it is. Of a trait of accounts the rows of people have what they contribute.
    of: ComputedTraitOf,
    /// None where this build does not read the definition: the trait has no value. Such a
    /// definition is refused before it is journalled.
    computation: Option<Computation>,
}

/// The value of a computed trait for a person.
#[derive(Debug, Clone, PartialEq)]
pub struct ComputedValue {
    /// The value; null where there is none.
    pub value: Value,
    /// Since when it is this one.
    pub changed_at: Timestamp,
}

/// What adding an event has come to.
pub(crate) struct AddedEvent<'t> {
    /// When the next value of the person must be worked out.
    pub(crate) due: Option<Timestamp>,
    /// The keys of the values that are others now.
    pub(crate) changed: Vec<&'t str>,
    /// What the person contributes more to traits of accounts.
    pub(crate) of_accounts: Parts,
}

/// The computed traits of a workspace.
pub struct ComputedTraits {
    traits: Keyspace,
    values: Keyspace,
    by_key: BTreeMap<String, Kept>,
    next_number: u32,
}

impl StatePart for ComputedTraits {
    const KEYSPACES: &'static [&'static str] = &[TRAITS, VALUES];

    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let mut loaded = Self {
            traits: store.keyspace(TRAITS),
            values: store.keyspace(VALUES),
            by_key: BTreeMap::new(),
            next_number: 0,
        };
        for pair in store.scan(&loaded.traits, &[]) {
            let (key, value) = pair?;
            if key == NEXT_NUMBER_KEY {
                loaded.next_number = decode(&value)?;
                continue;
            }
            let key = key.get(1..).and_then(|key| std::str::from_utf8(key).ok());
            let key = key.ok_or_else(unreadable)?.to_owned();
            let TraitRow { number, made_at, definition } = decode(&value)?;
            let definition: Option<ComputedTraitDefinition> =
                serde_json::from_str(&definition).ok();
            let of = definition.as_ref().map_or_else(ComputedTraitOf::default, |one| one.of);
            let computation = definition.and_then(|definition| Computation::new(&definition).ok());
            loaded.by_key.insert(key, Kept { number, made_at, of, computation });
        }
        Ok(loaded)
    }

    /// Adds what was kept of the source to the target. The values are worked out before the entry
    /// is done, after [`ComputedTraits::take_history`] if that is asked of names alone.
    fn merge_users(
        &mut self,
        batch: &mut Batch<'_>,
        Merge { target, source }: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
        let source_row = self.person(batch, source)?;
        if source_row.all().is_empty() {
            return Ok(());
        }
        let mut row = self.person(batch, target)?;
        for Kept { number, computation, .. } in self.by_key.values() {
            let Some(computation) = computation else { continue };
            let Some(other) = source_row.value(*number) else { continue };
            let Some(others) = other.events.clone() else { continue };
            let value =
                row.value_or_insert_with(*number, || StoredValue { events: None, ..other.clone() });
            value.due = Some(AT_ONCE);
            value.add_events(computation, others.into_inner()?)?;
        }
        self.put_person(batch, target, &row);
        batch.remove(&self.values, KeyBuf::new().u32(source.0));
        Ok(())
    }

    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        batch.remove(&self.values, KeyBuf::new().u32(user.0));
        Ok(())
    }
}

impl ComputedTraits {
    /// The values of all computed traits of people that a person has, by key.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn values(
        &self,
        read: &dyn Read,
        user: UserIdx,
    ) -> Result<Vec<(&str, ComputedValue)>, StoreError> {
        self.values_of(read, user, self.by_key.iter().map(|(key, kept)| (key.as_str(), kept)))
    }

    /// The value of one computed trait after another, of those among the keys that are one.
    pub(crate) fn values_with_keys<'k>(
        &'k self,
        read: &dyn Read,
        user: UserIdx,
        keys: &[&'k str],
    ) -> Result<Vec<(&'k str, ComputedValue)>, StoreError> {
        let known = keys.iter().filter_map(|key| Some((*key, self.by_key.get(*key)?)));
        self.values_of(read, user, known)
    }

    fn values_of<'k>(
        &self,
        read: &dyn Read,
        user: UserIdx,
        traits: impl Iterator<Item = (&'k str, &'k Kept)>,
    ) -> Result<Vec<(&'k str, ComputedValue)>, StoreError> {
        let mut traits = traits.filter(|(_, kept)| kept.of.is_people()).peekable();
        if traits.peek().is_none() {
            return Ok(Vec::new());
        }
        let row = self.person(read, user)?;
        let mut values = Vec::new();
        for (key, kept) in traits {
            values.push((key, kept.value_in(&row)?));
        }
        Ok(values)
    }

    /// Whether an event of this name can change a value.
    pub(crate) fn asks_for(&self, event: &str) -> bool {
        self.asking(event).next().is_some()
    }

    /// The traits whose value an event of this name can change, by key.
    fn asking(&self, event: &str) -> impl Iterator<Item = (&str, &Kept, &Computation)> {
        let known = self.by_key.iter();
        let known =
            known.filter_map(|(key, kept)| Some((key.as_str(), kept, kept.computation.as_ref()?)));
        known.filter(move |(.., asking)| asking.event_name().is_none_or(|name| name == event))
    }

    /// Adds an event of a person, which their timeline has, and works out the values that it
    /// changes, except those whose past is unread: a person is marked who has a past from before
    /// the first event that counts.
    pub(crate) fn add_event(
        &self,
        batch: &mut Batch<'_>,
        profiles: &Profiles,
        unread: &mut UnreadHistory,
        (user, event): (UserIdx, &Event),
        now: Timestamp,
    ) -> Result<AddedEvent<'_>, StoreError> {
        let (mut row, mut is_touched, mut changed) = (self.person(batch, user)?, false, Vec::new());
        let history = OnceCell::new();
        let history = |batch: &Batch<'_>| match history.get() {
            Some(history) => Ok::<_, StoreError>(history),
            None => {
                let read = profiles.named_events(batch, user)?;
                Ok(history.get_or_init(|| read))
            }
        };
        let mut of_accounts = Parts::new();
        for (key, kept, computation) in self.asking(&event.name) {
            let Some(contribution) = computation.contribution(event) else { continue };
            let definition = Definition::Trait(kept.number);
            if row.value(kept.number).is_none()
                && let Some(since) = unread.since(definition)
                && reads_past(computation, history(batch)?, since, now)
            {
                unread.mark(batch, definition, user, since);
            }
            let value = row.value_or_insert_with(kept.number, || kept.first_value());
            let is_of_accounts = !kept.of.is_people();
            let mut added = None;
            if value.events.is_none() && computation.asks_names_only() {
                added = Some(from_names(computation, history(batch)?));
            } else if value.events.is_none() || is_of_accounts {
                added.insert(KeptEvents::new(computation)).add(computation, &contribution);
            }
            if is_of_accounts {
                of_accounts.extend(added.clone().map(|added| (kept.number, added)));
            }
            match &mut value.events {
                Some(events) => events.get_mut()?.add(computation, &contribution),
                events => *events = added.map(Stored::new),
            }
            if is_of_accounts {
                value.prune(computation, now)?;
            } else if unread.is_unread(definition, user) {
                value.due = Some(AT_ONCE);
            } else if value.work_out(computation, now)? {
                changed.push(key);
            }
            is_touched = true;
        }
        if is_touched {
            self.put_person(batch, user, &row);
        }
        Ok(AddedEvent { due: row.next_due(now), changed, of_accounts })
    }

    /// Gives a person their history where nothing but the names and times of events is asked, which
    /// timelines have: of all such traits, or of those that have none yet. Returns whether a value
    /// must be worked out, and what they now contribute to traits of accounts.
    pub(crate) fn take_history(
        &self,
        batch: &mut Batch<'_>,
        profiles: &Profiles,
        user: UserIdx,
        of_all: bool,
    ) -> Result<(bool, Parts), StoreError> {
        let mut of_accounts = Parts::new();
        let (mut row, mut history, mut is_changed) = (self.person(batch, user)?, None, false);
        for kept in self.by_key.values() {
            let Some(computation) = &kept.computation else { continue };
            let is_wanted = of_all || row.value(kept.number).is_none();
            if !computation.asks_names_only() || !is_wanted {
                continue;
            }
            let history = match &history {
                Some(history) => history,
                None => history.insert(profiles.named_events(batch, user)?),
            };
            let events = from_names(computation, history);
            if events != KeptEvents::new(computation) {
                if !kept.of.is_people() {
                    of_accounts.push((kept.number, events.clone()));
                }
                let value = row.value_or_insert_with(kept.number, || kept.first_value());
                (value.events, value.due) = (Some(Stored::new(events)), Some(AT_ONCE));
                is_changed = true;
            }
        }
        if is_changed {
            self.put_person(batch, user, &row);
        }
        Ok((is_changed, of_accounts))
    }

    /// Works out the values of a person that are due at an instant, except those whose past is
    /// unread. Returns when the next one is, and the keys of those that are others now.
    pub(crate) fn work_out(
        &self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        now: Timestamp,
        is_unread: &dyn Fn(u32) -> bool,
    ) -> Result<(Option<Timestamp>, Vec<&str>), StoreError> {
        if self.by_key.is_empty() {
            return Ok((None, Vec::new()));
        }
        let mut row = self.person(batch, user)?;
        let (mut is_touched, mut changed) = (false, Vec::new());
        for (key, Kept { number, of, computation, .. }) in &self.by_key {
            let Some(computation) = computation else { continue };
            let is_due = |value: &&mut StoredValue| value.due.is_some_and(|due| due <= now);
            let due = row.value_mut(*number).filter(is_due).filter(|_| !is_unread(*number));
            let Some(value) = due else { continue };
            if !of.is_people() {
                value.prune(computation, now)?;
            } else if value.work_out(computation, now)? {
                changed.push(key.as_str());
            }
            is_touched = true;
        }
        if is_touched {
            self.put_person(batch, user, &row);
        }
        Ok((row.next_due(now), changed))
    }

    /// Follows a configuration that an entry of the time `now` put in force. Returns whether a
    /// trait has come, gone or changed what it computes. One that has changed begins anew.
    pub(crate) fn follow_config(
        &mut self,
        batch: &mut Batch<'_>,
        config: &WorkspaceConfig,
        now: Timestamp,
    ) -> bool {
        let gone: Vec<String> = self
            .by_key
            .keys()
            .filter(|key| config.computed_trait(key).is_none())
            .cloned()
            .collect();
        let mut is_changed = !gone.is_empty();
        for key in gone {
            self.by_key.remove(&key);
            batch.remove(&self.traits, trait_key(&key));
        }
        for definition in &config.computed_traits {
            let computation = Computation::new(definition).ok();
            let known = self.by_key.get(&definition.key);
            if known.is_some_and(|one| one.computation == computation && one.of == definition.of) {
                continue;
            }
            let number = self.next_number;
            self.next_number += 1;
            let json = serde_json::to_string(definition).expect("a definition is plain JSON");
            let row = TraitRow { number, made_at: now, definition: json };
            batch.put(&self.traits, trait_key(&definition.key), encode(&row));
            batch.put(&self.traits, NEXT_NUMBER_KEY, encode(&self.next_number));
            let kept = Kept { number, made_at: now, of: definition.of, computation };
            self.by_key.insert(definition.key.clone(), kept);
            is_changed = true;
        }
        is_changed
    }

    /// Forgets what is kept of a person for traits that are gone.
    pub(crate) fn forget_gone(
        &self,
        batch: &mut Batch<'_>,
        user: UserIdx,
    ) -> Result<(), StoreError> {
        let mut row = self.person(batch, user)?;
        if row.retain(|number| self.by_key.values().any(|kept| kept.number == number)) {
            self.put_person(batch, user, &row);
        }
        Ok(())
    }

    fn person(&self, read: &dyn Read, user: UserIdx) -> Result<PersonRow, StoreError> {
        let value = read.get(&self.values, &KeyBuf::new().u32(user.0).build())?;
        value.map_or_else(|| Ok(PersonRow::default()), PersonRow::decode)
    }

    fn put_person(&self, batch: &mut Batch<'_>, user: UserIdx, row: &PersonRow) {
        batch.put(&self.values, KeyBuf::new().u32(user.0), row.encode());
    }
}

impl Kept {
    /// The value in a row.
    fn value_in(&self, row: &PersonRow) -> Result<ComputedValue, StoreError> {
        Ok(match row.value(self.number) {
            Some(stored) => ComputedValue {
                value: read_exactly(stored.json.get()?).ok_or_else(unreadable)?,
                changed_at: stored.changed_at,
            },
            None => ComputedValue { value: self.value_of_nobody(), changed_at: self.made_at },
        })
    }

    /// The value for somebody without events.
    fn value_of_nobody(&self) -> Value {
        let value =
            |computation: &Computation| KeptEvents::new(computation).value(computation, AT_ONCE);
        self.computation.as_ref().map_or(Value::Null, value)
    }

    fn first_value(&self) -> StoredValue {
        StoredValue {
            number: self.number,
            json: Stored::new(self.value_of_nobody().to_string()),
            changed_at: self.made_at,
            due: None,
            events: None,
        }
    }
}

/// Reads a value, whose numbers are those that were written: `serde_json` alone may miss the last
/// digit of one.
fn read_exactly(json: &str) -> Option<Value> {
    if json.starts_with('[') {
        let list: Vec<&RawValue> = serde_json::from_str(json).ok()?;
        return list.into_iter().map(|one| read_exactly(one.get())).collect();
    }
    match serde_json::from_str(json).ok()? {
        Value::Number(number) if number.is_f64() => json.parse::<f64>().ok().map(Value::from),
        other => Some(other),
    }
}

/// What is kept for a computation that asks for names and times alone.
fn from_names(computation: &Computation, history: &[NamedEvent]) -> KeptEvents {
    let mut kept = KeptEvents::new(computation);
    for NamedEvent { name, timestamp, .. } in history {
        let properties = Map::new();
        let event = Event { name: name.clone(), timestamp: *timestamp, properties };
        if let Some(contribution) = computation.contribution(&event) {
            kept.add(computation, &contribution);
        }
    }
    kept
}

fn trait_key(key: &str) -> KeyBuf {
    KeyBuf::new().u8(1).text(key)
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain fields always encode")
}

fn decode<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| unreadable())
}

fn unreadable() -> StoreError {
    StoreError::Unreadable { what: "computed trait" }
}
