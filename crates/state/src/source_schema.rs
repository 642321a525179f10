//! The schema of each source: the events and properties that it has sent, with types, counts, times
//! and a sample value. It follows from the messages that were applied.

use std::collections::BTreeMap;

use domain::json::members;
use domain::message::SAMPLE_BYTES_MAX;
use domain::{Message, MessageType, Timestamp, UserIdx, ValueType, WorkspaceConfig, WorkspaceId};
use profiles::Merge;
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing};
use crate::people::NamedPeople;

const EVENTS: &str = "state.schema_events";
const PROPERTIES: &str = "state.schema_properties";

/// The most events of a source. Messages with others are counted together.
pub const SCHEMA_EVENTS_PER_SOURCE_MAX: usize = 1_000;
/// The most properties of an event. Values of others are counted together.
pub const SCHEMA_PROPERTIES_PER_EVENT_MAX: usize = 256;
/// The most properties of a workspace.
pub const SCHEMA_PROPERTIES_MAX: usize = 20_000;
/// The most events of a workspace.
pub const SCHEMA_EVENTS_MAX: usize = 10_000;
/// The longest name of an event or property, in bytes; longer ones count among the others.
pub const SCHEMA_NAME_BYTES_MAX: usize = 200;
/// The event under which others are counted.
const OTHERS: &str = "(others)";

/// An event of a source, or all its messages of a type that has no events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenEvent {
    /// The name of the source.
    pub source: String,
    /// The type of the messages.
    pub type_: MessageType,
    /// The name of the event of track messages; `(others)` for all beyond the limits.
    pub event: Option<String>,
    /// The number of messages.
    pub count: u64,
    /// When the first message arrived.
    pub first_at: Timestamp,
    /// When the latest message arrived.
    pub last_at: Timestamp,
    /// The number of values of properties that are not listed, because there are too many.
    pub other_values: u64,
}

/// A property or a trait of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenProperty {
    /// Its name.
    pub name: String,
    /// A bit for each of [`ValueType::ALL`].
    types: u8,
    /// The number of messages with it.
    pub count: u64,
    /// When the first of them arrived.
    pub first_at: Timestamp,
    /// When the latest of them arrived.
    pub last_at: Timestamp,
    /// A value as JSON text, at most [`SAMPLE_BYTES_MAX`] bytes; none where no short one has come
    /// since a user was deleted.
    pub sample: Option<String>,
}

impl SeenProperty {
    /// The types of its values.
    pub fn types(&self) -> Vec<ValueType> {
        let is_seen = |type_: &ValueType| self.types & (1 << *type_ as u8) != 0;
        ValueType::ALL.into_iter().filter(is_seen).collect()
    }
}

/// A row with whether the batch has to write it.
struct Row<T> {
    value: T,
    is_changed: bool,
}

/// An event with its properties, which have the numbers of their places.
struct Event {
    number: u32,
    row: Row<SeenEvent>,
    properties: Vec<Row<SeenProperty>>,
    by_name: BTreeMap<String, usize>,
}

/// The events of a source by type and name.
type EventsOfSource = BTreeMap<MessageType, BTreeMap<String, Event>>;

/// The schemas of all sources, in memory and in the store.
pub struct SourceSchemas {
    events_keyspace: Keyspace,
    properties_keyspace: Keyspace,
    sources: BTreeMap<String, EventsOfSource>,
    n_events: usize,
    n_properties: usize,
    /// The number of the next event.
    next_number: u32,
    /// Source, type and name of events that changed since the last flush.
    changed: Vec<(String, MessageType, String)>,
    /// Whether any property has a sample.
    has_samples: bool,
}

