//! Entries of the journal: every fact that changes the state of a workspace.
//!
//! An encoded entry is three MessagePack values in a row: the version of the encoding, the version
//! of the build that wrote it, and its form in [`wire`]. Entries of version 5 are read as well
//! ([`v5`]), so one journal may hold segments of several versions.

mod inspect;
mod v5;
mod wire;

use catalog::ItemRow;
use domain::{Column, Interaction, Message, Rejection, Timestamp, WorkspaceConfig};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use inspect::{read_writer_build, redact_write_keys};

use crate::TrainingRecord;
use crate::answers::FoundAnswers;
use crate::attribution::ListImpression;
use crate::campaigns::CampaignEntry;
use crate::command::Command;
use crate::destinations::DeliveryProgress;
use crate::journeys::JourneyEntry;
use crate::read_history::{PersonHistory, ReadHistory};
use crate::refusal::Refusal;
use crate::sent_value::SentValue;

/// The version of the encoding. It stays the same when fields and variants are added.
const VERSION: u8 = 6;
/// The earlier version: postcard, without names of fields and variants.
const VERSION_POSITIONAL: u8 = 5;
/// The most interactions of one entry.
pub const INTERACTIONS_PER_ENTRY_MAX: usize = 1_000;
/// The most items of one entry.
pub const ITEMS_PER_ENTRY_MAX: usize = 500;

/// The version of this build. It is written into each entry.
const BUILD: &str = env!("CARGO_PKG_VERSION");

/// The initial capacity of the buffer for an encoded entry, in bytes: enough for a typical message.
const ENTRY_BYTES_USUAL: usize = 512;

/// One fact in the journal. It carries every time and every id that the fold needs, since the fold
/// has no clock and no random source.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a configuration comes once in thousands of entries")]
pub enum Entry {
    /// Replaces the whole configuration. Builds since [`Command::Configure`] only read it.
    Configured(WorkspaceConfig),
    /// A message that passed the form check.
    Message(Box<Message>),
    /// A message that failed the form check.
    Rejected(Box<Rejection>),
    /// Imported interactions.
    Interactions {
        /// When the import submitted them.
        received_at: Timestamp,
        /// At most [`crate::INTERACTIONS_PER_ENTRY_MAX`].
        interactions: Vec<Interaction>,
    },
    /// An import starts to stage a new version of the catalog.
    CatalogStaged {
        /// The id of the import. Several imports may run at once, each with a version of its own.
        /// Nil in entries of builds that allowed only one at a time.
        import: Uuid,
        /// The properties of the items, in the order of the values of each row.
        columns: Vec<Column>,
    },
    /// Items of a staged version.
    CatalogItems {
        /// The import that staged the version.
        import: Uuid,
        /// At most [`crate::ITEMS_PER_ENTRY_MAX`].
        rows: Vec<ItemRow>,
    },
    /// A staged version is complete and becomes the current one.
    CatalogActivated {
        /// The import that staged the version.
        import: Uuid,
        /// When the import ended.
        received_at: Timestamp,
        /// The catalog whose items it takes the place of; none for the one of all items that no
        /// catalog names, as in entries of builds that had only that one.
        catalog: Option<String>,
    },
    /// A training run ended. Its model becomes the active one unless it was refused.
    Trained(Box<TrainingRecord>),
    /// The model of an earlier training run becomes the active one.
    ModelActivated {
        /// The time of the request.
        received_at: Timestamp,
        /// The version of the model.
        version: String,
    },
    /// Lists that were shown to users.
    ListImpressions {
        /// Ordered by time.
        lists: Vec<ListImpression>,
    },
    /// The journal can be written again after a failure, such as a full disk.
    Resumed {
        /// When the write was tried.
        received_at: Timestamp,
    },
    /// A change that a client requested. The fold accepts or refuses it.
    Command {
        /// When the request arrived.
        received_at: Timestamp,
        /// The change.
        command: Box<Command>,
    },
    /// Deletes everything but the configuration.
    Reset {
        /// When the request arrived.
        received_at: Timestamp,
    },
    /// A destination came further.
    Delivered(Box<DeliveryProgress>),
    /// Stood for people who were deleted. Nothing of it is left but its time, by which later
    /// entries are understood.
    Erased {
        /// The time of the entry; none for kinds that carry no time.
        at: Option<Timestamp>,
    },
    /// Lets time pass: a timer is due and no other entry arrived.
    Tick {
        /// The current time of the writer's clock.
        at: Timestamp,
    },
    /// A value of a person changed and goes to destinations.
    Sync(Box<SentValue>),
    /// The past of people was read for an audience or a computed trait.
    ReadHistory(Box<ReadHistory>),
    /// A condition that follows from a model holds for people now, or no longer.
    Found(Box<FoundAnswers>),
    /// A fact about a campaign.
    Campaign(Box<CampaignEntry>),
    /// A fact about a journey.
    Journey(Box<JourneyEntry>),
}

