//! Unmatched events: events that no preset matches, counted by name. Operators see that these
//! events have no effect, and which name a preset would match.

use std::collections::BTreeMap;

use domain::{MessageType, Timestamp, WorkspaceId};
use mapping::{Mappings, Suggestion};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::key::KeyBuf;
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::part::{StatePart, counts_nothing, has_no_users, writes_at_once};
use crate::people::NamedPeople;

const COUNTS: &str = "state.untaken_events";

/// The most names that are counted separately. Later names are counted together.
pub const UNMATCHED_NAMES_MAX: usize = 1_000;
/// The length to which a name is cut, in characters.
pub const UNMATCHED_NAME_CHARS_MAX: usize = 200;
/// The name under which later names are counted together.
const OTHERS: &str = "(others)";

/// The count of an event that no preset matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmatchedEvent {
    /// The type of its messages.
    pub type_: MessageType,
    /// The name, cut to [`UNMATCHED_NAME_CHARS_MAX`]; `(others)` for all names beyond the first
    /// [`UNMATCHED_NAMES_MAX`].
    pub event: String,
    /// The number of messages.
    pub count: u64,
    /// When the first message arrived.
    pub first_at: Timestamp,
    /// When the latest message arrived.
    pub last_at: Timestamp,
}

impl UnmatchedEvent {
    /// A preset that matches a similar event; none if no preset is close.
    pub fn suggestion(&self) -> Option<Suggestion> {
        mapping::suggest(self.type_, &self.event)
    }

    /// The JSON form in APIs and commands, with the suggestion.
    pub fn to_json(&self) -> Value {
        let suggestion = self.suggestion().map(|suggestion| {
            let example: Value = serde_json::from_str(suggestion.example).unwrap_or_default();
            json!({ "preset": suggestion.preset, "presets": suggestion.set, "example": example })
        });
        json!({
            "type": self.type_,
            "event": self.event,
            "count": self.count,
            "first_at": self.first_at.to_string(),
            "last_at": self.last_at.to_string(),
            "would_be_taken_by": suggestion,
        })
    }
}

/// Unmatched events by type and name, in memory and in the store.
pub struct UnmatchedEvents {
    keyspace: Keyspace,
    by_name: BTreeMap<(MessageType, String), UnmatchedEvent>,
}

impl StatePart for UnmatchedEvents {
    const KEYSPACES: &'static [&'static str] = &[COUNTS];

    has_no_users!();
    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let keyspace = store.keyspace(COUNTS);
        let mut by_name = BTreeMap::new();
        for pair in store.scan(&keyspace, &[]) {
            let unreadable = |_| StoreError::Unreadable { what: "count of an event" };
            let event: UnmatchedEvent = postcard::from_bytes(&pair?.1).map_err(unreadable)?;
            by_name.insert((event.type_, event.event.clone()), event);
        }
        Ok(Self { keyspace, by_name })
    }
}

impl UnmatchedEvents {
    pub(crate) fn add(
        &mut self,
        batch: &mut Batch<'_>,
        type_: MessageType,
        event: &str,
        at: Timestamp,
    ) {
        let mut key = (type_, event.chars().take(UNMATCHED_NAME_CHARS_MAX).collect::<String>());
        if self.by_name.len() >= UNMATCHED_NAMES_MAX && !self.by_name.contains_key(&key) {
            key.1 = OTHERS.to_owned();
        }
        let stored = KeyBuf::new().u8(key.0 as u8).text(&key.1);
        let new =
            || UnmatchedEvent { type_, event: key.1.clone(), count: 0, first_at: at, last_at: at };
        let counted = self.by_name.entry(key.clone()).or_insert_with(new);
        counted.count += 1;
        counted.last_at = counted.last_at.max(at);
        batch.put(
            &self.keyspace,
            stored,
            postcard::to_stdvec(counted).expect("plain fields always encode"),
        );
    }

    /// Deletes the events whose names name people.
    pub(crate) fn forget(&mut self, batch: &mut Batch<'_>, people: &NamedPeople) {
        let keyspace = &self.keyspace;
        self.by_name.retain(|key, _| {
            let is_named = people.are_named_in(&key.1);
            if is_named {
                batch.remove(keyspace, KeyBuf::new().u8(key.0 as u8).text(&key.1));
            }
            !is_named
        });
    }

    /// Deletes the events that mappings match from now on.
    pub(crate) fn remove_matched(&mut self, batch: &mut Batch<'_>, mappings: &Mappings) {
        let keyspace = &self.keyspace;
        self.by_name.retain(|key, _| {
            let is_matched = mappings.iter().any(|mapping| mapping.names_event(key.0, &key.1));
            if is_matched {
                batch.remove(keyspace, KeyBuf::new().u8(key.0 as u8).text(&key.1));
            }
            !is_matched
        });
    }

    /// All unmatched events, the most frequent first.
    pub fn list(&self) -> Vec<UnmatchedEvent> {
        let mut all: Vec<UnmatchedEvent> = self.by_name.values().cloned().collect();
        all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.event.cmp(&b.event)));
        all
    }
}