impl StatePart for SourceSchemas {
    const KEYSPACES: &'static [&'static str] = &[EVENTS, PROPERTIES];

    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let mut schemas = Self {
            events_keyspace: store.keyspace(EVENTS),
            properties_keyspace: store.keyspace(PROPERTIES),
            sources: BTreeMap::new(),
            n_events: 0,
            n_properties: 0,
            next_number: 0,
            changed: Vec::new(),
            has_samples: false,
        };
        let mut properties: BTreeMap<u32, Vec<Row<SeenProperty>>> = BTreeMap::new();
        for pair in store.scan(&schemas.properties_keyspace, &[]) {
            let (key, value) = pair?;
            let number = KeyParts::new(&key).u32().ok_or(UNREADABLE)?;
            let row = Row { value: decode::<SeenProperty>(&value)?, is_changed: false };
            schemas.has_samples |= row.value.sample.is_some();
            properties.entry(number).or_default().push(row);
            schemas.n_properties += 1;
        }
        for pair in store.scan(&schemas.events_keyspace, &[]) {
            let (key, value) = pair?;
            let number = KeyParts::new(&key).u32().ok_or(UNREADABLE)?;
            let row: SeenEvent = decode(&value)?;
            let properties = properties.remove(&number).unwrap_or_default();
            let by_name = properties.iter().enumerate();
            let by_name = by_name.map(|(n, row)| (row.value.name.clone(), n)).collect();
            let name = row.event.clone().unwrap_or_default();
            let of_source = schemas.sources.entry(row.source.clone()).or_default();
            let of_type = of_source.entry(row.type_).or_default();
            let row = Row { value: row, is_changed: false };
            of_type.insert(name, Event { number, row, properties, by_name });
            schemas.n_events += 1;
            schemas.next_number = schemas.next_number.max(number + 1);
        }
        Ok(schemas)
    }

    fn merge_users(
        &mut self,
        _: &mut Batch<'_>,
        _: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    /// Drops all samples: whose values they are is not kept. The next messages bring new ones.
    fn delete_user(&mut self, batch: &mut Batch<'_>, _: UserIdx) -> Result<(), StoreError> {
        if !std::mem::take(&mut self.has_samples) {
            return Ok(());
        }
        for event in self.sources.values_mut().flat_map(BTreeMap::values_mut) {
            for event in event.values_mut() {
                for (n, row) in event.properties.iter_mut().enumerate() {
                    if row.value.sample.take().is_some() {
                        let key = KeyBuf::new().u32(event.number).u32(n as u32);
                        batch.put(&self.properties_keyspace, key, encode(&row.value));
                    }
                }
            }
        }
        Ok(())
    }

    fn flush(&mut self, batch: &mut Batch<'_>) {
        for (source, type_, name) in std::mem::take(&mut self.changed) {
            let of_source = self.sources.get_mut(&source);
            let of_type = of_source.and_then(|events| events.get_mut(&type_));
            // A change of the configuration may have removed it.
            let Some(event) = of_type.and_then(|events| events.get_mut(&name)) else { continue };
            event.row.is_changed = false;
            let key = KeyBuf::new().u32(event.number);
            batch.put(&self.events_keyspace, key, encode(&event.row.value));
            for (n, row) in event.properties.iter_mut().enumerate() {
                if std::mem::take(&mut row.is_changed) {
                    let key = KeyBuf::new().u32(event.number).u32(n as u32);
                    batch.put(&self.properties_keyspace, key, encode(&row.value));
                }
            }
        }
    }
}

impl SourceSchemas {
    /// Whether messages of a type, of any source, may have had a property or trait of a name: they
    /// had, or there are too many to tell.
    pub fn may_have_property(&self, type_: MessageType, name: &str) -> bool {
        let events =
            self.sources.values().filter_map(|of| of.get(&type_)).flat_map(BTreeMap::values);
        events
            .into_iter()
            .any(|event| event.by_name.contains_key(name) || event.row.value.other_values > 0)
    }

    /// The names of the traits that identify messages of any source have set.
    pub fn traits(&self) -> impl Iterator<Item = &str> {
        let identifies = self.sources.values().filter_map(|of| of.get(&MessageType::Identify));
        identifies
            .flat_map(BTreeMap::values)
            .flat_map(|event| event.by_name.keys())
            .map(String::as_str)
    }

    /// Counts a message with its properties.
    pub(crate) fn add(&mut self, message: &Message, at: Timestamp) {
        if !self.sources.contains_key(&message.source) {
            self.sources.insert(message.source.clone(), BTreeMap::new());
        }
        let of_source = self.sources.get_mut(&message.source).expect("it was just put in");
        let n_of_source: usize = of_source.values().map(BTreeMap::len).sum();
        let of_type = of_source.entry(message.type_).or_default();
        let mut name = message.event.as_deref().unwrap_or_default();
        if !of_type.contains_key(name) {
            let is_full =
                n_of_source >= SCHEMA_EVENTS_PER_SOURCE_MAX || self.n_events >= SCHEMA_EVENTS_MAX;
            if !name.is_empty() && (is_full || name.len() > SCHEMA_NAME_BYTES_MAX) {
                name = OTHERS;
            }
            if !of_type.contains_key(name) {
                let event = Event::new(self.next_number, message, name, at);
                of_type.insert(name.to_owned(), event);
                self.next_number += 1;
                self.n_events += 1;
            }
        }
        let event = of_type.get_mut(name).expect("it was just put in");
        if !std::mem::replace(&mut event.row.is_changed, true) {
            self.changed.push((message.source.clone(), message.type_, name.to_owned()));
        }
        let row = &mut event.row.value;
        row.count += 1;
        row.last_at = row.last_at.max(at);
        for (property, value) in message.body.as_deref().map_or_else(Vec::new, members) {
            let Some(row) = event.property(&property, &mut self.n_properties, at) else {
                event.row.value.other_values += 1;
                continue;
            };
            row.is_changed = true;
            let row = &mut row.value;
            row.count += 1;
            row.last_at = row.last_at.max(at);
            row.types |= 1 << ValueType::of_json(value.get()) as u8;
            if row.sample.is_none() && value.get().len() <= SAMPLE_BYTES_MAX {
                row.sample = Some(value.get().to_owned());
                self.has_samples = true;
            }
        }
    }

