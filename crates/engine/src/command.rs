//! Commands of the recommender API: what each asks for, and what the fold does with it.

use catalog::{NamedBy, Property, PropertyTable};
use domain::{Interaction, InteractionSelector, ItemIdx, PropertyType, PropertyValue, Timestamp, UserIdx};
use profiles::Origin;
use serde::{Deserialize, Serialize};
use store::{Batch, StoreError};

use crate::interactions::Added;
use crate::segmentations::SegmentationCommand;
use crate::series::{CollectionKind, MEMBERS_MAX, Member};
use crate::synonyms::SynonymCommand;
use crate::views::Views;
use crate::{fold, scenarios, segmentations, synonyms};

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
        /// Of what kind.
        kind: EntityKind,
        /// Its id.
        id: String,
    },
    /// Deletes an item or a user with all that was done with or by it.
    Delete {
        /// Of what kind.
        kind: EntityKind,
        /// Its id.
        id: String,
    },
    /// Sets and unsets values of properties.
    SetValues {
        /// Of what kind.
        kind: EntityKind,
        /// Whose.
        id: String,
        /// A JSON object, as text: the properties with their values.
        values: String,
        /// Makes the item or user where it is missing.
        cascade_create: bool,
    },
    /// Makes a property.
    AddProperty {
        /// Of items or of users.
        kind: EntityKind,
        /// Which.
        property: Property,
    },
    /// Deletes a property with all its values.
    DeleteProperty {
        /// Of items or of users.
        kind: EntityKind,
        /// Which.
        name: String,
    },
    /// Makes a series or group.
    AddCollection {
        /// Of what kind.
        kind: CollectionKind,
        /// Its id.
        id: String,
        /// Makes the item of the same id too, where it is missing.
        cascade_create: bool,
    },
    /// Deletes a series or group.
    DeleteCollection {
        /// Of what kind.
        kind: CollectionKind,
        /// Its id.
        id: String,
        /// Deletes the item of the same id too.
        cascade_delete: bool,
    },
    /// Puts a member into a series or group.
    InsertMember {
        /// Of what kind.
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
        /// Of what kind.
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
    /// Makes a scenario or replaces the one of its name.
    PutScenario {
        /// The scenario as JSON, which names its keys: what it may say will grow.
        scenario: String,
    },
    /// Deletes a scenario.
    DeleteScenario {
        /// Which.
        name: String,
    },
    /// Changes segmentations.
    Segmentation(SegmentationCommand),
    /// Changes synonyms.
    Synonym(SynonymCommand),
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
}

impl Refusal {
    pub(crate) fn missing(word: &str, id: &str) -> Self {
        Self::NotFound(format!("there is no {word} {id:?}"))
    }

    pub(crate) fn there(word: &str, id: &str) -> Self {
        Self::AlreadyThere(format!("{word} {id:?} is there already"))
    }
}

/// How many milliseconds later than it came an interaction without a time may be put.
const MOMENTS_TRIED_MAX: i64 = 1_000;

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
                views.interactions.delete_user(batch, user)?;
                views.shown.delete(batch, user);
                views.users.remove(batch, user.0);
                views.profiles.delete(batch, user)?;
                Ok(())
            }
        },
        Command::SetValues { kind, id, values, cascade_create } => {
            set_values(views, batch, kind, &id, &values, cascade_create, origin)
        }
        Command::AddProperty { kind, property } => add_property(views, batch, kind, property, at),
        Command::DeleteProperty { kind, name } => {
            let is_there = match kind {
                EntityKind::Item => views.catalog.delete_property(batch, &name),
                EntityKind::User => views.users.delete_property(batch, &name),
            };
            is_there.then_some(()).ok_or_else(|| Refusal::missing("property", &name))
        }
        Command::AddCollection { kind, id, cascade_create } => {
            match views.collections(kind).add(batch, &id) {
                false => Err(Refusal::there(kind.word(), &id)),
                true => {
                    if cascade_create && views.catalog.existing(&id).is_none() {
                        views.catalog.set(batch, &id, &[], at);
                    }
                    Ok(())
                }
            }
        }
        Command::DeleteCollection { kind, id, cascade_delete } => {
            match views.collections(kind).delete(batch, &id) {
                false => Err(Refusal::missing(kind.word(), &id)),
                true => {
                    views.collections(kind).remove_everywhere(batch, true, &id);
                    let item = views.catalog.existing(&id).filter(|_| cascade_delete);
                    item.into_iter().for_each(|item| delete_item(views, batch, item, &id));
                    Ok(())
                }
            }
        }
        Command::InsertMember { kind, id, member, cascade_create } => {
            insert_member(views, batch, kind, &id, member, cascade_create, at)
        }
        Command::RemoveMember { kind, id, is_collection, member_id, time } => {
            let is_meant = |member: &Member| {
                member.is_collection == is_collection
                    && member.id == member_id
                    && time.is_none_or(|time| time == member.time)
            };
            match views.collections(kind).remove(batch, &id, is_meant) {
                0 => Err(Refusal::NotFound(format!("{} {id:?} does not hold {member_id:?}", kind.word()))),
                _ => Ok(()),
            }
        }
        Command::AddInteraction { interaction, cascade_create } => {
            add_interaction(views, batch, interaction, cascade_create, origin)?
        }
        Command::DeleteInteractions { selector } => {
            let found = user_of(views, &selector.user_id).zip(views.catalog.item(&selector.item_id));
            let InteractionSelector { user_id, item_id, kind, timestamp, session_id } = selector;
            let n_deleted = match found {
                None => 0,
                Some((user, item)) => {
                    views.interactions.delete(batch, user, kind, item, timestamp, session_id)?
                }
            };
            match n_deleted {
                0 => Err(Refusal::NotFound(format!(
                    "user {user_id:?} and item {item_id:?} have no such {kind} interaction"
                ))),
                _ => Ok(()),
            }
        }
        Command::MergeUsers { target, source, cascade_create } => {
            merge_users(views, batch, &target, &source, cascade_create, origin)?
        }
        Command::PutScenario { scenario } => scenarios::apply_put(views, batch, &scenario),
        Command::DeleteScenario { name } => scenarios::apply_delete(views, batch, &name),
        Command::Segmentation(command) => segmentations::apply(views, batch, command),
        Command::Synonym(command) => synonyms::apply(views, batch, command),
    })
}

