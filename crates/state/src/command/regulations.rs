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
    if let RegulationCommand::Delete { user_ids, anonymous_ids, .. } = &command {
        delete_people(views, batch, user_ids, anonymous_ids)?;
    }
    views.regulations.apply(batch, command, origin)
}

/// Deletes people from every part, those also that know no users: what they hold of messages.
fn delete_people(
    views: &mut Views,
    batch: &mut Batch<'_>,
    user_ids: &[String],
    anonymous_ids: &[String],
) -> Result<(), StoreError> {
    let of_type = |type_, ids: &[String]| -> Vec<UserIdx> {
        let find =
            |value: &String| views.profiles.ids().user_by_external_id(ExternalId { type_, value });
        ids.iter().filter_map(find).collect()
    };
    let mut users: BTreeSet<UserIdx> = BTreeSet::new();
    users.extend(of_type(ExternalIdType::UserId, user_ids));
    users.extend(of_type(ExternalIdType::AnonymousId, anonymous_ids));
    let mut offsets = BTreeSet::new();
    for user in &users {
        offsets.extend(views.profiles.message_offsets(batch, *user)?);
        views.delete_user(batch, *user)?;
    }
    views.attribution.forget_users(batch, &users)?;
    // The number of ids in an entry is bounded far below what the search can take.
    let people = NamedPeople::new(user_ids.iter().cloned(), anonymous_ids.iter().cloned());
    if let Ok(people) = people {
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
