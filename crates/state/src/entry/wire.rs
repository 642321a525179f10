//! The forms in which entries are written: MessagePack, with the names of fields and variants.
//!
//! The types of the program may change; what is written changes only here. Each form stands for one
//! type (`serde(remote)`) and lists all of its fields, or it does not compile. Names stay for good:
//! `tests/formats` pins them.
//!
//! - A new field: `#[serde(default)]`, with which older entries read as its default. Older builds
//!   pass over it.
//! - A new variant: at any place. Older builds refuse an entry that has it, and name the build that
//!   wrote it.
//! - A field or a variant whose meaning changes gets a new name, and the old one stays to be read.
//!
//! A configuration and a scenario are JSON texts inside, with the names that files and APIs have
//! for their keys. So is the report of a training run.

mod catalog;
mod command;
mod interaction;
mod message;
mod training;

use serde::{Deserialize, Serialize};
use serde_with::As;

use self::catalog::{Column, ItemRow};
use self::command::Command;
use self::interaction::{Interaction, ServedList};
use self::message::{Message, Rejection};
use self::training::TrainingRecord;

use super::as_json;

/// Lets a form stand for its type inside a list, a box or an option.
macro_rules! forms {
    ($($form:ident = $type:ty,)*) => {$(
        impl serde_with::SerializeAs<$type> for $form {
            fn serialize_as<S: serde::Serializer>(value: &$type, to: S) -> Result<S::Ok, S::Error> {
                $form::serialize(value, to)
            }
        }

        impl<'de> serde_with::DeserializeAs<'de, $type> for $form {
            fn deserialize_as<D: serde::Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                $form::deserialize(from)
            }
        }
    )*};
}
use forms;

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::Entry", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a configuration comes once in thousands of entries")]
pub(super) enum Entry {
    Configured(#[serde(with = "as_json")] domain::WorkspaceConfig),
    Message(#[serde(with = "As::<Box<Message>>")] Box<domain::Message>),
    Rejected(#[serde(with = "As::<Box<Rejection>>")] Box<domain::Rejection>),
    Interactions {
        received_at: domain::Timestamp,
        #[serde(with = "As::<Vec<Interaction>>")]
        interactions: Vec<domain::Interaction>,
    },
    CatalogStaged {
        #[serde(default, skip_serializing_if = "uuid::Uuid::is_nil")]
        import: uuid::Uuid,
        #[serde(with = "As::<Vec<Column>>")]
        columns: Vec<domain::Column>,
    },
    CatalogItems {
        #[serde(default, skip_serializing_if = "uuid::Uuid::is_nil")]
        import: uuid::Uuid,
        #[serde(with = "As::<Vec<ItemRow>>")]
        rows: Vec<::catalog::ItemRow>,
    },
    CatalogActivated {
        #[serde(default, skip_serializing_if = "uuid::Uuid::is_nil")]
        import: uuid::Uuid,
        received_at: domain::Timestamp,
    },
    Trained(#[serde(with = "As::<Box<TrainingRecord>>")] Box<crate::TrainingRecord>),
    ModelActivated {
        received_at: domain::Timestamp,
        version: String,
    },
    #[serde(rename = "served")]
    ListImpressions {
        #[serde(with = "As::<Vec<ServedList>>")]
        lists: Vec<crate::ListImpression>,
    },
    Resumed {
        received_at: domain::Timestamp,
    },
    Command {
        received_at: domain::Timestamp,
        #[serde(with = "As::<Box<Command>>")]
        command: Box<crate::Command>,
    },
    Reset {
        received_at: domain::Timestamp,
    },
    Tick {
        at: domain::Timestamp,
    },
}
