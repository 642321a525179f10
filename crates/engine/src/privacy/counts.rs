//! What a workspace holds of people before they are deleted.

use std::collections::BTreeSet;

use domain::UserIdx;
use profiles::{ExternalId, ExternalIdType};

use super::pending::Person;
use super::receipt::DeletedState;
use crate::error::store_error;
use crate::{Engine, EngineError};

impl Engine {
    /// The person with all ids that the profile has or had.
    pub(super) fn expand(&self, person: Person) -> Result<Person, EngineError> {
        let snapshot = self.snapshot();
        let Person { user_ids, anonymous_ids } = person;
        let (mut user_ids, mut anonymous_ids): (BTreeSet<String>, BTreeSet<String>) =
            (user_ids.into_iter().collect(), anonymous_ids.into_iter().collect());
        let known = |type_, ids: &BTreeSet<String>| -> Vec<UserIdx> {
            let find = |value: &String| {
                snapshot.profiles.ids().user_by_external_id(ExternalId { type_, value })
            };
            ids.iter().filter_map(find).collect()
        };
        let mut users: BTreeSet<UserIdx> = BTreeSet::new();
        users.extend(known(ExternalIdType::UserId, &user_ids));
        users.extend(known(ExternalIdType::AnonymousId, &anonymous_ids));
        let folder = self.folder().join("store");
        for user in users {
            let ids = snapshot.profiles.identifiers(snapshot.store(), user);
            let ids = ids.map_err(store_error(&folder))?.into_iter();
            let merges = snapshot.profiles.merges(snapshot.store(), user);
            // An id that was merged away may be somebody else's by now.
            let merged = merges.map_err(store_error(&folder))?.into_iter();
            let merged = merged.filter_map(|merge| merge.merged).filter(|(type_, value)| {
                let id = ExternalId { type_: *type_, value };
                snapshot.profiles.ids().user_by_external_id(id).is_none_or(|owner| owner == user)
            });
            for (type_, value) in ids.map(|id| (id.type_, id.value)).chain(merged) {
                match type_ {
                    ExternalIdType::UserId => user_ids.insert(value),
                    ExternalIdType::AnonymousId => anonymous_ids.insert(value),
                    // They stand in messages alone, which go whole.
                    ExternalIdType::Declared(_) => false,
                };
            }
        }
        Ok(Person {
            user_ids: user_ids.into_iter().collect(),
            anonymous_ids: anonymous_ids.into_iter().collect(),
        })
    }

    /// What there is of these people.
    pub(super) fn count_people(&self, people: &[Person]) -> Result<DeletedState, EngineError> {
        let snapshot = self.snapshot();
        let mut users = BTreeSet::new();
        for person in people {
            let ids = person.user_ids.iter().map(|id| (ExternalIdType::UserId, id));
            let ids =
                ids.chain(person.anonymous_ids.iter().map(|id| (ExternalIdType::AnonymousId, id)));
            users.extend(ids.filter_map(|(type_, value)| {
                snapshot.profiles.ids().user_by_external_id(ExternalId { type_, value })
            }));
        }
        let mut deleted = DeletedState { profiles: users.len() as u64, ..DeletedState::default() };
        for user in users {
            let offsets = snapshot.profiles.message_offsets(snapshot.store(), user);
            let offsets = offsets.map_err(store_error(&self.folder().join("store")))?;
            deleted.messages += offsets.len() as u64;
            deleted.interactions += snapshot.interactions.histories().row(user).len() as u64;
        }
        Ok(deleted)
    }
}
