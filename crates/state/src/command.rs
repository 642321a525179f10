//! Commands: changes that clients ask for, and how the fold applies them.

mod back_fill;
mod collections;
mod configuration;
mod entities;
mod interactions;
mod regulations;

use catalog::Property;
use domain::{Interaction, InteractionSelector, ItemIdx, UserIdx};
use profiles::{ExternalId, ExternalIdType, Origin};
use serde::{Deserialize, Serialize};
use store::{Batch, StoreError};

use crate::back_fill::BackFillCommand;
use crate::collections::{CollectionKind, Member};
use crate::configuration::ConfigCommand;
use crate::locations::{self, LocationCommand};
use crate::refusal::{CommandResult, Refusal};
use crate::regulations::RegulationCommand;
use crate::replays::ReplayCommand;
use crate::segmentations::SegmentationCommand;
use crate::sent_value::SyncSubject;
use crate::synonyms::SynonymCommand;
use crate::views::Views;

/// The kinds of entities that have an id and properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntityKind {
    /// An item of the catalog.
    Item,
    /// A user.
    User,
}

impl EntityKind {
    /// The word for it in messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Item => "item",
            Self::User => "user",
        }
    }
}

/// One change that a client asks for. Form and ranges are checked before it is journalled. The fold
/// decides whether it fits the state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Creates an item or a user.
    Add {
        /// Item or user.
        kind: EntityKind,
        /// The id of the new item or user.
        id: String,
    },
    /// Deletes an item or a user. A user's interactions are deleted too.
    Delete {
        /// Item or user.
        kind: EntityKind,
        /// The id of the item or user.
        id: String,
    },
    /// Sets values of properties, or unsets them.
    SetValues {
        /// Item or user.
        kind: EntityKind,
        /// The id of the item or user.
        id: String,
        /// JSON text of an object: values by the name of their property; `null` unsets.
        values: String,
        /// Creates the item or user if it is missing.
        cascade_create: bool,
    },
    /// Adds a property.
    AddProperty {
        /// Whether it is a property of items or of users.
        kind: EntityKind,
        /// The name, type, role and settings.
        property: Property,
    },
    /// Deletes a property with all its values.
    DeleteProperty {
        /// Whether it is a property of items or of users.
        kind: EntityKind,
        /// The name of the property.
        name: String,
    },
    /// Creates an empty series or group.
    AddCollection {
        /// Series or group.
        kind: CollectionKind,
        /// The id of the new collection.
        id: String,
        /// Also creates the item of the same id if it is missing.
        cascade_create: bool,
    },
    /// Deletes a series or group.
    DeleteCollection {
        /// Series or group.
        kind: CollectionKind,
        /// The id of the collection.
        id: String,
        /// Also deletes the item of the same id.
        cascade_delete: bool,
    },
    /// Inserts a member into a series or group.
    InsertMember {
        /// Series or group.
        kind: CollectionKind,
        /// The id of the collection.
        id: String,
        /// The item or collection to insert.
        member: Member,
        /// Creates the collection and the member if they are missing.
        cascade_create: bool,
    },
    /// Removes a member from a series or group.
    RemoveMember {
        /// Series or group.
        kind: CollectionKind,
        /// The id of the collection.
        id: String,
        /// Whether the member is a collection; an item otherwise.
        is_collection: bool,
        /// The id of the member.
        member_id: String,
        /// Removes only the member at this place in the series; none removes it at all places.
        time: Option<f64>,
    },
    /// Adds an interaction.
    AddInteraction {
        /// The interaction, by external ids.
        interaction: Interaction,
        /// Creates user and item if they are missing.
        cascade_create: bool,
    },
    /// Deletes interactions.
    DeleteInteractions {
        /// Selects the interactions by user, item, kind and time or session.
        selector: InteractionSelector,
    },
    /// Moves everything of one user to another.
    MergeUsers {
        /// The id of the user who stays.
        target: String,
        /// The id of the user who is merged into the target and ceases to exist.
        source: String,
        /// Creates the target if it is missing.
        cascade_create: bool,
    },
    /// Takes an external id from a user. A later message with it links it again.
    RemoveExternalId {
        /// A user id of the user.
        user_id: String,
        /// The type of the id to remove.
        id_type: ExternalIdType,
        /// The text of the id to remove.
        id: String,
    },
    /// Adds a scenario or replaces the one of the same name. Only read: builds write
    /// [`Command::Configure`] now.
    PutScenario {
        /// The scenario as JSON text.
        scenario: String,
    },
    /// Deletes a scenario. Only read, like [`Command::PutScenario`].
    DeleteScenario {
        /// The name of the scenario.
        name: String,
    },
    /// Changes a segmentation.
    Segmentation(SegmentationCommand),
    /// Changes synonyms.
    Synonym(SynonymCommand),
    /// Makes an earlier version of the catalog the current one again.
    ActivateCatalog {
        /// The number of the version.
        version: u32,
    },
    /// Turns an item off, so that no list has it, or on again.
    SwitchItem {
        /// The id of the item.
        id: String,
        /// On again; off otherwise.
        is_on: bool,
    },
    /// Stores scenarios that fit the current catalog. The stored form is in force once a scenario
    /// no longer fits.
    NoteFittingScenarios {
        /// JSON text of each scenario.
        scenarios: Vec<String>,
    },
    /// Changes a resource of the configuration.
    Configure(Box<ConfigCommand>),
    /// Delivers a dead letter anew, by the mappings in force at this entry, which takes the place
    /// of the one that asked for it before.
    RetryDeadLetter {
        /// The name of the destination.
        destination: String,
        /// The offset of the entry that asked for it.
        offset: u64,
        /// The name of the mapping.
        mapping: String,
        /// JSON text of the message in place of the original one.
        message: Option<String>,
    },
    /// Sends a span of the journal once more.
    Replay(ReplayCommand),
    /// Applies changed mappings to the past.
    BackFill(Box<BackFillCommand>),
    /// A step of a regulation about people's data.
    Regulate(Box<RegulationCommand>),
    /// Sends every value of a trait or audience again, whatever was sent before.
    SyncAgain {
        /// The trait or audience.
        subject: SyncSubject,
        /// The only destination that gets them; all if absent.
        destination: Option<String>,
    },
    /// A step of an import of locations, or the removal of a catalog of them.
    Locations(Box<LocationCommand>),
    /// Drops a dead letter.
    DropDeadLetter {
        /// The name of the destination.
        destination: String,
        /// The offset of the entry that asked for it.
        offset: u64,
        /// The name of the mapping.
        mapping: String,
    },
}

