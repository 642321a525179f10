//! The receipt of a regulation: what was removed where, what is left, and the proof.

use domain::Timestamp;
use serde::{Deserialize, Serialize};
use state::{Regulation, RegulationStatus, RegulationType};
use uuid::Uuid;

use super::forwarding::DestinationAnswer;
use super::scan::ScanReport;

/// What was done for a regulation. It holds no id of a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Receipt {
    /// The regulation.
    pub id: Uuid,
    /// What was asked for.
    #[serde(rename = "type")]
    pub type_: RegulationType,
    /// How it ended.
    pub status: RegulationStatus,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// How many regulations were done in one pass with it. `recounted`, what was erased from the
    /// journal, `store_files`, `files` and the search are of all of them together; the rest is of
    /// this one alone. 1 where it was alone.
    #[serde(default = "alone")]
    pub regulations: u32,
    /// Whether it was interrupted while it deleted and went on: `recounted`, what was erased from
    /// the journal, `store_files` and `files` are counted since then only.
    #[serde(default)]
    pub resumed: bool,
    /// How many people were named: whoever was named twice counts once.
    pub people: u32,
    /// How many ids they have in all.
    pub ids: u64,
    /// How many of their ids are suppressed by it, or free again.
    pub suppressed_ids: u64,
    /// What was removed from profiles, histories and lists.
    pub state: DeletedState,
    /// Values of computed traits of others that named them: they are worked out anew.
    #[serde(default)]
    pub recounted: u64,
    /// What was erased from the journal.
    pub journal: ErasedJournal,
    /// Files of the store that were written anew, since they may have held what was removed.
    pub store_files: u64,
    /// The place in the journal before which nothing of them is left; none where nothing was
    /// deleted.
    #[serde(default)]
    pub erased_until: Option<u64>,
    /// The position of the snapshot of the state that takes the place of the ones before; none
    /// where nothing was deleted.
    pub snapshot: Option<u64>,
    /// Files that were removed.
    pub files: RemovedFiles,
    /// Model artifacts that are kept: they hold items and no people, which the search has proved.
    pub models: u64,
    /// What lists still have of what they did; none where nothing was deleted.
    #[serde(default)]
    pub contribution: Option<ModelContribution>,
    /// What each destination answered.
    pub destinations: Vec<DestinationAnswer>,
    /// What is left to be done, in sentences.
    pub left: Vec<String>,
    /// The search of every file for the ids; none where nothing was deleted.
    pub scan: Option<ScanReport>,
    /// The error that ended it before its end.
    pub error: Option<String>,
}

impl Receipt {
    /// That of a regulation whose ids are lost.
    pub(super) fn of_lost(regulation: &Regulation, now: Timestamp) -> Self {
        let error = "its ids are lost: it was under way in the backup that this workspace comes from; ask for it again";
        Self {
            status: RegulationStatus::Failed,
            error: Some(error.to_owned()),
            ..Self::new(
                regulation.id,
                regulation.type_,
                regulation.n_people,
                regulation.requested_at,
                now,
            )
        }
    }

    /// An empty one.
    pub(super) fn new(
        id: Uuid,
        type_: RegulationType,
        people: u32,
        requested_at: Timestamp,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            type_,
            status: RegulationStatus::Running,
            requested_at,
            finished_at: now,
            regulations: 1,
            resumed: false,
            people,
            ids: 0,
            suppressed_ids: 0,
            state: DeletedState::default(),
            recounted: 0,
            journal: ErasedJournal::default(),
            store_files: 0,
            erased_until: None,
            snapshot: None,
            files: RemovedFiles::default(),
            models: 0,
            contribution: None,
            destinations: Vec::new(),
            left: Vec::new(),
            scan: None,
            error: None,
        }
    }
}

fn alone() -> u32 {
    1
}

/// What the model in use has learned from the interactions of people who were deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ModelContribution {
    /// No model is in use.
    NoModel,
    /// The model in use is from before the deletion. The next training is due.
    Due,
    /// A training since the deletion was refused, and the model from before stays in use until a
    /// later one is accepted.
    Refused {
        /// When that training ended.
        at: Timestamp,
        /// The reason.
        why: String,
    },
    /// A training since the deletion has made the model in use.
    Gone {
        /// When the first such training ended.
        at: Timestamp,
    },
}

/// What was removed from the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeletedState {
    /// Profiles.
    pub profiles: u64,
    /// Messages of their timelines.
    pub messages: u64,
    /// Interactions.
    pub interactions: u64,
    /// Dead letters of destinations that had been sent again.
    pub dead_letters: u64,
}

/// What was erased from the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ErasedJournal {
    /// Entries that were read.
    pub entries: u64,
    /// Entries of which nothing or a part is left.
    pub erased: u64,
    /// Segments that were written anew.
    pub segments: u64,
    /// Bytes that were read, as they are stored.
    pub read_bytes: u64,
    /// Bytes that were written.
    pub written_bytes: u64,
    /// Files of torn tails that were removed.
    pub torn_files: u64,
}

/// Files outside of the workspace's own that were removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RemovedFiles {
    /// Files of exports that waited to be downloaded.
    pub exports: u64,
    /// Uploaded files that waited to be imported.
    pub uploads: u64,
}
