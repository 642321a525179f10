//! Forms of commands.

use serde::{Deserialize, Serialize};
use serde_with::As;

use super::catalog::{Column, ItemRow, Property};
use super::forms;
use super::interaction::{ExternalIdType, Interaction, InteractionSelector};
use super::replay::{BackFillCommand, ReplayCommand};
use super::sync::SyncSubject;

forms! {
    Command = crate::Command,
    EntityKind = crate::EntityKind,
    CollectionKind = crate::CollectionKind,
    Member = crate::Member,
    Segmentation = crate::Segmentation,
    SegmentationKind = crate::SegmentationKind,
    Segment = crate::Segment,
    SegmentationCommand = crate::SegmentationCommand,
    RuleUpdate = crate::RuleUpdate,
    Synonym = crate::Synonym,
    SynonymCommand = crate::SynonymCommand,
    LocationCommand = crate::LocationCommand,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::Command", rename_all = "snake_case")]
pub(in crate::entry) enum Command {
    Add {
        #[serde(with = "As::<EntityKind>")]
        kind: crate::EntityKind,
        id: String,
    },
    Delete {
        #[serde(with = "As::<EntityKind>")]
        kind: crate::EntityKind,
        id: String,
    },
    SetValues {
        #[serde(with = "As::<EntityKind>")]
        kind: crate::EntityKind,
        id: String,
        values: String,
        cascade_create: bool,
    },
    AddProperty {
        #[serde(with = "As::<EntityKind>")]
        kind: crate::EntityKind,
        #[serde(with = "As::<Property>")]
        property: catalog::Property,
    },
    DeleteProperty {
        #[serde(with = "As::<EntityKind>")]
        kind: crate::EntityKind,
        name: String,
    },
    AddCollection {
        #[serde(with = "As::<CollectionKind>")]
        kind: crate::CollectionKind,
        id: String,
        cascade_create: bool,
    },
    DeleteCollection {
        #[serde(with = "As::<CollectionKind>")]
        kind: crate::CollectionKind,
        id: String,
        cascade_delete: bool,
    },
    InsertMember {
        #[serde(with = "As::<CollectionKind>")]
        kind: crate::CollectionKind,
        id: String,
        #[serde(with = "As::<Member>")]
        member: crate::Member,
        cascade_create: bool,
    },
    RemoveMember {
        #[serde(with = "As::<CollectionKind>")]
        kind: crate::CollectionKind,
        id: String,
        is_collection: bool,
        member_id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time: Option<f64>,
    },
    AddInteraction {
        #[serde(with = "As::<Interaction>")]
        interaction: domain::Interaction,
        cascade_create: bool,
    },
    DeleteInteractions {
        #[serde(with = "As::<InteractionSelector>")]
        selector: domain::InteractionSelector,
    },
    MergeUsers {
        target: String,
        source: String,
        cascade_create: bool,
    },
    RemoveExternalId {
        user_id: String,
        #[serde(with = "As::<ExternalIdType>")]
        id_type: profiles::ExternalIdType,
        id: String,
    },
    PutScenario {
        scenario: String,
    },
    DeleteScenario {
        name: String,
    },
    Segmentation(#[serde(with = "As::<SegmentationCommand>")] crate::SegmentationCommand),
    Synonym(#[serde(with = "As::<SynonymCommand>")] crate::SynonymCommand),
    ActivateCatalog {
        version: u32,
    },
    Configure(Box<crate::ConfigCommand>),
    RetryDeadLetter {
        destination: String,
        offset: u64,
        mapping: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    SyncAgain {
        #[serde(with = "As::<SyncSubject>")]
        subject: crate::SyncSubject,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        destination: Option<String>,
    },
    DropDeadLetter {
        destination: String,
        offset: u64,
        mapping: String,
    },
    Replay(#[serde(with = "As::<ReplayCommand>")] crate::ReplayCommand),
    BackFill(#[serde(with = "As::<Box<BackFillCommand>>")] Box<crate::BackFillCommand>),
    NoteFittingScenarios {
        scenarios: Vec<String>,
    },
    SwitchItem {
        id: String,
        is_on: bool,
    },
    Regulate(Box<crate::RegulationCommand>),
    Locations(#[serde(with = "As::<Box<LocationCommand>>")] Box<crate::LocationCommand>),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::LocationCommand", rename_all = "snake_case")]
pub(in crate::entry) enum LocationCommand {
    Stage {
        import: uuid::Uuid,
        catalog: String,
        #[serde(with = "As::<Vec<Column>>")]
        columns: Vec<domain::Column>,
    },
    Add {
        import: uuid::Uuid,
        #[serde(with = "As::<Vec<ItemRow>>")]
        rows: Vec<catalog::ItemRow>,
    },
    Activate {
        import: uuid::Uuid,
    },
    Remove {
        catalog: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::EntityKind", rename_all = "snake_case")]
pub(in crate::entry) enum EntityKind {
    Item,
    User,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::CollectionKind", rename_all = "snake_case")]
pub(in crate::entry) enum CollectionKind {
    Series,
    Group,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::Member")]
pub(in crate::entry) struct Member {
    is_collection: bool,
    id: String,
    time: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::Segmentation")]
pub(in crate::entry) struct Segmentation {
    id: String,
    #[serde(with = "As::<SegmentationKind>")]
    kind: crate::SegmentationKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::SegmentationKind", rename_all = "snake_case")]
pub(in crate::entry) enum SegmentationKind {
    Property {
        name: String,
    },
    AutoReql {
        expression: String,
    },
    ManualReql {
        #[serde(with = "As::<Vec<Segment>>")]
        segments: Vec<crate::Segment>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::Segment")]
pub(in crate::entry) struct Segment {
    id: String,
    filter: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::SegmentationCommand", rename_all = "snake_case")]
pub(in crate::entry) enum SegmentationCommand {
    Create(#[serde(with = "As::<Segmentation>")] crate::Segmentation),
    Update {
        id: String,
        #[serde(with = "As::<RuleUpdate>")]
        rule: crate::RuleUpdate,
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "serde_with::rust::double_option"
        )]
        title: Option<Option<String>>,
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "serde_with::rust::double_option"
        )]
        description: Option<Option<String>>,
    },
    Delete {
        id: String,
    },
    AddSegment {
        segmentation_id: String,
        #[serde(with = "As::<Segment>")]
        segment: crate::Segment,
    },
    UpdateSegment {
        segmentation_id: String,
        id: String,
        filter: String,
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "serde_with::rust::double_option"
        )]
        title: Option<Option<String>>,
    },
    DeleteSegment {
        segmentation_id: String,
        id: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::RuleUpdate", rename_all = "snake_case")]
pub(in crate::entry) enum RuleUpdate {
    Property(Option<String>),
    AutoReql(Option<String>),
    ManualReql,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::Synonym")]
pub(in crate::entry) struct Synonym {
    id: String,
    term: String,
    synonym: String,
    one_way: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::SynonymCommand", rename_all = "snake_case")]
pub(in crate::entry) enum SynonymCommand {
    Add(#[serde(with = "As::<Synonym>")] crate::Synonym),
    Delete { id: String },
    DeleteAll,
}
