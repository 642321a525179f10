//! Regulations: what was asked for about people's data, and whose new data is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Timestamp, WorkspaceId};
use profiles::{ExternalIdType, Origin};
use serde::{Deserialize, Serialize};
use store::key::KeyBuf;
use store::{Batch, Keyspace, Read, Store, StoreError};
use uuid::Uuid;

use crate::part::{StatePart, counts_nothing, has_no_users, writes_at_once};
use crate::refusal::{CommandResult, Refusal};
use crate::suppressed::{HASH_BYTES, PersonHash, PersonKey, Suppressed, SuppressedId};

/// The keyspaces survive a reset: nobody becomes welcome again by one.
pub(crate) const KEPT_BY_RESETS: [&str; 3] = [REGULATIONS, RECEIPTS, SUPPRESSED];
const REGULATIONS: &str = "state.regulations";
const RECEIPTS: &str = "state.receipts";
const SUPPRESSED: &str = "state.suppressed";

/// The most regulations that are kept with their receipts. The oldest go first.
pub const REGULATIONS_KEPT_MAX: usize = 10_000;
/// The most ids of one entry.
pub const IDS_PER_REGULATION_ENTRY_MAX: usize = 5_000;
/// The most values of others of one entry.
pub const VALUES_PER_RECOUNT_MAX: usize = 500;
/// The longest receipt, in bytes.
pub const RECEIPT_BYTES_MAX: usize = 64 * 1_024;
/// What is asked for, by the names that customer data platforms use.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RegulationType {
    /// New data is refused, what is there stays.
    SuppressOnly,
    /// New data is taken again.
    Unsuppress,
    /// What is there is deleted.
    DeleteInternal,
    /// What is there is deleted, and new data refused.
    SuppressWithDeleteInternal,
    /// What is there is deleted, and destinations are told.
    DeleteOnly,
    /// What is there is deleted, new data refused, and destinations are told.
    SuppressWithDelete,
}

impl RegulationType {
    /// Every type.
    pub const ALL: [Self; 6] = [
        Self::SuppressOnly,
        Self::Unsuppress,
        Self::DeleteInternal,
        Self::SuppressWithDeleteInternal,
        Self::DeleteOnly,
        Self::SuppressWithDelete,
    ];

    /// The word in APIs.
    pub fn word(self) -> &'static str {
        match self {
            Self::SuppressOnly => "SUPPRESS_ONLY",
            Self::Unsuppress => "UNSUPPRESS",
            Self::DeleteInternal => "DELETE_INTERNAL",
            Self::SuppressWithDeleteInternal => "SUPPRESS_WITH_DELETE_INTERNAL",
            Self::DeleteOnly => "DELETE_ONLY",
            Self::SuppressWithDelete => "SUPPRESS_WITH_DELETE",
        }
    }

    /// Whether new data is refused from then on.
    pub fn suppresses(self) -> bool {
        matches!(
            self,
            Self::SuppressOnly | Self::SuppressWithDeleteInternal | Self::SuppressWithDelete
        )
    }

    /// Whether what is there is deleted.
    pub fn deletes(self) -> bool {
        !matches!(self, Self::SuppressOnly | Self::Unsuppress)
    }

    /// Whether destinations are told to delete.
    pub fn forwards(self) -> bool {
        matches!(self, Self::DeleteOnly | Self::SuppressWithDelete)
    }
}

/// Where a regulation stands, by the names that customer data platforms use.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RegulationStatus {
    /// It was taken and has not begun.
    Initialized,
    /// It is under way.
    Running,
    /// All of it is done, but for a destination that failed or cannot delete.
    PartialSuccess,
    /// It ended before its end.
    Failed,
    /// All of it is done.
    Finished,
}

/// Something that was asked for about people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regulation {
    /// The id.
    pub id: Uuid,
    /// What is asked for.
    pub type_: RegulationType,
    /// How many people were named.
    pub n_people: u32,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Where it stands.
    pub status: RegulationStatus,
    /// When it ended; none while it is under way.
    pub finished_at: Option<Timestamp>,
}