/// Applies a command. The outer error is one of the store, the inner one the refusal.
pub(crate) fn apply(
    views: &mut Views,
    batch: &mut Batch<'_>,
    command: Command,
    origin: Origin<'_>,
) -> Result<CommandResult, StoreError> {
    let at = origin.received_at;
    Ok(match command {
        Command::Add { kind, id } => match entity_exists(views, kind, &id) {
            true => Err(Refusal::already_exists(kind.word(), &id)),
            false => {
                create_entity(views, batch, kind, &id, origin);
                Ok(())
            }
        },
        Command::Delete { kind: EntityKind::Item, id } => match views.catalog.available_item(&id) {
            None => Err(Refusal::missing("item", &id)),
            Some(item) => {
                delete_item(views, batch, item, &id);
                Ok(())
            }
        },
        Command::Delete { kind: EntityKind::User, id } => match find_user(views, &id) {
            None => Err(Refusal::missing("user", &id)),
            Some(user) => {
                views.delete_user(batch, user)?;
                Ok(())
            }
        },
        Command::SetValues { kind, id, values, cascade_create } => {
            entities::set_values(views, batch, kind, &id, &values, cascade_create, origin)
        }
        Command::AddProperty { kind, property } => {
            entities::add_property(views, batch, kind, property, at)
        }
        Command::DeleteProperty { kind, name } => {
            let existed = match kind {
                EntityKind::Item => views.catalog.delete_property(batch, &name),
                EntityKind::User => views.users.delete_property(batch, &name),
            };
            existed.then_some(()).ok_or_else(|| Refusal::missing("property", &name))
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
            let matches = |member: &Member| {
                member.is_collection == is_collection
                    && member.id == member_id
                    && time.is_none_or(|time| time == member.time)
            };
            match views.collections_mut(kind).remove(batch, &id, matches) {
                0 => Err(Refusal::NotFound(format!(
                    "{} {id:?} does not hold {member_id:?}",
                    kind.word()
                ))),
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
        Command::RemoveExternalId { user_id, id_type, id } => {
            remove_external_id(views, batch, &user_id, ExternalId { type_: id_type, value: &id })?
        }
        Command::PutScenario { scenario } => {
            configuration::put_scenario(views, batch, &scenario, origin.offset)?
        }
        Command::DeleteScenario { name } => {
            configuration::delete_scenario(views, batch, name, origin.offset)?
        }
        Command::Segmentation(command) => {
            views.segmentations.apply(batch, views.catalog.table(), command)
        }
        Command::Synonym(command) => views.synonyms.apply(batch, command),
        Command::ActivateCatalog { version } => {
            match views.catalog.activate_previous(batch, version, at)? {
                true => Ok(()),
                false => Err(Refusal::missing("catalog version", &version.to_string())),
            }
        }
        // An item that no file lists now may be switched too: it stays as it is when it is back.
        Command::SwitchItem { id, is_on } => match views.catalog.index(&id) {
            None => Err(Refusal::missing("item", &id)),
            Some(item) => {
                views.catalog.switch_item(batch, item, is_on);
                Ok(())
            }
        },
        Command::NoteFittingScenarios { scenarios } => {
            configuration::note_fitting_scenarios(views, batch, &scenarios)
        }
        Command::Configure(command) => configuration::apply(views, batch, &command, origin.offset)?,
        Command::Replay(command) => {
            let Views { replays, destinations, .. } = views;
            replays.apply(batch, destinations, command, origin.offset, at)
        }
        Command::SyncAgain { subject, destination } => {
            let destination = destination.as_deref();
            match views.last_sent.send_again(&subject, destination) {
                true => Ok(()),
                false => Err(Refusal::NotFound(format!(
                    "{subject} does not go to {}",
                    destination.map_or("any destination".to_owned(), |name| format!("{name:?}"))
                ))),
            }
        }
        Command::BackFill(command) => back_fill::apply(views, batch, *command, origin)?,
        Command::Locations(command) => locations::apply(views, batch, *command, at)?,
        Command::Regulate(regulation) => regulations::apply(views, batch, *regulation, origin)?,
        Command::RetryDeadLetter { destination, offset, mapping, .. }
        | Command::DropDeadLetter { destination, offset, mapping } => {
            views.destinations.take_dead_letter(batch, &destination, offset, &mapping)?
        }
    })
}

/// Finds a user by an external id of either type; a user id takes precedence.
pub fn find_user(views: &Views, id: &str) -> Option<UserIdx> {
    views.profiles.ids().user_by_id(id)
}

/// Refused where the id is the one by which the user was named: nobody loses the last user id.
fn remove_external_id(
    views: &mut Views,
    batch: &mut Batch<'_>,
    user_id: &str,
    id: ExternalId<'_>,
) -> Result<CommandResult, StoreError> {
    let named = ExternalId { type_: ExternalIdType::UserId, value: user_id };
    let Some(user) = views.profiles.ids().user_by_external_id(named) else {
        return Ok(Err(Refusal::missing("user", user_id)));
    };
    if id == named {
        let why = "the id by which the user is named cannot be removed".to_owned();
        return Ok(Err(Refusal::Invalid(why)));
    }
    match views.profiles.remove_external_id(batch, user, id)? {
        true => {
            views.holdouts.touch(user);
            Ok(Ok(()))
        }
        false => Ok(Err(Refusal::NotFound(format!(
            "the user has no {} {:?}",
            id.type_.word(),
            id.value
        )))),
    }
}

fn entity_exists(views: &Views, kind: EntityKind, id: &str) -> bool {
    match kind {
        EntityKind::Item => views.catalog.available_item(id).is_some(),
        EntityKind::User => find_user(views, id).is_some(),
    }
}

fn create_entity(
    views: &mut Views,
    batch: &mut Batch<'_>,
    kind: EntityKind,
    id: &str,
    origin: Origin<'_>,
) {
    match kind {
        EntityKind::Item => {
            views.catalog.set(batch, id, &[], origin.received_at);
        }
        EntityKind::User => {
            views.profiles.resolve_id(batch, id, origin);
        }
    }
}

fn delete_item(views: &mut Views, batch: &mut Batch<'_>, item: ItemIdx, id: &str) {
    views.catalog.delete(batch, item);
    for kind in [CollectionKind::Series, CollectionKind::Group] {
        views.collections_mut(kind).remove_everywhere(batch, false, id);
    }
}
