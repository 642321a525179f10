//! Back-filling: what changed mappings make of past messages takes the place of what earlier ones
//! made. The changes are computed before they are journalled; the fold only applies them.

use domain::{Interaction, InteractionSelector, Timestamp, WeakSignalKind, WorkspaceId};
use profiles::{ExternalIdType, Origin};
use serde::{Deserialize, Serialize};
use store::key::KeyBuf;
use store::{Batch, Keyspace, Read, Store, StoreError};
use uuid::Uuid;

use crate::part::{StatePart, counts_nothing, has_no_users, writes_at_once};
use crate::refusal::{CommandResult, Refusal};

const BACK_FILLS: &str = "state.back_fills";

/// The most back-fills whose spans are remembered. One that a later one covers is forgotten.
pub const BACK_FILLS_KEPT_MAX: usize = 50;

/// A step of a back-fill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum BackFillCommand {
    /// What past messages made is replaced.
    Change {
        /// Users that are one now, and further ids of users.
        merges: Vec<UserMerge>,
        /// Users and what changes of each: at most [`crate::INTERACTIONS_PER_ENTRY_MAX`]
        /// interactions and signals together.
        users: Vec<UserBackFill>,
        /// Items that messages name now, or do not name any more.
        items: Vec<NamedItem>,
    },
    /// A back-fill has ended: all messages of its span are as its mappings have them.
    Done(BackFill),
}

impl BackFillCommand {
    /// The number of changes, at least 1.
    pub fn n_changes(&self) -> usize {
        match self {
            Self::Done(_) => 1,
            Self::Change { merges, users, items } => {
                1 + merges.len()
                    + items.len()
                    + users.iter().map(UserBackFill::n_changes).sum::<usize>()
            }
        }
    }
}

/// What a back-fill changes of a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserBackFill {
    /// The type of the external id.
    pub id_type: ExternalIdType,
    /// The external id.
    pub id: String,
    /// Whether the user is created if there is none. One that was deleted meanwhile is not.
    pub is_new: bool,
    /// Interactions that are removed, each with its time.
    pub removed: Vec<InteractionSelector>,
    /// Interactions that are added.
    pub added: Vec<Interaction>,
    /// Weak signals that are removed.
    pub removed_signals: Vec<SignalOf>,
    /// Weak signals that are added.
    pub added_signals: Vec<SignalOf>,
}

impl UserBackFill {
    /// The number of changes.
    pub fn n_changes(&self) -> usize {
        self.removed.len()
            + self.added.len()
            + self.removed_signals.len()
            + self.added_signals.len()
    }
}

/// Two ids that belong to one user now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserMerge {
    /// An id of the user that remains.
    pub target: String,
    /// An id of the user that is merged into it, or a new id of it.
    pub source: String,
}

/// A weak signal by the id of its item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SignalOf {
    /// The id of the item.
    pub item_id: String,
    /// The kind.
    pub kind: WeakSignalKind,
    /// When it was, in seconds since 1970.
    pub at_s: u32,
}

/// Which messages name an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedItem {
    /// The id of the item.
    pub item_id: String,
    /// An interaction names it.
    pub by_action: bool,
    /// A page or screen message names it.
    pub by_page: bool,
}

/// A back-fill that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackFill {
    /// Its id.
    pub id: Uuid,
    /// The offset of the first entry of the span.
    pub from: u64,
    /// The offset behind the last entry of the span.
    pub until: u64,
    /// The mappings as JSON text; none for the presets.
    pub mappings: Option<String>,
    /// The number of the set of presets.
    pub preset_set: u32,
    /// Interactions that it added.
    pub added: u64,
    /// Interactions that it removed.
    pub removed: u64,
}

/// The back-fills that messages of the journal are subject to.
pub struct BackFills {
    keyspace: Keyspace,
    /// Each with the offset and time of its end, oldest first.
    ended: Vec<(u64, Timestamp, BackFill)>,
}

impl StatePart for BackFills {
    const KEYSPACES: &'static [&'static str] = &[BACK_FILLS];

    has_no_users!();
    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let keyspace = store.keyspace(BACK_FILLS);
        let read = |pair: Result<store::Pair, StoreError>| {
            let (_, value) = pair?;
            let unreadable = |_| StoreError::Unreadable { what: "back-fills" };
            postcard::from_bytes(&value).map_err(unreadable)
        };
        let ended = store.scan(&keyspace, &[]).map(read).collect::<Result<_, StoreError>>()?;
        Ok(Self { keyspace, ended })
    }
}

impl BackFills {
    /// The back-fills, oldest first: each with the offset and the time of its end.
    pub fn list(&self) -> &[(u64, Timestamp, BackFill)] {
        &self.ended
    }

    /// Whether one more can be remembered that has this span.
    pub fn has_room(&self, from: u64, until: u64) -> bool {
        let is_kept = |other: &&(u64, Timestamp, BackFill)| !covers(from, until, &other.2);
        self.ended.iter().filter(is_kept).count() < BACK_FILLS_KEPT_MAX
    }

    pub(crate) fn add(
        &mut self,
        batch: &mut Batch<'_>,
        back_fill: BackFill,
        origin: Origin<'_>,
    ) -> CommandResult {
        if !self.has_room(back_fill.from, back_fill.until) {
            return Err(Refusal::Invalid(too_many()));
        }
        let Self { keyspace, ended } = self;
        ended.retain(|(offset, _, other)| {
            let is_covered = covers(back_fill.from, back_fill.until, other);
            if is_covered {
                batch.remove(keyspace, KeyBuf::new().u64(*offset));
            }
            !is_covered
        });
        let row = (origin.offset, origin.received_at, back_fill);
        let bytes = postcard::to_stdvec(&row).expect("plain fields always encode");
        batch.put(keyspace, KeyBuf::new().u64(origin.offset), bytes);
        ended.push(row);
        Ok(())
    }
}

/// Why no further back-fill is taken.
pub(crate) fn too_many() -> String {
    format!(
        "{BACK_FILLS_KEPT_MAX} back-fills of parts of the journal are remembered, which is the limit: back-fill all of it"
    )
}

fn covers(from: u64, until: u64, other: &BackFill) -> bool {
    from <= other.from && other.until <= until
}
