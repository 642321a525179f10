//! Commands that change items, users and their properties.

use catalog::{Property, PropertyTable};
use domain::{PropertyType, PropertyValue, Timestamp};
use profiles::Origin;
use store::{Batch, StoreError};

use super::{EntityKind, entity_exists, find_user};
use crate::refusal::{CommandResult, Refusal};
use crate::views::Views;

pub(super) fn set_values(
    views: &mut Views,
    batch: &mut Batch<'_>,
    kind: EntityKind,
    id: &str,
    values: &str,
    cascade_create: bool,
    origin: Origin<'_>,
) -> CommandResult {
    if !cascade_create && !entity_exists(views, kind, id) {
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
            let user = views.profiles.resolve_id(batch, id, origin);
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
    let refuse = |what| Refusal::Invalid(format!("property {name:?} ({}) {what}", property.type_));
    PropertyValue::from_json(property.type_, json).map_err(refuse)
}

pub(super) fn add_property(
    views: &mut Views,
    batch: &mut Batch<'_>,
    kind: EntityKind,
    property: Property,
    at: Timestamp,
) -> CommandResult {
    let table = match kind {
        EntityKind::Item => views.catalog.table(),
        EntityKind::User => &views.users,
    };
    if table.property(&property.name).is_some() {
        return Err(Refusal::already_exists("property", &property.name));
    }
    if let Some(other) =
        table.properties().find(|other| other.role.is_some() && other.role == property.role)
    {
        let role = property.role.unwrap_or_default();
        return Err(Refusal::AlreadyExists(format!(
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
            return Err(Refusal::Invalid(format!(
                "users have no properties of type {}",
                property.type_
            )));
        }
        EntityKind::Item => views.catalog.add_property(batch, property, at),
        EntityKind::User => views.users.add_property(batch, property),
    }
    Ok(())
}

pub(super) fn merge_users(
    views: &mut Views,
    batch: &mut Batch<'_>,
    target: &str,
    source: &str,
    cascade_create: bool,
    origin: Origin<'_>,
) -> Result<CommandResult, StoreError> {
    if find_user(views, source).is_none() {
        return Ok(Err(Refusal::missing("user", source)));
    }
    if !cascade_create && find_user(views, target).is_none() {
        return Ok(Err(Refusal::missing("user", target)));
    }
    if let Some(merge) = views.profiles.merge_ids(batch, target, source, origin)? {
        views.merge_users(batch, merge)?;
        // Clients of this API may use the source's id for a new user.
        views.profiles.release_id(batch, merge.target, source)?;
    }
    match views.profiles.take_limits_reached().first() {
        Some(limit) => Ok(Err(Refusal::Invalid(limit.to_string()))),
        None => Ok(Ok(())),
    }
}