    /// Deletes the schemas of sources that the configuration does not have.
    pub(crate) fn retain_configured(&mut self, batch: &mut Batch<'_>, config: &WorkspaceConfig) {
        let gone = self.sources.extract_if(.., |source, _| config.source(source).is_none());
        let gone = gone.flat_map(|(_, of_source)| of_source).flat_map(|(_, events)| events);
        let gone = gone.map(|(_, event)| event).collect();
        self.remove_events(batch, gone);
    }

    /// Deletes the events whose names, or names of properties, name people.
    pub(crate) fn forget(&mut self, batch: &mut Batch<'_>, people: &NamedPeople) {
        let names_them = |event: &Event| {
            let name = event.row.value.event.iter();
            name.chain(event.by_name.keys()).any(|name| people.are_named_in(name))
        };
        let of_types = self.sources.values_mut().flat_map(BTreeMap::values_mut);
        let gone = of_types.flat_map(|events| {
            events.extract_if(.., |_, event| names_them(event)).collect::<Vec<_>>()
        });
        let gone = gone.map(|(_, event)| event).collect();
        self.remove_events(batch, gone);
    }

    /// Deletes the rows of events that are gone.
    fn remove_events(&mut self, batch: &mut Batch<'_>, gone: Vec<Event>) {
        for Event { number, properties, .. } in gone {
            batch.remove(&self.events_keyspace, KeyBuf::new().u32(number));
            for n in 0..properties.len() {
                batch.remove(&self.properties_keyspace, KeyBuf::new().u32(number).u32(n as u32));
            }
            self.n_events -= 1;
            self.n_properties -= properties.len();
        }
        // As after a restart: the numbers follow from the rows alone.
        let events = self.sources.values().flat_map(BTreeMap::values).flat_map(BTreeMap::values);
        self.next_number = events.map(|event| event.number + 1).max().unwrap_or(0);
    }

    /// The events of a source with their properties, by type and name.
    pub fn of_source(&self, source: &str) -> Vec<(SeenEvent, Vec<SeenProperty>)> {
        let events = self.sources.get(source).into_iter().flat_map(BTreeMap::values);
        let shown = |event: &Event| {
            let properties = event.by_name.values().map(|n| event.properties[*n].value.clone());
            (event.row.value.clone(), properties.collect())
        };
        events.flat_map(BTreeMap::values).map(shown).collect()
    }

    /// When the latest message of each source arrived, by the name of the source.
    pub fn last_messages(&self) -> BTreeMap<String, Timestamp> {
        let last = |of_source: &EventsOfSource| {
            let events = of_source.values().flat_map(BTreeMap::values);
            events.map(|event| event.row.value.last_at).max()
        };
        let sources = self.sources.iter();
        sources.filter_map(|(name, events)| Some((name.clone(), last(events)?))).collect()
    }
}

impl Event {
    fn new(number: u32, message: &Message, name: &str, at: Timestamp) -> Self {
        let value = SeenEvent {
            source: message.source.clone(),
            type_: message.type_,
            event: (!name.is_empty()).then(|| name.to_owned()),
            count: 0,
            first_at: at,
            last_at: at,
            other_values: 0,
        };
        let row = Row { value, is_changed: false };
        Self { number, row, properties: Vec::new(), by_name: BTreeMap::new() }
    }

    /// The row of a property, a new one if there is room.
    fn property(
        &mut self,
        name: &str,
        n_properties: &mut usize,
        at: Timestamp,
    ) -> Option<&mut Row<SeenProperty>> {
        if let Some(n) = self.by_name.get(name) {
            return Some(&mut self.properties[*n]);
        }
        let is_full = self.properties.len() >= SCHEMA_PROPERTIES_PER_EVENT_MAX
            || *n_properties >= SCHEMA_PROPERTIES_MAX;
        if is_full || name.len() > SCHEMA_NAME_BYTES_MAX {
            return None;
        }
        *n_properties += 1;
        self.by_name.insert(name.to_owned(), self.properties.len());
        let value = SeenProperty {
            name: name.to_owned(),
            types: 0,
            count: 0,
            first_at: at,
            last_at: at,
            sample: None,
        };
        self.properties.push(Row { value, is_changed: true });
        self.properties.last_mut()
    }
}

const UNREADABLE: StoreError = StoreError::Unreadable { what: "schema of a source" };

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain fields always encode")
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| UNREADABLE)
}
