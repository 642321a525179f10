//! Back-fills: what each step does to the whole state.

use domain::UserIdx;
use history::WeakSignal;
use profiles::{ExternalId, Origin};
use store::{Batch, StoreError};

use crate::back_fill::{BackFillCommand, NamedItem, SignalOf, UserBackFill, UserMerge};
use crate::interactions::interaction_time;
use crate::refusal::CommandResult;
use crate::views::Views;

/// Applies a step of a back-fill. It counts nothing as a success of recommendations: that belongs
/// to the days on which messages arrived.
pub(super) fn apply(
    views: &mut Views,
    batch: &mut Batch<'_>,
    command: BackFillCommand,
    origin: Origin<'_>,
) -> Result<CommandResult, StoreError> {
    match command {
        BackFillCommand::Done(back_fill) => Ok(views.back_fills.add(batch, back_fill, origin)),
        BackFillCommand::Change { merges, users, items } => {
            for UserMerge { target, source } in merges {
                let merge = views.profiles.merge_ids(batch, &target, &source, origin)?;
                if let Some(merge) = merge {
                    views.merge_users(batch, merge)?;
                }
                // A profile that has all the ids and merges that it may have stays as it is.
                views.profiles.take_limits_reached();
            }
            for changes in users {
                if let Some(user) = find_or_create(views, batch, &changes, origin) {
                    change_user(views, batch, user, changes, origin)?;
                }
            }
            for NamedItem { item_id, by_action, by_page } in items {
                let n = views.catalog.index(&item_id).map_or(0, |item| {
                    let counts = views.interactions.histories().counts(item);
                    counts.by_kind.iter().map(|n| u64::from(*n)).sum()
                });
                views.catalog.set_named(batch, &item_id, by_action || n > 0, by_page);
            }
            Ok(Ok(()))
        }
    }
}

fn find_or_create(
    views: &mut Views,
    batch: &mut Batch<'_>,
    changes: &UserBackFill,
    origin: Origin<'_>,
) -> Option<UserIdx> {
    let id = ExternalId { type_: changes.id_type, value: &changes.id };
    let found = views.profiles.ids().user_by_external_id(id);
    let is_new = changes.is_new && found.is_none();
    found.or_else(|| is_new.then(|| views.profiles.resolve_id(batch, &changes.id, origin)))
}

fn change_user(
    views: &mut Views,
    batch: &mut Batch<'_>,
    user: UserIdx,
    changes: UserBackFill,
    origin: Origin<'_>,
) -> Result<(), StoreError> {
    for removed in changes.removed {
        if let Some(item) = views.catalog.index(&removed.item_id) {
            let (kind, at) = (removed.kind, removed.timestamp);
            views.interactions.delete(batch, user, kind, item, at, None)?;
        }
    }
    for added in changes.added {
        // Its item was named before, unless somebody has deleted it since.
        if let Some(item) = views.catalog.index(&added.item_id) {
            let at = interaction_time(added.timestamp, origin);
            views.interactions.add(batch, user, item, at, added, false)?;
        }
    }
    let signal = |signal: SignalOf| {
        let item = views.catalog.index(&signal.item_id)?;
        Some(WeakSignal { at_s: signal.at_s, item, kind: signal.kind })
    };
    let removed: Vec<WeakSignal> = changes.removed_signals.into_iter().filter_map(signal).collect();
    let added: Vec<WeakSignal> = changes.added_signals.into_iter().filter_map(signal).collect();
    views.weak_signals.remove(batch, user, &removed);
    views.weak_signals.add(batch, user, &added);
    views.touch_history(user);
    Ok(())
}