/// A step of a regulation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RegulationCommand {
    /// It was taken. The first one of a workspace brings the key of its hashes.
    Begin {
        /// The id.
        id: Uuid,
        /// What is asked for.
        type_: RegulationType,
        /// How many people were named.
        n_people: u32,
        /// The key of the workspace, where it has none yet.
        key: Option<Vec<u8>>,
    },
    /// Refuses new data of people.
    Suppress {
        /// The regulation.
        id: Uuid,
        /// All their ids, at most [`IDS_PER_REGULATION_ENTRY_MAX`].
        ids: Vec<SuppressedId>,
    },
    /// Takes new data of people again.
    Unsuppress {
        /// The regulation.
        id: Uuid,
        /// An id of each; all ids that were suppressed with it become free.
        ids: Vec<PersonHash>,
    },
    /// Deletes people from the state. When the journal is written anew, this entry loses the ids.
    Delete {
        /// The regulation.
        id: Uuid,
        /// Their user ids.
        user_ids: Vec<String>,
        /// Their anonymous ids.
        anonymous_ids: Vec<String>,
        /// Their ids of other types.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        other_ids: Vec<(ExternalIdType, String)>,
    },
    /// Works out values of others anew that name people who were deleted before.
    Recount {
        /// The regulation.
        id: Uuid,
        /// The values, at most [`VALUES_PER_RECOUNT_MAX`].
        values: Vec<NamingValue>,
    },
    /// It has ended.
    End {
        /// The regulation.
        id: Uuid,
        /// Whether all of it was done.
        status: RegulationStatus,
        /// JSON text of the receipt, at most [`RECEIPT_BYTES_MAX`].
        receipt: String,
    },
}

impl RegulationCommand {
    /// How many people it names by their ids.
    pub(crate) fn n_named(&self) -> usize {
        match self {
            Self::Delete { user_ids, anonymous_ids, other_ids, .. } => {
                user_ids.len() + anonymous_ids.len() + other_ids.len()
            }
            Self::Recount { values, .. } => values.len(),
            Self::Begin { .. } | Self::Suppress { .. } | Self::Unsuppress { .. } => 0,
            Self::End { .. } => 0,
        }
    }
}

/// The value of a computed trait that names somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamingValue {
    /// The key of the trait.
    pub key: String,
    /// An id of the person who has the value.
    pub person: (ExternalIdType, String),
}

/// The regulations of a workspace, in memory and in the store.
pub struct Regulations {
    regulations_keyspace: Keyspace,
    receipts_keyspace: Keyspace,
    suppressed_keyspace: Keyspace,
    by_id: BTreeMap<Uuid, Regulation>,
    /// The place in the journal before which entries of people are erased; 0 where none are.
    erased_until: u64,
    /// Who is suppressed: a copy of its own for each change.
    pub suppressed: Arc<Suppressed>,
    /// Suppressed ids by person.
    by_person: BTreeMap<PersonHash, Vec<PersonHash>>,
}

/// The key of the row that holds the key of the workspace: no id of a regulation is nil.
const KEY_ROW: Uuid = Uuid::nil();
/// The key of the row that says up to where entries are erased.
const ERASED_ROW: Uuid = Uuid::max();

