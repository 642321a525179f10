//! Whose a message is.

use std::collections::BTreeMap;

use domain::{Message, MessageType, UserIdx};
use profiles::Origin;
use serde_json::value::RawValue;
use store::{Batch, StoreError};

use crate::views::Views;

/// Puts a message onto a profile: by the rules in force, or by its own two ids before a workspace
/// has configured any. None if all its ids are blocked.
pub(super) fn land(
    views: &mut Views,
    batch: &mut Batch<'_>,
    message: &Message,
    origin: Origin<'_>,
) -> Result<Option<UserIdx>, StoreError> {
    let Some(rules) = views.setup.identity.clone() else {
        let ids = (message.user_id.as_deref(), message.anonymous_id.as_deref());
        let (user, merge) = views.profiles.resolve(batch, ids.0, ids.1, origin)?;
        if let Some(merge) = merge {
            views.merge_users(batch, merge)?;
        }
        return Ok(Some(user));
    };
    let ids = rules.ids_of(message);
    let resolved = views.profiles.resolve_by_rules(batch, &rules, ids, origin)?;
    for merge in resolved.merges {
        views.merge_users(batch, merge)?;
    }
    if let Some(user) = resolved.user.filter(|_| message.type_ == MessageType::Group) {
        let change = views.accounts.add_message(batch, user, message, origin)?;
        if let Some(group_id) = &message.group_id {
            views.follow_account(batch, user, group_id, &change)?;
        }
        if let Some(limit) = change.limit {
            views.profiles.note_limit(limit);
        }
    }
    Ok(resolved.user)
}

/// Parses the traits of an identify, none if it has no body. The form check refuses other forms.
pub(super) fn parse_traits(message: &Message) -> BTreeMap<String, Box<RawValue>> {
    message.body.as_deref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default()
}
