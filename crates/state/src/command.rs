//! Commands of the recommender API: what each asks for, and what the fold does with it.

mod collections;
mod entities;
mod interactions;

use catalog::Property;
use domain::{Interaction, InteractionSelector, ItemIdx, UserIdx};
use profiles::Origin;
use serde::{Deserialize, Serialize};
use store::{Batch, StoreError};

use crate::configuration::ConfigCommand;
use crate::segmentations::SegmentationCommand;
use crate::series::{CollectionKind, Member};
use crate::synonyms::SynonymCommand;
use crate::views::Views;
use crate::{configuration, scenarios, segmentations, synonyms};

/// What has an id and properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntityKind {
    /// Something that can be recommended.
    Item,
    /// Somebody.
    User,
}

impl EntityKind {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Item => "item",
            Self::User => "user",
        }
    }
}

/// One change that a client of the recommender API asks for. Form and ranges are checked before; whether it fits the state, the fold says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Makes an item or a user.
    Add {
        /// Whether it is an item or a user.
        kind: EntityKind,
        /// Its id.
        id: String,
    },
    /// Deletes an item or a user with all that was done with or by it.
    Delete {
        /// Whether it is an item or a user.
        kind: EntityKind,
        /// Its id.
        id: String,
    },
    /// Sets and unsets values of properties.
    SetValues {
        /// Whether it is an item or a user.
        kind: EntityKind,
        /// The id of the item or user.
        id: String,
        /// A JSON object, as text: the properties with their values.
        values: String,
        /// Makes the item or user where it is missing.
        cascade_create: bool,
    },
    /// Makes a property.
    AddProperty {
        /// Whether items or users have it.
        kind: EntityKind,
        /// Its name, type and role.
        property: Property,
    },
    /// Deletes a property with all its values.
    DeleteProperty {
        /// Whether items or users have it.
        kind: EntityKind,
        /// The name of the property.
        name: String,
    },
    /// Makes a series or group.
    AddCollection {
        /// Whether it is an item or a user.
        kind: CollectionKind,
        /// Its id.
        id: String,
        /// Makes the item of the same id too, where it is missing.
        cascade_create: bool,
    },
    /// Deletes a series or group.
    DeleteCollection {
        /// Whether it is an item or a user.
        kind: CollectionKind,
        /// Its id.
        id: String,
        /// Deletes the item of the same id too.
        cascade_delete: bool,
    },
    /// Puts a member into a series or group.
    InsertMember {
        /// Whether it is an item or a user.
        kind: CollectionKind,
        /// Into which.
        id: String,
        /// What.
        member: Member,
        /// Makes both where they are missing.
        cascade_create: bool,
    },
    /// Takes a member out of a series or group.
    RemoveMember {
        /// Whether it is an item or a user.
        kind: CollectionKind,
        /// Out of which.
        id: String,
        /// Whether it is a series or group itself.
        is_collection: bool,
        /// The member's id.
        member_id: String,
        /// Only at this time.
        time: Option<f64>,
    },
    /// Adds an interaction.
    AddInteraction {
        /// What happened.
        interaction: Interaction,
        /// Makes user and item where they are missing.
        cascade_create: bool,
    },
    /// Deletes interactions.
    DeleteInteractions {
        /// Which.
        selector: InteractionSelector,
    },
    /// Gives all of one user to another, and forgets the first.
    MergeUsers {
        /// Who stays.
        target: String,
        /// Who is gone.
        source: String,
        /// Makes the target where it is missing.
        cascade_create: bool,
    },
    /// Makes a scenario or replaces the one of its name, as earlier versions journalled it; now it is
    /// a [`Command::Configure`].
    PutScenario {
        /// The scenario as JSON, which names its keys: what it may say will grow.
        scenario: String,
    },
    /// Deletes a scenario, as earlier versions journalled it.
    DeleteScenario {
        /// The name of the scenario.
        name: String,
    },
    /// Changes segmentations.
    Segmentation(SegmentationCommand),
    /// Changes synonyms.
    Synonym(SynonymCommand),
    /// Makes a version of the catalog current again that was so before.
    ActivateCatalog {
        /// Which.
        version: u32,
    },
    /// Remembers scenarios that fit the catalog of the moment: what is in force once they no longer do.
    NoteFittingScenarios {
        /// Each as JSON, which names its keys.
        scenarios: Vec<String>,
    },
    /// Changes a resource of the configuration.
    Configure(Box<ConfigCommand>),
}

/// Why a command changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// What it makes is there.
    AlreadyThere(String),
    /// What it is about is missing.
    NotFound(String),
    /// A value or a limit stands against it.
    Invalid(String),
    /// It expects another revision of the resource.
    Changed {
        /// The resource.
        what: String,
        /// Its revision now.
        revision: u64,
    },
}

impl Refusal {
    /// What the command is about, `word` with this id, is missing.
    pub fn missing(word: &str, id: &str) -> Self {
        Self::NotFound(format!("there is no {word} {id:?}"))
    }