/// The user of an id of either type.
pub(crate) fn user_of(views: &Views, id: &str) -> Option<UserIdx> {
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
        views.collections(kind).remove_everywhere(batch, false, id);
    }
}

fn set_values(
    views: &mut Views,
    batch: &mut Batch<'_>,
    kind: EntityKind,
    id: &str,
    values: &str,
    cascade_create: bool,
    origin: Origin<'_>,
) -> Done {
    if !cascade_create && !exists(views, kind, id) {
        return Err(Refusal::missing(kind.word(), id));
    }
    let values: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(values).map_err(|error| Refusal::Invalid(error.to_string()))?;
    let table = match kind {
        EntityKind::Item => views.catalog.table(),
        EntityKind::User => &views.users,
    };
    let typed = values
        .iter()
        .map(|(name, json)| Ok((name.as_str(), typed_value(table, kind, name, json)?)))
        .collect::<Result<Vec<_>, Refusal>>()?;
    match kind {
        EntityKind::Item => {
            views.catalog.set(batch, id, &typed, origin.received_at);
        }
        EntityKind::User => {
            let user = views.profiles.resolve_text(batch, id, origin);
            views.users.set(batch, user.0, &typed);
        }
    }
    Ok(())
}

fn typed_value(
    table: &PropertyTable,
    kind: EntityKind,
    name: &str,
    json: &serde_json::Value,
) -> Result<Option<PropertyValue>, Refusal> {
    let Some(property) = table.property(name) else {
        return Err(Refusal::NotFound(format!("there is no {} property {name:?}", kind.word())));
    };
    let said = |what| Refusal::Invalid(format!("property {name:?} ({}) {what}", property.type_));
    PropertyValue::from_json(property.type_, json).map_err(said)
}

fn add_property(
    views: &mut Views,
    batch: &mut Batch<'_>,
    kind: EntityKind,
    property: Property,
    at: Timestamp,
) -> Done {
    let table = match kind {
        EntityKind::Item => views.catalog.table(),
        EntityKind::User => &views.users,
    };
    if table.property(&property.name).is_some() {
        return Err(Refusal::there("property", &property.name));
    }
    if let Some(other) = table.properties().find(|other| other.role.is_some() && other.role == property.role)
    {
        let role = property.role.unwrap_or_default();
        return Err(Refusal::AlreadyThere(format!(
            "property {:?} has the role {role:?} already",
            other.name
        )));
    }
    let n_properties = table.properties().count();
    if n_properties >= catalog::import::COLUMNS_MAX {
        return Err(Refusal::Invalid(format!("there are {n_properties} properties, the limit")));
    }
    let is_image = matches!(property.type_, PropertyType::Image | PropertyType::ImageList);
    match kind {
        EntityKind::User if is_image => {
            return Err(Refusal::Invalid(format!("users have no properties of type {}", property.type_)));
        }
        EntityKind::Item => views.catalog.add_property(batch, property, at),
        EntityKind::User => views.users.add_property(batch, property),
    }
    Ok(())
}

