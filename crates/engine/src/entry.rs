//! What the journal holds: every fact that changes the state of a workspace.

use catalog::ItemRow;
use domain::{Column, Interaction, Message, Rejection, Timestamp, WorkspaceConfig};
use serde::{Deserialize, Serialize};

use crate::Training;
use crate::attribution::ServedList;
use crate::command::{Command, Refusal};

/// The version of the encoding; new kinds of entries are added at the end of [`Entry`] and do not change it.
const VERSION: u8 = 5;

/// Room for a message as most sources send them, in bytes.
const ENTRY_BYTES_USUAL: usize = 512;

/// One entry. It carries every time and every id that the fold needs; the fold makes none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "a whole configuration is rare, and messages are boxed")]
pub enum Entry {
    /// The workspace is set up this way from now on, as earlier versions journalled it: now each
    /// resource is changed by a [`Command::Configure`].
    Configured(#[serde(with = "as_json")] WorkspaceConfig),
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
        /// Its properties.
        columns: Vec<Column>,
    },
    /// Items of the version that has begun.
    CatalogItems {
        /// At most [`crate::ITEMS_PER_ENTRY_MAX`].
        rows: Vec<ItemRow>,
    },
    /// The version that has begun is whole and becomes the current one.
    CatalogActivated {
        /// When.
        received_at: Timestamp,
    },
    /// A model was trained; it is used from now on unless it was refused.
    Trained(Box<Training>),
    /// The model of an earlier run is used from now on.
    ModelActivated {
        /// When.
        received_at: Timestamp,
        /// Which.
        version: String,
    },
    /// Lists were given to users.
    Served {
        /// In the order of time.
        lists: Vec<ServedList>,
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
}

/// A configuration travels with the names of its keys, so that one that comes later does not change what was written before.
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

/// Why bytes of the journal are not an entry.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    /// Written by another version of the program.
    #[error("the entry has version {found}, this program reads version {VERSION}")]
    Version {
        /// The entry's version.
        found: u8,
    },
    /// No entry of this version.
    #[error("the entry cannot be read: {0}")]
    Unreadable(postcard::Error),
    /// No bytes at all.
    #[error("the entry is empty")]
    Empty,
}

impl Entry {
    /// When it was made, by the clock of the process that made it; none of entries that do not say.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Message(message) => Some(message.received_at),
            Self::Rejected(rejection) => Some(rejection.received_at),
            Self::Trained(training) => Some(training.finished_at),
            Self::Served { lists } => lists.iter().map(|list| list.at).max(),
            Self::Interactions { received_at, .. }
            | Self::CatalogActivated { received_at }
            | Self::ModelActivated { received_at, .. }
            | Self::Resumed { received_at }
            | Self::Command { received_at, .. }
            | Self::Reset { received_at } => Some(*received_at),
            Self::Configured(_) | Self::CatalogStaged { .. } | Self::CatalogItems { .. } => None,
        }
    }

    /// The bytes of the entry.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ENTRY_BYTES_USUAL);
        bytes.push(VERSION);
        postcard::to_extend(self, bytes).expect("entries of plain fields always encode")
    }

    /// The entry of bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes.split_first() {
            None => Err(DecodeError::Empty),
            Some((&VERSION, rest)) => postcard::from_bytes(rest).map_err(DecodeError::Unreadable),
            Some((&found, _)) => Err(DecodeError::Version { found }),
        }
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
    /// There is nothing to activate.
    NothingStaged,
    /// A command changed nothing.
    Refused(Refusal),
}
