//! Regulations about people's data: what each step does to the whole state.

use std::collections::BTreeSet;

use domain::UserIdx;
use profiles::{ExternalId, ExternalIdType, Origin};
use store::{Batch, StoreError};

use crate::people::NamedPeople;
use crate::refusal::CommandResult;
use crate::regulations::RegulationCommand;
use crate::views::Views;

pub(super) fn apply(
    views: &mut Views,
    batch: &mut Batch<'_>,
    command: RegulationCommand,
    origin: Origin<'_>,
) -> Result<CommandResult, StoreError> {
    if let RegulationCommand::Delete { user_ids, anonymous_ids, other_ids, .. } = &command {
        let of_type = |type_, ids: &[String]| -> Vec<(ExternalIdType, String)> {
            ids.iter().map(|id| (type_, id.clone())).collect()
        };
        let mut ids = of_type(ExternalIdType::UserId, user_ids);
        ids.extend(of_type(ExternalIdType::AnonymousId, anonymous_ids));
        ids.extend(other_ids.iter().cloned());
        delete_people(views, batch, ids)?;
    }
    if let RegulationCommand::Recount { values, .. } = &command {
        views.recount(batch, values, origin.offset)?;
    }
    views.regulations.apply(batch, command, origin)
}

/// Deletes people from every part, those also that know no users: what they hold of messages.
fn delete_people(
    views: &mut Views,
    batch: &mut Batch<'_>,
    ids: Vec<(ExternalIdType, String)>,
) -> Result<(), StoreError> {
    let find = |(type_, value): &(ExternalIdType, String)| {
        views.profiles.ids().user_by_external_id(ExternalId { type_: *type_, value })
    };
    let users: BTreeSet<UserIdx> = ids.iter().filter_map(find).collect();
    let mut offsets = BTreeSet::new();
    for user in &users {
        offsets.extend(views.profiles.message_offsets(batch, *user)?);
        views.delete_user(batch, *user)?;
    }
    views.attribution.forget_users(batch, &users)?;
    // The number of ids in an entry is bounded far below what the search can take.
    if let Ok(people) = NamedPeople::new(ids) {
        views.attribution.forget_listed(batch, &people)?;
        views.rejections.forget(batch, &people);
        views.unmatched_events.forget(batch, &people);
        views.source_schemas.forget(batch, &people);
        views.violations.forget(batch, &people);
        views.replays.forget(&people);
        views.destinations.forget(batch, &offsets, &people)?;
    }
    Ok(())
}