fn insert_member(
    views: &mut Views,
    batch: &mut Batch<'_>,
    kind: CollectionKind,
    id: &str,
    member: Member,
    cascade_create: bool,
    at: Timestamp,
) -> Done {
    let member_is_there = match member.is_collection {
        true => views.collections(kind).members(&member.id).is_some(),
        false => views.catalog.existing(&member.id).is_some(),
    };
    let members = views.collections(kind).members(id);
    let is_there = members.is_some();
    if members.unwrap_or_default().contains(&member) {
        return Err(Refusal::AlreadyThere(format!("{} {id:?} holds {:?} already", kind.word(), member.id)));
    }
    if members.is_some_and(|members| members.len() >= MEMBERS_MAX) {
        return Err(Refusal::Invalid(format!("{} {id:?} has {MEMBERS_MAX} members, the limit", kind.word())));
    }
    if !cascade_create && !is_there {
        return Err(Refusal::missing(kind.word(), id));
    }
    if !cascade_create && !member_is_there {
        let word = if member.is_collection { kind.word() } else { "item" };
        return Err(Refusal::missing(word, &member.id));
    }
    let mut missing_items = Vec::new();
    if !is_there {
        views.collections(kind).add(batch, id);
        missing_items.push(id);
    }
    if !member_is_there {
        if member.is_collection {
            views.collections(kind).add(batch, &member.id);
        }
        missing_items.push(&member.id);
    }
    for item in missing_items {
        if views.catalog.existing(item).is_none() {
            views.catalog.set(batch, item, &[], at);
        }
    }
    views.collections(kind).insert(batch, id, member);
    Ok(())
}

fn add_interaction(
    views: &mut Views,
    batch: &mut Batch<'_>,
    interaction: Interaction,
    cascade_create: bool,
    origin: Origin<'_>,
) -> Result<Done, StoreError> {
    let (user_id, item_id) = (interaction.user_id.clone(), interaction.item_id.clone());
    for (kind, id) in [(EntityKind::User, &user_id), (EntityKind::Item, &item_id)] {
        if !exists(views, kind, id) {
            if !cascade_create {
                return Ok(Err(Refusal::missing(kind.word(), id)));
            }
            make(views, batch, kind, id, origin);
        }
    }
    let user = views.profiles.resolve_text(batch, &user_id, origin);
    let named = format!("user {user_id:?} and item {item_id:?}");
    let kind = interaction.kind;
    let mut added = Added::AlreadyThere;
    // Two without a time at the same moment are two: each gets a millisecond of its own.
    let n_tries = if interaction.timestamp.is_none() { MOMENTS_TRIED_MAX } else { 1 };
    for later_ms in 0..n_tries {
        let own = interaction.timestamp.unwrap_or(Timestamp(origin.received_at.0 + later_ms));
        let interaction = Interaction { timestamp: Some(own), ..interaction.clone() };
        added = fold::add_interaction(views, batch, user, interaction, NamedBy::Action, origin, true)?;
        if added != Added::AlreadyThere {
            break;
        }
    }
    Ok(match added {
        Added::New => Ok(()),
        Added::AlreadyThere => {
            Err(Refusal::AlreadyThere(format!("{named} have a {kind} interaction at this time already")))
        }
        Added::Behind => Err(Refusal::AlreadyThere(format!(
            "{named} have a view portion of this session that is later or has come further"
        ))),
    })
}

fn merge_users(
    views: &mut Views,
    batch: &mut Batch<'_>,
    target: &str,
    source: &str,
    cascade_create: bool,
    origin: Origin<'_>,
) -> Result<Done, StoreError> {
    if user_of(views, source).is_none() {
        return Ok(Err(Refusal::missing("user", source)));
    }
    if !cascade_create && user_of(views, target).is_none() {
        return Ok(Err(Refusal::missing("user", target)));
    }
    if let Some(merge) = views.profiles.merge_texts(batch, target, source, origin)? {
        // The target's values win.
        let kept = views.users.values(merge.target.0);
        let of_source = views.users.values(merge.source.0).into_iter();
        let moved: Vec<(String, Option<PropertyValue>)> = of_source
            .filter(|(name, _)| kept.iter().all(|(other, _)| other != name))
            .map(|(name, value)| (name.to_owned(), Some(value)))
            .collect();
        let moved: Vec<_> = moved.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        views.users.set(batch, merge.target.0, &moved);
        views.users.remove(batch, merge.source.0);
        let target = merge.target;
        fold::merge_users(views, batch, merge)?;
        // Clients of this API may give the id to somebody new.
        views.profiles.release_text(batch, target, source)?;
    }
    match views.profiles.take_limits_met().first() {
        Some(limit) => Ok(Err(Refusal::Invalid((*limit).to_owned()))),
        None => Ok(Ok(())),
    }
}