impl StatePart for Regulations {
    const KEYSPACES: &'static [&'static str] = &KEPT_BY_RESETS;

    has_no_users!();
    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let mut part = Self {
            regulations_keyspace: store.keyspace(REGULATIONS),
            receipts_keyspace: store.keyspace(RECEIPTS),
            suppressed_keyspace: store.keyspace(SUPPRESSED),
            by_id: BTreeMap::new(),
            erased_until: 0,
            suppressed: Arc::default(),
            by_person: BTreeMap::new(),
        };
        for pair in store.scan(&part.regulations_keyspace, &[]) {
            let (key, value) = pair?;
            if key == KEY_ROW.as_bytes() {
                Arc::make_mut(&mut part.suppressed).key = PersonKey::new(&value);
                continue;
            }
            if key == ERASED_ROW.as_bytes() {
                part.erased_until = decode(&value)?;
                continue;
            }
            let regulation: Regulation = decode(&value)?;
            part.by_id.insert(regulation.id, regulation);
        }
        for pair in store.scan(&part.suppressed_keyspace, &[]) {
            let (key, value) = pair?;
            let hash: Option<[u8; HASH_BYTES]> = key.as_slice().try_into().ok();
            let id = PersonHash(hash.ok_or_else(unreadable)?);
            part.remember(SuppressedId { id, person: decode(&value)? });
        }
        Ok(part)
    }
}

impl Regulations {
    /// How many people are suppressed.
    pub fn n_suppressed(&self) -> usize {
        self.by_person.len()
    }

    /// The place in the journal before which entries of people are erased; 0 where none are. A
    /// fold of what is left comes to another state than the one that they led to.
    pub fn erased_until(&self) -> u64 {
        self.erased_until
    }

    /// The key of the hashes of the workspace; none before the first regulation.
    pub fn key(&self) -> Option<&PersonKey> {
        self.suppressed.key.as_ref()
    }

    /// All regulations, the latest first.
    pub fn list(&self) -> Vec<&Regulation> {
        let mut all: Vec<&Regulation> = self.by_id.values().collect();
        all.sort_by_key(|regulation| std::cmp::Reverse((regulation.requested_at, regulation.id)));
        all
    }

    /// A regulation.
    pub fn get(&self, id: Uuid) -> Option<&Regulation> {
        self.by_id.get(&id)
    }

