//! What a workspace holds of people before they are deleted.

use std::collections::{BTreeMap, BTreeSet};

use domain::UserIdx;
use profiles::{ExternalId, ExternalIdType};

use super::pending::Person;
use super::receipt::DeletedState;
use crate::error::store_error;
use crate::{Engine, EngineError};

impl Engine {
    /// People with all ids that their profiles have or had; whoever was named twice is there once.
    pub(super) fn expand_people(&self, people: Vec<Person>) -> Result<Vec<Person>, EngineError> {
        let people: Result<Vec<Person>, EngineError> =
            people.into_iter().map(|person| self.expand(person)).collect();
        Ok(unite_people(people?))
    }

    /// The person with all ids that the profile has or had.
    fn expand(&self, person: Person) -> Result<Person, EngineError> {
        let snapshot = self.snapshot();
        let Person { user_ids, anonymous_ids } = person;
        let (mut user_ids, mut anonymous_ids): (BTreeSet<String>, BTreeSet<String>) =
            (user_ids.into_iter().collect(), anonymous_ids.into_iter().collect());
        for ids in [&mut user_ids, &mut anonymous_ids] {
            let trimmed: Vec<String> = ids.iter().map(|id| id.trim().to_owned()).collect();
            ids.extend(trimmed);
        }
        let users: BTreeSet<UserIdx> = {
            let of_type = |id: &String, type_| {
                let ids = snapshot.profiles.ids();
                ids.user_by_external_id(ExternalId { type_, value: id })
            };
            // Suppression goes by the text; so does a deletion where nobody has the id as named.
            let (user, device) = (ExternalIdType::UserId, ExternalIdType::AnonymousId);
            let of_users =
                user_ids.iter().filter_map(|id| of_type(id, user).or_else(|| of_type(id, device)));
            let of_devices = anonymous_ids
                .iter()
                .filter_map(|id| of_type(id, device).or_else(|| of_type(id, user)));
            of_users.chain(of_devices).collect()
        };
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

    /// What there is of these people but for the users that are `counted` already, which it adds
    /// to.
    pub(super) fn count_people(
        &self,
        people: &[Person],
        counted: &mut BTreeSet<UserIdx>,
    ) -> Result<DeletedState, EngineError> {
        let snapshot = self.snapshot();
        let find = |(type_, value): (_, &String)| {
            snapshot.profiles.ids().user_by_external_id(ExternalId { type_, value })
        };
        let users = people.iter().flat_map(typed_ids).filter_map(find);
        let users: BTreeSet<UserIdx> = users.filter(|user| counted.insert(*user)).collect();
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

fn typed_ids(person: &Person) -> impl Iterator<Item = (ExternalIdType, &String)> {
    let users = person.user_ids.iter().map(|id| (ExternalIdType::UserId, id));
    users.chain(person.anonymous_ids.iter().map(|id| (ExternalIdType::AnonymousId, id)))
}

/// Makes one person of those that share an id, whatever white space is around it.
fn unite_people(people: Vec<Person>) -> Vec<Person> {
    let mut united: Vec<Person> = Vec::with_capacity(people.len());
    let mut places: BTreeMap<(ExternalIdType, String), usize> = BTreeMap::new();
    for person in people {
        let key = |(type_, id): (ExternalIdType, &String)| (type_, id.trim().to_owned());
        let known: BTreeSet<usize> =
            typed_ids(&person).filter_map(|id| places.get(&key(id)).copied()).collect();
        let all = known.iter().map(|place| std::mem::take(&mut united[*place])).chain([person]);
        let mut whole = Person::default();
        for Person { user_ids, anonymous_ids } in all {
            add_missing(&mut whole.user_ids, user_ids);
            add_missing(&mut whole.anonymous_ids, anonymous_ids);
        }
        let place = known.first().copied().unwrap_or(united.len());
        places.extend(typed_ids(&whole).map(|id| (key(id), place)));
        match united.get_mut(place) {
            Some(empty) => *empty = whole,
            None => united.push(whole),
        }
    }
    united.retain(|person| typed_ids(person).next().is_some());
    united
}

fn add_missing(ids: &mut Vec<String>, more: Vec<String>) {
    let known: BTreeSet<String> = ids.iter().cloned().collect();
    ids.extend(more.into_iter().filter(|id| !known.contains(id)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(user_ids: &[&str], anonymous_ids: &[&str]) -> Person {
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        Person { user_ids: owned(user_ids), anonymous_ids: owned(anonymous_ids) }
    }

    #[test]
    fn those_who_share_an_id_are_one_person() {
        let people = vec![
            person(&["ann"], &["d1"]),
            person(&["bob"], &[]),
            person(&[" ann "], &[]),
            person(&[], &["d2"]),
            person(&["d2"], &[]),
            person(&["x"], &["d2", "d1"]),
        ];
        let united = vec![
            person(&["ann", " ann ", "x"], &["d1", "d2"]),
            person(&["bob"], &[]),
            person(&["d2"], &[]),
        ];
        assert_eq!(unite_people(people), united);
    }
}
