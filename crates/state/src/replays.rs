//! Replays: spans of the journal that are sent once more, with how far each came. They are kept
//! here so that one that was cancelled, or ended with its server, goes on where it stopped.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};
use uuid::Uuid;

use crate::destinations::Destinations;
use crate::part::{StatePart, counts_nothing, has_no_users};
use crate::people::{NamedPeople, without_ids};
use crate::refusal::{CommandResult, Refusal};

const REPLAYS: &str = "state.replays";

/// The most replays that are kept. The ones that were started first go first.
pub const REPLAYS_KEPT_MAX: usize = 50;

/// A step of a replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ReplayCommand {
    /// A replay begins.
    Start {
        /// The id of the replay.
        id: Uuid,
        /// The destination that gets the messages; none where another workspace does.
        destination: Option<String>,
        /// What was asked for, as JSON text, for people and to go on.
        request: String,
        /// The offset of the first entry of the span.
        from: u64,
        /// The offset behind the last entry of the span.
        until: u64,
    },
    /// A destination shall get a message once more.
    Message {
        /// The id of the replay.
        id: Uuid,
        /// The destination.
        destination: String,
        /// The offset of the message.
        offset: u64,
    },
    /// A replay came further, or ended.
    Note {
        /// The id of the replay.
        id: Uuid,
        /// The offset of the first entry that it has not passed.
        reached: u64,
        /// Messages that another workspace got since the last note.
        replayed: u64,
        /// Whether it has come to the end of its span.
        is_done: bool,
    },
}

/// A replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// Its id.
    pub id: Uuid,
    /// The destination that gets the messages; none where another workspace does.
    pub destination: Option<String>,
    /// What was asked for, as JSON text.
    pub request: String,
    /// The offset of the entry that started it.
    pub started_offset: u64,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it was last heard of.
    pub noted_at: Timestamp,
    /// The offset of the first entry of the span.
    pub from: u64,
    /// The offset behind the last entry of the span.
    pub until: u64,
    /// The offset of the first entry that it has not passed.
    pub reached: u64,
    /// The number of messages that were replayed.
    pub replayed: u64,
    /// Whether it has come to the end of its span.
    pub is_done: bool,
}

/// The replays of a workspace.
pub struct Replays {
    keyspace: Keyspace,
    by_id: BTreeMap<Uuid, Replay>,
    /// Those that the batch under way has changed.
    changed: BTreeSet<Uuid>,
}

impl StatePart for Replays {
    const KEYSPACES: &'static [&'static str] = &[REPLAYS];

    has_no_users!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let keyspace = store.keyspace(REPLAYS);
        let mut by_id = BTreeMap::new();
        for pair in store.scan(&keyspace, &[]) {
            let (key, value) = pair?;
            KeyParts::new(&key).text().ok_or_else(unreadable)?;
            let replay: Replay = postcard::from_bytes(&value).map_err(|_| unreadable())?;
            by_id.insert(replay.id, replay);
        }
        Ok(Self { keyspace, by_id, changed: BTreeSet::new() })
    }

    fn flush(&mut self, batch: &mut Batch<'_>) {
        for id in std::mem::take(&mut self.changed) {
            if let Some(replay) = self.by_id.get(&id) {
                let bytes = postcard::to_stdvec(replay).expect("plain fields always encode");
                batch.put(&self.keyspace, key(id), bytes);
            }
        }
    }
}

impl Replays {
    /// Takes people who are deleted out of what was asked for.
    pub(crate) fn forget(&mut self, people: &NamedPeople) {
        for replay in self.by_id.values_mut().filter(|replay| people.are_named_in(&replay.request))
        {
            replay.request = without_ids(&replay.request, people);
            self.changed.insert(replay.id);
        }
    }

    /// The replays, the one that was started last first.
    pub fn list(&self) -> Vec<&Replay> {
        let mut all: Vec<&Replay> = self.by_id.values().collect();
        all.sort_by_key(|replay| std::cmp::Reverse(replay.started_offset));
        all
    }

    /// A replay.
    pub fn get(&self, id: Uuid) -> Option<&Replay> {
        self.by_id.get(&id)
    }

    pub(crate) fn apply(
        &mut self,
        batch: &mut Batch<'_>,
        destinations: &mut Destinations,
        command: ReplayCommand,
        offset: u64,
        at: Timestamp,
    ) -> CommandResult {
        match command {
            ReplayCommand::Start { id, destination, request, from, until } => {
                if self.by_id.contains_key(&id) {
                    return Err(Refusal::already_exists("replay", &id.to_string()));
                }
                let (started_offset, started_at) = (offset, at);
                let replay = Replay {
                    id,
                    destination,
                    request,
                    started_offset,
                    started_at,
                    noted_at: at,
                    from,
                    until,
                    reached: from,
                    replayed: 0,
                    is_done: false,
                };
                self.by_id.insert(id, replay);
                self.changed.insert(id);
                self.forget_oldest(batch);
                Ok(())
            }
            ReplayCommand::Message { id, destination, offset: message } => {
                let passed = self.pass(destinations, id, &destination, message, offset, at);
                if passed.is_err() {
                    // The destination reads the journal, not what became of its entries.
                    destinations.record_skipped(batch, offset);
                }
                passed
            }
            ReplayCommand::Note { id, reached, replayed, is_done } => {
                let replay = self.open(id)?;
                replay.reached = replay.reached.max(reached);
                replay.replayed += replayed;
                (replay.is_done, replay.noted_at) = (is_done, at);
                self.changed.insert(id);
                Ok(())
            }
        }
    }

    /// Counts a message that its destination gets once more.
    fn pass(
        &mut self,
        destinations: &Destinations,
        id: Uuid,
        destination: &str,
        message: u64,
        offset: u64,
        at: Timestamp,
    ) -> CommandResult {
        let replay = self.open(id)?;
        if replay.destination.as_deref() != Some(destination) {
            return Err(Refusal::missing("destination of the replay", destination));
        }
        let Some(standing) = destinations.get(destination) else {
            return Err(Refusal::missing("destination", destination));
        };
        if !standing.version_at(offset).enabled {
            return Err(Refusal::Invalid(format!("destination {destination:?} is off")));
        }
        if message < replay.reached {
            let what = format!("replay {id} has passed message {message} already");
            return Err(Refusal::AlreadyExists(what));
        }
        (replay.reached, replay.noted_at) = (message + 1, at);
        replay.replayed += 1;
        self.changed.insert(id);
        Ok(())
    }

    /// A replay that has not ended.
    fn open(&mut self, id: Uuid) -> Result<&mut Replay, Refusal> {
        let open = self.by_id.get_mut(&id).filter(|replay| !replay.is_done);
        open.ok_or_else(|| Refusal::missing("replay under way", &id.to_string()))
    }

    fn forget_oldest(&mut self, batch: &mut Batch<'_>) {
        if self.by_id.len() <= REPLAYS_KEPT_MAX {
            return;
        }
        let oldest = self.by_id.values().min_by_key(|replay| replay.started_offset);
        if let Some(id) = oldest.map(|replay| replay.id) {
            self.by_id.remove(&id);
            batch.remove(&self.keyspace, key(id));
        }
    }
}

fn key(id: Uuid) -> KeyBuf {
    KeyBuf::new().text(&id.to_string())
}

fn unreadable() -> StoreError {
    StoreError::Unreadable { what: "replays" }
}
