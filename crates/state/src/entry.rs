//! What the journal holds: every fact that changes the state of a workspace.
//!
//! An entry is a version, the version of the build that wrote it, and its form in [`wire`]: three
//! MessagePack values in a row. Entries of earlier builds are read as well ([`v5`]), so that segments
//! of several versions lie side by side in one journal.

mod inspect;
mod v5;
mod wire;

use catalog::ItemRow;
use domain::{Column, Interaction, Message, Rejection, Timestamp, WorkspaceConfig};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use inspect::written_by;

use crate::TrainingRecord;
use crate::attribution::ListImpression;
use crate::command::{Command, Refusal};

/// The version of the encoding. New fields and variants do not change it.
const VERSION: u8 = 6;
/// The version that had no names.
const VERSION_POSITIONAL: u8 = 5;
/// The most interactions of one entry.
pub const INTERACTIONS_PER_ENTRY_MAX: usize = 1_000;
/// The most items of one entry.
pub const ITEMS_PER_ENTRY_MAX: usize = 500;

/// The version of this build, which it writes into each entry.
const BUILD: &str = env!("CARGO_PKG_VERSION");

/// Room for a message as most sources send them, in bytes.
const ENTRY_BYTES_USUAL: usize = 512;

/// One entry. It carries every time and every id that the fold needs; the fold makes none.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a configuration comes once in thousands of entries")]
pub enum Entry {
    /// The workspace is set up this way from now on.
    Configured(WorkspaceConfig),
    /// A message arrived and passed the form check.
    Message(Box<Message>),
    /// A message arrived and did not pass.
    Rejected(Box<Rejection>),
    /// Interactions were imported.
    Interactions {
        /// When.
        received_at: Timestamp,
        /// At most [`crate::INTERACTIONS_PER_ENTRY_MAX`].
        interactions: Vec<Interaction>,
    },
    /// A new version of the catalog begins.
    CatalogStaged {
        /// Names the import: several may be under way, each with a version of its own. Nil in entries of builds that made
        /// one after the other.
        import: Uuid,
        /// Its properties.
        columns: Vec<Column>,
    },
    /// Items of the version that has begun.
    CatalogItems {
        /// The import.
        import: Uuid,
        /// At most [`crate::ITEMS_PER_ENTRY_MAX`].
        rows: Vec<ItemRow>,
    },
    /// The version that has begun is whole and becomes the current one.
    CatalogActivated {
        /// The import.
        import: Uuid,
        /// When.
        received_at: Timestamp,
    },
    /// A model was trained; it is used from now on unless it was refused.
    Trained(Box<TrainingRecord>),
    /// The model of an earlier run is used from now on.
    ModelActivated {
        /// When.
        received_at: Timestamp,
        /// Which.
        version: String,
    },
    /// Lists were given to users.
    ListImpressions {
        /// In the order of time.
        lists: Vec<ListImpression>,
    },
    /// Writing works again after the disk was full.
    Resumed {
        /// When.
        received_at: Timestamp,
    },
    /// A client of the recommender API asked for a change.
    Command {
        /// When.
        received_at: Timestamp,
        /// Which.
        command: Box<Command>,
    },
    /// Everything is forgotten but the configuration.
    Reset {
        /// When.
        received_at: Timestamp,
    },
    /// Time has passed, something was due, and no other entry came.
    Tick {
        /// What time it is.
        at: Timestamp,
    },
}

/// Why bytes of the journal are not an entry.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    /// Of a version that this build does not know.
    #[error(
        "the entry has version {found}, and Tastemaker {BUILD} reads versions {VERSION_POSITIONAL} and {VERSION}: use the build \
         that wrote it, or a later one"
    )]
    Version {
        /// The entry's version.
        found: u8,
    },
    /// It holds what this build does not know, and another one wrote it.
    #[error(
        "the entry was written by Tastemaker {written_by}, and Tastemaker {BUILD} cannot read it ({what}): use Tastemaker \
         {written_by} or a later one"
    )]
    OtherBuild {
        /// The version of the build that wrote it.
        written_by: String,
        /// What is not known.
        what: String,
    },
    /// No entry, though this build wrote it.
    #[error("the entry cannot be read: {0}")]
    Unreadable(String),
    /// No bytes at all.
    #[error("the entry is empty")]
    Empty,
}

