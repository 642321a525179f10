//! What users did with items.

use catalog::NamedBy;
use domain::{Interaction, InteractionSelector, Timestamp};
use profiles::Origin;
use store::{Batch, StoreError};

use super::{Done, EntityKind, Refusal, exists, make, user_of};
use crate::fold;
use crate::interactions::Added;
use crate::views::Views;

/// How many milliseconds later than it came an interaction without a time may be put.
const MOMENTS_TRIED_MAX: i64 = 1_000;

pub(super) fn add(
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

pub(super) fn delete(
    views: &mut Views,
    batch: &mut Batch<'_>,
    selector: InteractionSelector,
) -> Result<Done, StoreError> {
    let found = user_of(views, &selector.user_id).zip(views.catalog.item(&selector.item_id));
    let InteractionSelector { user_id, item_id, kind, timestamp, session_id } = selector;
    let n_deleted = match found {
        None => 0,
        Some((user, item)) => views.interactions.delete(batch, user, kind, item, timestamp, session_id)?,
    };
    Ok(match n_deleted {
        0 => Err(Refusal::NotFound(format!(
            "user {user_id:?} and item {item_id:?} have no such {kind} interaction"
        ))),
        _ => Ok(()),
    })
}
