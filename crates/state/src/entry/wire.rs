//! The encoded forms of entries: MessagePack, with the names of fields and variants.
//!
//! The types of the program may change; the encoding changes only here. Each form stands for one
//! type (`serde(remote)`) and must list all of its fields to compile. Names are permanent: the
//! tests in `tests/formats` of `engine` pin them.
//!
//! - A new field gets `#[serde(default)]`: older entries decode with its default. Older builds
//!   ignore it.
//! - A new variant may stand at any place. Older builds refuse entries with it, and their error
//!   names the build that wrote them.
//! - A field or a variant whose meaning changes gets a new name. The old one stays readable.
//!
//! Configurations, scenarios and the reports of training runs are JSON texts, with the keys that
//! files and APIs have.

mod answers;
mod campaign;
mod catalog;
mod command;
mod delivery;
mod history;
mod interaction;
mod journey;
mod message;
mod replay;
mod sync;
mod training;

use serde::{Deserialize, Serialize};
use serde_with::As;

use self::answers::FoundAnswers;
use self::campaign::CampaignEntry;
use self::catalog::{Column, ItemRow};
use self::command::Command;
use self::delivery::DeliveryProgress;
pub(super) use self::history::PersonHistory;
use self::history::ReadHistory;
use self::interaction::{Interaction, ListImpression};
use self::journey::JourneyEntry;
use self::message::{Message, Rejection};
use self::sync::SentValue;
use self::training::TrainingRecord;

use super::as_json;

/// Lets each form stand for its type inside lists, boxes and options.
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        catalog: Option<String>,
    },
    Trained(#[serde(with = "As::<Box<TrainingRecord>>")] Box<crate::TrainingRecord>),
    ModelActivated {
        received_at: domain::Timestamp,
        version: String,
    },
    #[serde(rename = "served")]
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
    Delivered(#[serde(with = "As::<Box<DeliveryProgress>>")] Box<crate::DeliveryProgress>),
    Erased {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<domain::Timestamp>,
    },
    Tick {
        at: domain::Timestamp,
    },
    Sync(#[serde(with = "As::<Box<SentValue>>")] Box<crate::SentValue>),
    ReadHistory(#[serde(with = "As::<Box<ReadHistory>>")] Box<crate::ReadHistory>),
    Found(#[serde(with = "As::<Box<FoundAnswers>>")] Box<crate::FoundAnswers>),
    Campaign(#[serde(with = "As::<Box<CampaignEntry>>")] Box<crate::CampaignEntry>),
    Journey(#[serde(with = "As::<Box<JourneyEntry>>")] Box<crate::JourneyEntry>),
}