/// Errors of decoding entries.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    /// The version of the encoding is unknown to this build.
    #[error(
        "the entry has version {found}, and Tastemaker {BUILD} reads versions {VERSION_POSITIONAL} and {VERSION}: use the build \
         that wrote it, or a later one"
    )]
    Version {
        /// The version in the entry.
        found: u8,
    },
    /// The entry holds a variant or a key that is unknown to this build. Another build wrote it.
    #[error(
        "the entry was written by Tastemaker {written_by}, and Tastemaker {BUILD} cannot read it ({what}): use Tastemaker \
         {written_by} or a later one"
    )]
    OtherBuild {
        /// The version of the build that wrote it.
        written_by: String,
        /// The error of the decoder, which names the unknown part.
        what: String,
    },
    /// The bytes are malformed, although this build or one of version 5 wrote them.
    #[error("the entry cannot be read: {0}")]
    Unreadable(String),
    /// There are no bytes.
    #[error("the entry is empty")]
    Empty,
}

impl Entry {
    /// The last version whose commands were journalled before their expressions were checked.
    /// [`crate::LateDecision`] holds the result of the check for them.
    pub const UNDECIDED_VERSION_MAX: u8 = 5;

    /// The time at which it was written, by the writer's clock. None for kinds that carry no time.
    pub fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Message(message) => Some(message.received_at),
            Self::Rejected(rejection) => Some(rejection.received_at),
            Self::Trained(training) => Some(training.finished_at),
            Self::Delivered(progress) => Some(progress.at),
            Self::Sync(value) => Some(value.at),
            Self::Campaign(entry) => Some(entry.at()),
            Self::Journey(entry) => Some(entry.at()),
            Self::ReadHistory(read) => Some(read.at),
            Self::Found(found) => Some(found.at),
            Self::ListImpressions { lists } => lists.iter().map(|list| list.at).max(),
            Self::Erased { at } => *at,
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

    /// How many imported interactions it has.
    pub(crate) fn n_interactions(&self) -> u32 {
        match self {
            Self::Interactions { interactions, .. } => interactions.len() as u32,
            _ => 0,
        }
    }

    /// Encodes the entry in the current version.
    pub fn encode(&self) -> Vec<u8> {
        self.encode_as_build(BUILD)
    }

    /// As [`Self::encode`], in the name of a build of version `build`.
    fn encode_as_build(&self, build: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ENTRY_BYTES_USUAL);
        bytes.push(VERSION);
        let mut to = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
        let written = build.serialize(&mut to).and_then(|()| wire::Entry::serialize(self, &mut to));
        written.expect("entries of plain fields always encode");
        bytes
    }

    /// Decodes an entry of the current version or of version 5. Unknown fields are ignored.
    ///
    /// # Errors
    /// [`DecodeError::OtherBuild`] if a later build wrote a variant, or a key of a configuration,
    /// that is unknown to this one.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes.split_first() {
            None => Err(DecodeError::Empty),
            Some((&VERSION, rest)) => decode_named(rest),
            Some((&VERSION_POSITIONAL, rest)) => {
                let mut from = postcard::Deserializer::from_bytes(rest);
                v5::Entry::deserialize(&mut from)
                    .map_err(|error| DecodeError::Unreadable(error.to_string()))
            }
            Some((&found, _)) => Err(DecodeError::Version { found }),
        }
    }
}

/// The size of the past of a person in an entry, in bytes.
pub fn encoded_history_bytes(person: &PersonHistory) -> usize {
    let mut bytes = Vec::new();
    let mut to = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    let written = wire::PersonHistory::serialize(person, &mut to);
    written.expect("entries of plain fields always encode");
    bytes.len()
}

fn decode_named(bytes: &[u8]) -> Result<Entry, DecodeError> {
    let mut from = rmp_serde::Deserializer::from_read_ref(bytes);
    let written_by = <&str>::deserialize(&mut from)
        .map_err(|error| DecodeError::Unreadable(error.to_string()))?;
    wire::Entry::deserialize(&mut from).map_err(|error| match written_by {
        BUILD => DecodeError::Unreadable(error.to_string()),
        _ => DecodeError::OtherBuild { written_by: written_by.to_owned(), what: error.to_string() },
    })
}

/// Encodes a configuration as JSON text, with the keys that files and APIs have.
mod as_json {
    use domain::WorkspaceConfig;
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        config: &WorkspaceConfig,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        serde_json::to_string(config).map_err(S::Error::custom)?.serialize(to)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(
        from: D,
    ) -> Result<WorkspaceConfig, D::Error> {
        let json = String::deserialize(from)?;
        serde_json::from_str(&json).map_err(D::Error::custom)
    }
}

/// The result of applying an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The entry was applied.
    Applied,
    /// A message was applied, but a mapping failed on it or a limit was reached. A rejection tells
    /// the reason.
    AppliedInPart,
    /// A message with the same id was applied before. This one changed nothing.
    Duplicate,
    /// Interactions were imported.
    Interactions {
        /// The number of new interactions.
        added: u32,
        /// The number of interactions whose user, item, kind and timestamp existed already.
        duplicates: u32,
        /// The number of interactions of suppressed people, which were refused.
        suppressed: u32,
    },
    /// The entry is about suppressed people alone. It changed nothing.
    Suppressed,
    /// No version is staged under the id of the import: it was abandoned or activated before.
    NothingStaged,
    /// The command, or the list impression, was refused and changed nothing.
    Refused(Refusal),
}