    /// The receipt of a regulation as JSON text; none before its end.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn receipt(&self, read: &dyn Read, id: Uuid) -> Result<Option<String>, StoreError> {
        let bytes = read.get(&self.receipts_keyspace, &row_key(id))?;
        bytes.map(|bytes| String::from_utf8(bytes).map_err(|_| unreadable())).transpose()
    }

    /// Applies what a step does to regulations and the suppressed. What it does to other parts is
    /// done by its caller.
    pub(crate) fn apply(
        &mut self,
        batch: &mut Batch<'_>,
        command: RegulationCommand,
        origin: Origin<'_>,
    ) -> Result<CommandResult, StoreError> {
        let at = origin.received_at;
        match command {
            RegulationCommand::Begin { id, type_, n_people, key } => {
                self.begin(batch, id, type_, n_people, key, at)
            }
            RegulationCommand::Suppress { id, ids } => {
                for suppressed in ids {
                    self.suppress(batch, suppressed);
                }
                self.set_status(batch, id, RegulationStatus::Running);
                Ok(Ok(()))
            }
            RegulationCommand::Unsuppress { id, ids } => {
                ids.into_iter().for_each(|hash| self.release(batch, hash));
                self.set_status(batch, id, RegulationStatus::Running);
                Ok(Ok(()))
            }
            RegulationCommand::Recount { id, .. } => {
                self.set_status(batch, id, RegulationStatus::Running);
                Ok(Ok(()))
            }
            RegulationCommand::Delete { id, .. } => {
                self.erased_until = origin.offset + 1;
                batch.put(
                    &self.regulations_keyspace,
                    row_key(ERASED_ROW),
                    encode(&self.erased_until),
                );
                self.set_status(batch, id, RegulationStatus::Running);
                Ok(Ok(()))
            }
            RegulationCommand::End { id, status, receipt } => {
                let Some(regulation) = self.by_id.get_mut(&id) else {
                    return Ok(Err(Refusal::missing("regulation", &id.to_string())));
                };
                regulation.status = status;
                regulation.finished_at = Some(at);
                batch.put(&self.receipts_keyspace, row_key(id), receipt.into_bytes());
                self.put(batch, id);
                Ok(Ok(()))
            }
        }
    }

    fn begin(
        &mut self,
        batch: &mut Batch<'_>,
        id: Uuid,
        type_: RegulationType,
        n_people: u32,
        key: Option<Vec<u8>>,
        at: Timestamp,
    ) -> Result<CommandResult, StoreError> {
        if self.by_id.contains_key(&id) {
            return Ok(Err(Refusal::already_exists("regulation", &id.to_string())));
        }
        // Two servers may bring a key at once: the first in the journal counts.
        if self.suppressed.key.is_none()
            && let Some(bytes) = key
            && let Some(key) = PersonKey::new(&bytes)
        {
            batch.put(&self.regulations_keyspace, row_key(KEY_ROW), bytes);
            Arc::make_mut(&mut self.suppressed).key = Some(key);
        }
        let status = RegulationStatus::Initialized;
        let regulation =
            Regulation { id, type_, n_people, requested_at: at, status, finished_at: None };
        self.by_id.insert(id, regulation);
        self.put(batch, id);
        if self.by_id.len() > REGULATIONS_KEPT_MAX {
            let ended = self.by_id.values().filter(|regulation| regulation.finished_at.is_some());
            if let Some(oldest) = ended.min_by_key(|regulation| regulation.requested_at) {
                let oldest = oldest.id;
                self.by_id.remove(&oldest);
                batch.remove(&self.regulations_keyspace, row_key(oldest));
                batch.remove(&self.receipts_keyspace, row_key(oldest));
            }
        }
        Ok(Ok(()))
    }

    /// Refuses new data with an id. Nobody else can come to a suppressed id, so that it is of the
    /// person of whom it was suppressed before: all ids of both are those of one person, though a
    /// deletion in between has left nobody to know that by.
    fn suppress(&mut self, batch: &mut Batch<'_>, SuppressedId { id, person }: SuppressedId) {
        let before = self.suppressed.ids.get(&id).copied().filter(|before| *before != person);
        let same = before.and_then(|before| self.by_person.remove(&before)).unwrap_or_default();
        for id in same.into_iter().chain([id]) {
            batch.put(&self.suppressed_keyspace, id.0.to_vec(), encode(&person));
            self.remember(SuppressedId { id, person });
        }
    }

    fn remember(&mut self, SuppressedId { id, person }: SuppressedId) {
        Arc::make_mut(&mut self.suppressed).ids.insert(id, person);
        let ids = self.by_person.entry(person).or_default();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }

    /// Takes all ids of the person with this one out of the suppressed.
    fn release(&mut self, batch: &mut Batch<'_>, id: PersonHash) {
        let Some(person) = self.suppressed.ids.get(&id).copied() else { return };
        let suppressed = Arc::make_mut(&mut self.suppressed);
        for id in self.by_person.remove(&person).unwrap_or_default() {
            suppressed.ids.remove(&id);
            batch.remove(&self.suppressed_keyspace, id.0.to_vec());
        }
    }

    fn set_status(&mut self, batch: &mut Batch<'_>, id: Uuid, status: RegulationStatus) {
        let Some(regulation) = self.by_id.get_mut(&id) else { return };
        if regulation.finished_at.is_none() && regulation.status != status {
            regulation.status = status;
            self.put(batch, id);
        }
    }

    fn put(&self, batch: &mut Batch<'_>, id: Uuid) {
        batch.put(&self.regulations_keyspace, row_key(id), encode(&self.by_id[&id]));
    }
}

fn row_key(id: Uuid) -> Vec<u8> {
    let (high, low) = id.as_u64_pair();
    KeyBuf::new().u64(high).u64(low).build()
}

fn unreadable() -> StoreError {
    StoreError::Unreadable { what: "regulations" }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("records of plain fields always encode")
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| unreadable())
}