    /// What the command makes, `word` with this id, is there already.
    pub fn there(word: &str, id: &str) -> Self {
        Self::AlreadyThere(format!("{word} {id:?} is there already"))
    }
}

pub(crate) type Done = Result<(), Refusal>;

/// Applies a command that arrived at `origin`'s time.
pub(crate) fn apply(
    views: &mut Views,
    batch: &mut Batch<'_>,
    command: Command,
    origin: Origin<'_>,
) -> Result<Done, StoreError> {
    let at = origin.received_at;
    Ok(match command {
        Command::Add { kind, id } => match exists(views, kind, &id) {
            true => Err(Refusal::there(kind.word(), &id)),
            false => {
                make(views, batch, kind, &id, origin);
                Ok(())
            }
        },
        Command::Delete { kind: EntityKind::Item, id } => match views.catalog.existing(&id) {
            None => Err(Refusal::missing("item", &id)),
            Some(item) => {
                delete_item(views, batch, item, &id);
                Ok(())
            }
        },
        Command::Delete { kind: EntityKind::User, id } => match user_of(views, &id) {
            None => Err(Refusal::missing("user", &id)),
            Some(user) => {
                views.delete_user(batch, user)?;
                Ok(())
            }
        },
        Command::SetValues { kind, id, values, cascade_create } => {
            entities::set_values(views, batch, kind, &id, &values, cascade_create, origin)
        }
        Command::AddProperty { kind, property } => entities::add_property(views, batch, kind, property, at),
        Command::DeleteProperty { kind, name } => {
            let is_there = match kind {
                EntityKind::Item => views.catalog.delete_property(batch, &name),
                EntityKind::User => views.users.delete_property(batch, &name),
            };
            is_there.then_some(()).ok_or_else(|| Refusal::missing("property", &name))
        }
        Command::AddCollection { kind, id, cascade_create } => {
            collections::add(views, batch, kind, &id, cascade_create, at)
        }
        Command::DeleteCollection { kind, id, cascade_delete } => {
            collections::delete(views, batch, kind, &id, cascade_delete)
        }
        Command::InsertMember { kind, id, member, cascade_create } => {
            collections::insert(views, batch, kind, &id, member, cascade_create, at)
        }
        Command::RemoveMember { kind, id, is_collection, member_id, time } => {
            let is_meant = |member: &Member| {
                member.is_collection == is_collection
                    && member.id == member_id
                    && time.is_none_or(|time| time == member.time)
            };
            match views.collections_mut(kind).remove(batch, &id, is_meant) {
                0 => Err(Refusal::NotFound(format!("{} {id:?} does not hold {member_id:?}", kind.word()))),
                _ => Ok(()),
            }
        }
        Command::AddInteraction { interaction, cascade_create } => {
            interactions::add(views, batch, interaction, cascade_create, origin)?
        }
        Command::DeleteInteractions { selector } => interactions::delete(views, batch, selector)?,
        Command::MergeUsers { target, source, cascade_create } => {
            entities::merge_users(views, batch, &target, &source, cascade_create, origin)?
        }
        Command::PutScenario { scenario } => scenarios::apply_put(views, batch, &scenario, origin.offset),
        Command::DeleteScenario { name } => scenarios::apply_delete(views, batch, name, origin.offset),
        Command::Segmentation(command) => segmentations::apply(views, batch, command),
        Command::Synonym(command) => synonyms::apply(views, batch, command),
        Command::ActivateCatalog { version } => match views.catalog.activate_previous(batch, version, at)? {
            true => Ok(()),
            false => Err(Refusal::missing("catalog version", &version.to_string())),
        },
        Command::NoteFittingScenarios { scenarios } => {
            scenarios::apply_note_fitting(views, batch, &scenarios)
        }
        Command::Configure(command) => configuration::apply(views, batch, &command, origin.offset),
    })
}

/// The user of an id of either type.
pub fn user_of(views: &Views, id: &str) -> Option<UserIdx> {
    views.profiles.ids().user_of_text(id)
}

fn exists(views: &Views, kind: EntityKind, id: &str) -> bool {
    match kind {
        EntityKind::Item => views.catalog.existing(id).is_some(),
        EntityKind::User => user_of(views, id).is_some(),
    }
}

fn make(views: &mut Views, batch: &mut Batch<'_>, kind: EntityKind, id: &str, origin: Origin<'_>) {
    match kind {
        EntityKind::Item => {
            views.catalog.set(batch, id, &[], origin.received_at);
        }
        EntityKind::User => {
            views.profiles.resolve_text(batch, id, origin);
        }
    }
}

fn delete_item(views: &mut Views, batch: &mut Batch<'_>, item: ItemIdx, id: &str) {
    views.catalog.delete(batch, item);
    for kind in [CollectionKind::Series, CollectionKind::Group] {
        views.collections_mut(kind).remove_everywhere(batch, false, id);
    }
}
