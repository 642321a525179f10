//! Version 5 of the encoding: postcard, which has no names. The order of fields and variants is the
//! format.
//!
//! It is frozen, and no build writes it any more. A later field of a type stands here with
//! `#[serde(skip)]` and decodes as its default. A later variant stands last, with `#[serde(skip)]`.
//! A type that changes in another way gets a frozen copy here, with a conversion.

mod catalog;
mod command;
mod interaction;
mod message;
mod training;

use serde::{Deserialize, Deserializer};
use serde_with::As;

use self::catalog::{Column, ItemRow};
use self::command::Command;
use self::interaction::{Interaction, ListImpression};
use self::message::{Message, Rejection};
use self::training::Training;

use super::as_json;

/// Lets each form stand for its type inside lists, boxes and options.
macro_rules! forms {
    ($($form:ident = $type:ty,)*) => {$(
        impl<'de> serde_with::DeserializeAs<'de, $type> for $form {
            fn deserialize_as<D: serde::Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                $form::deserialize(from)
            }
        }
    )*};
}
use forms;

#[derive(Deserialize)]
#[serde(remote = "crate::Entry")]
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
        #[serde(skip)]
        import: uuid::Uuid,
        #[serde(with = "As::<Vec<Column>>")]
        columns: Vec<domain::Column>,
    },
    CatalogItems {
        #[serde(skip)]
        import: uuid::Uuid,
        #[serde(with = "As::<Vec<ItemRow>>")]
        rows: Vec<::catalog::ItemRow>,
    },
    CatalogActivated {
        #[serde(skip)]
        import: uuid::Uuid,
        received_at: domain::Timestamp,
        #[serde(skip)]
        catalog: Option<String>,
    },
    Trained(#[serde(deserialize_with = "read_training")] Box<crate::TrainingRecord>),
    ModelActivated {
        received_at: domain::Timestamp,
        version: String,
    },
    ListImpressions {
        #[serde(with = "As::<Vec<ListImpression>>")]
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
}

fn read_training<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Box<crate::TrainingRecord>, D::Error> {
    Ok(Box::new(Training::deserialize(from)?.into()))
}
