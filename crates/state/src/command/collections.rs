//! Commands that change series and groups.

use domain::Timestamp;
use store::Batch;

use super::delete_item;
use crate::collections::{CollectionKind, MEMBERS_MAX, Member};
use crate::refusal::{CommandResult, Refusal};
use crate::views::Views;

pub(super) fn add(
    views: &mut Views,
    batch: &mut Batch<'_>,
    kind: CollectionKind,
    id: &str,
    cascade_create: bool,
    at: Timestamp,
) -> CommandResult {
    if !views.collections_mut(kind).add(batch, id) {
        return Err(Refusal::already_exists(kind.word(), id));
    }
    if cascade_create && views.catalog.available_item(id).is_none() {
        views.catalog.set(batch, id, &[], at);
    }
    Ok(())
}

pub(super) fn delete(
    views: &mut Views,
    batch: &mut Batch<'_>,
    kind: CollectionKind,
    id: &str,
    cascade_delete: bool,
) -> CommandResult {
    if !views.collections_mut(kind).delete(batch, id) {
        return Err(Refusal::missing(kind.word(), id));
    }
    views.collections_mut(kind).remove_everywhere(batch, true, id);
    let item = views.catalog.available_item(id).filter(|_| cascade_delete);
    item.into_iter().for_each(|item| delete_item(views, batch, item, id));
    Ok(())
}

pub(super) fn insert(
    views: &mut Views,
    batch: &mut Batch<'_>,
    kind: CollectionKind,
    id: &str,
    member: Member,
    cascade_create: bool,
    at: Timestamp,
) -> CommandResult {
    let member_exists = match member.is_collection {
        true => views.collections_mut(kind).members(&member.id).is_some(),
        false => views.catalog.available_item(&member.id).is_some(),
    };
    let members = views.collections_mut(kind).members(id);
    let collection_exists = members.is_some();
    if members.unwrap_or_default().contains(&member) {
        return Err(Refusal::AlreadyExists(format!(
            "{} {id:?} holds {:?} already",
            kind.word(),
            member.id
        )));
    }
    if members.is_some_and(|members| members.len() >= MEMBERS_MAX) {
        return Err(Refusal::Invalid(format!(
            "{} {id:?} has {MEMBERS_MAX} members, the limit",
            kind.word()
        )));
    }
    if !cascade_create && !collection_exists {
        return Err(Refusal::missing(kind.word(), id));
    }
    if !cascade_create && !member_exists {
        let word = if member.is_collection { kind.word() } else { "item" };
        return Err(Refusal::missing(word, &member.id));
    }
    let mut missing_items = Vec::new();
    if !collection_exists {
        views.collections_mut(kind).add(batch, id);
        missing_items.push(id);
    }
    if !member_exists {
        if member.is_collection {
            views.collections_mut(kind).add(batch, &member.id);
        }
        missing_items.push(&member.id);
    }
    for item in missing_items {
        if views.catalog.available_item(item).is_none() {
            views.catalog.set(batch, item, &[], at);
        }
    }
    views.collections_mut(kind).insert(batch, id, member);
    Ok(())
}
