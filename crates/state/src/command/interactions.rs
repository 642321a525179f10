//! Commands that add and delete interactions.

use catalog::NamedBy;
use domain::{Interaction, InteractionSelector, Timestamp};
use profiles::Origin;
use store::{Batch, StoreError};

use super::{EntityKind, create_entity, entity_exists, find_user};
use crate::interactions::AddOutcome;
use crate::refusal::{CommandResult, Refusal};
use crate::views::Views;

/// An interaction without a time gets a time less than this many milliseconds after its arrival.
const DELAY_MS_MAX: i64 = 1_000;

pub(super) fn add(
    views: &mut Views,
    batch: &mut Batch<'_>,
    interaction: Interaction,
    cascade_create: bool,
    origin: Origin<'_>,
) -> Result<CommandResult, StoreError> {
    let (user_id, item_id) = (interaction.user_id.clone(), interaction.item_id.clone());
    for (kind, id) in [(EntityKind::User, &user_id), (EntityKind::Item, &item_id)] {
        if !entity_exists(views, kind, id) {
            if !cascade_create {
                return Ok(Err(Refusal::missing(kind.word(), id)));
            }
            create_entity(views, batch, kind, id, origin);
        }
    }
    let user = views.profiles.resolve_id(batch, &user_id, origin);
    let pair = format!("user {user_id:?} and item {item_id:?}");
    let kind = interaction.kind;
    let mut added = AddOutcome::Duplicate;
    // Interactions without a time that arrive in the same millisecond are distinct: each gets a
    // millisecond of its own.
    let n_tries = if interaction.timestamp.is_none() { DELAY_MS_MAX } else { 1 };
    for delay_ms in 0..n_tries {
        let at = interaction.timestamp.unwrap_or(Timestamp(origin.received_at.0 + delay_ms));
        let interaction = Interaction { timestamp: Some(at), ..interaction.clone() };
        added = views.add_interaction(batch, user, interaction, NamedBy::Action, origin, true)?;
        if added != AddOutcome::Duplicate {
            break;
        }
    }
    Ok(match added {
        AddOutcome::New => Ok(()),
        AddOutcome::Duplicate => Err(Refusal::AlreadyExists(format!(
            "{pair} have a {kind} interaction at this time already"
        ))),
        AddOutcome::Outdated => Err(Refusal::AlreadyExists(format!(
            "this session of {pair} already has a view portion that is later or has come further"
        ))),
    })
}

pub(super) fn delete(
    views: &mut Views,
    batch: &mut Batch<'_>,
    selector: InteractionSelector,
) -> Result<CommandResult, StoreError> {
    let found = find_user(views, &selector.user_id).zip(views.catalog.index(&selector.item_id));
    let InteractionSelector { user_id, item_id, kind, timestamp, session_id } = selector;
    let n_deleted = match found {
        None => 0,
        Some((user, item)) => {
            views.touch_history(user);
            views.interactions.delete(batch, user, kind, item, timestamp, session_id)?
        }
    };
    Ok(match n_deleted {
        0 => Err(Refusal::NotFound(format!(
            "user {user_id:?} and item {item_id:?} have no such {kind} interaction"
        ))),
        _ => Ok(()),
    })
}