impl Entry {
    /// Up to this version what a command's expressions are was decided by the fold.
    pub const UNDECIDED_VERSION_MAX: u8 = 5;

    /// When it was made, by the clock of the process that made it; none of entries that do not say.
    pub fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Message(message) => Some(message.received_at),
            Self::Rejected(rejection) => Some(rejection.received_at),
            Self::Trained(training) => Some(training.finished_at),
            Self::ListImpressions { lists } => lists.iter().map(|list| list.at).max(),
            Self::Interactions { received_at, .. }
            | Self::CatalogActivated { received_at, .. }
            | Self::ModelActivated { received_at, .. }
            | Self::Resumed { received_at }
            | Self::Command { received_at, .. }
            | Self::Reset { received_at }
            | Self::Tick { at: received_at } => Some(*received_at),
            Self::Configured(_) | Self::CatalogStaged { .. } | Self::CatalogItems { .. } => None,
        }
    }

    /// The bytes of the entry.
    pub fn encode(&self) -> Vec<u8> {
        self.encode_by(BUILD)
    }

    /// The bytes of the entry as a build of some version writes them.
    fn encode_by(&self, build: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ENTRY_BYTES_USUAL);
        bytes.push(VERSION);
        let mut to = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
        let written = build.serialize(&mut to).and_then(|()| wire::Entry::serialize(self, &mut to));
        written.expect("entries of plain fields always encode");
        bytes
    }

    /// The entry of bytes, of this version or an earlier one.
    ///
    /// # Errors
    /// [`DecodeError::OtherBuild`] where a later build has written a variant, or a key of a
    /// configuration, that this one does not know. Fields that are not known are passed over.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes.split_first() {
            None => Err(DecodeError::Empty),
            Some((&VERSION, rest)) => decode_named(rest),
            Some((&VERSION_POSITIONAL, rest)) => {
                let mut from = postcard::Deserializer::from_bytes(rest);
                v5::Entry::deserialize(&mut from).map_err(|error| DecodeError::Unreadable(error.to_string()))
            }
            Some((&found, _)) => Err(DecodeError::Version { found }),
        }
    }
}

fn decode_named(bytes: &[u8]) -> Result<Entry, DecodeError> {
    let mut from = rmp_serde::Deserializer::from_read_ref(bytes);
    let written_by =
        <&str>::deserialize(&mut from).map_err(|error| DecodeError::Unreadable(error.to_string()))?;
    wire::Entry::deserialize(&mut from).map_err(|error| match written_by {
        BUILD => DecodeError::Unreadable(error.to_string()),
        _ => DecodeError::OtherBuild { written_by: written_by.to_owned(), what: error.to_string() },
    })
}

/// A configuration as JSON text: it has the names that its keys have in files and in APIs.
mod as_json {
    use domain::WorkspaceConfig;
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(config: &WorkspaceConfig, to: S) -> Result<S::Ok, S::Error> {
        serde_json::to_string(config).map_err(S::Error::custom)?.serialize(to)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<WorkspaceConfig, D::Error> {
        let json = String::deserialize(from)?;
        serde_json::from_str(&json).map_err(D::Error::custom)
    }
}

/// What the fold made of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It changed the state.
    Applied,
    /// A message was applied, but a mapping could not make its action of it, or a limit stood against it: see the rejections.
    AppliedInPart,
    /// A message with this id was applied before.
    Duplicate,
    /// Imported interactions: how many were new, how many were there.
    Interactions {
        /// New ones.
        added: u32,
        /// Ones with a user, item, kind and timestamp that were there.
        already_there: u32,
    },
    /// Nothing is staged under the id of the import: it was given up, or is activated.
    NothingStaged,
    /// A command changed nothing.
    Refused(Refusal),
}
