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
        let trimmed = |(type_, id): (ExternalIdType, &String)| {
            [(type_, id.clone()), (type_, id.trim().to_owned())]
        };
        let mut all: BTreeSet<(ExternalIdType, String)> = person.ids().flat_map(trimmed).collect();
        let users: BTreeSet<UserIdx> = {
            let of_type = |type_, value: &str| {
                snapshot.profiles.ids().user_by_external_id(ExternalId { type_, value })
            };
            let find = |(type_, id): &(ExternalIdType, String)| {
                // Suppression goes by the text; so does a deletion where nobody has the id as
                // named.
                let other = match type_ {
                    ExternalIdType::UserId => Some(ExternalIdType::AnonymousId),
                    ExternalIdType::AnonymousId => Some(ExternalIdType::UserId),
                    ExternalIdType::Declared(_) => None,
                };
                of_type(*type_, id).or_else(|| of_type(other?, id))
            };
            all.iter().filter_map(find).collect()
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
            // What is not unique, such as the number of a household, is of others too.
            let own = ids.filter(|id| id.is_unique).map(|id| (id.type_, id.value));
            all.extend(own.chain(merged));
        }
        let mut expanded = Person::default();
        all.into_iter().for_each(|(type_, id)| expanded.add(type_, id));
        Ok(expanded)
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
        let users = people.iter().flat_map(Person::ids).filter_map(find);
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

/// Makes one person of those that share an id, whatever white space is around it.
fn unite_people(people: Vec<Person>) -> Vec<Person> {
    let mut united: Vec<Person> = Vec::with_capacity(people.len());
    let mut places: BTreeMap<(ExternalIdType, String), usize> = BTreeMap::new();
    for person in people {
        let key = |(type_, id): (ExternalIdType, &String)| (type_, id.trim().to_owned());
        let known: BTreeSet<usize> =
            person.ids().filter_map(|id| places.get(&key(id)).copied()).collect();
        let all = known.iter().map(|place| std::mem::take(&mut united[*place])).chain([person]);
        let mut whole = Person::default();
        for Person { user_ids, anonymous_ids, other_ids } in all {
            add_missing(&mut whole.user_ids, user_ids);
            add_missing(&mut whole.anonymous_ids, anonymous_ids);
            add_missing(&mut whole.other_ids, other_ids);
        }
        let place = known.first().copied().unwrap_or(united.len());
        places.extend(whole.ids().map(|id| (key(id), place)));
        match united.get_mut(place) {
            Some(empty) => *empty = whole,
            None => united.push(whole),
        }
    }
    united.retain(|person| person.ids().next().is_some());
    united
}

fn add_missing<T: Ord + Clone>(ids: &mut Vec<T>, more: Vec<T>) {
    let known: BTreeSet<T> = ids.iter().cloned().collect();
    ids.extend(more.into_iter().filter(|id| !known.contains(id)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(user_ids: &[&str], anonymous_ids: &[&str]) -> Person {
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let (user_ids, anonymous_ids) = (owned(user_ids), owned(anonymous_ids));
        Person { user_ids, anonymous_ids, ..Person::default() }
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
