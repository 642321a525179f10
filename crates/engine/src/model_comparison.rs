//! The lists of a few people by two models, for whoever decides between the models. One of them is
//! read from its artifact and dropped again; a workspace does this once at a time.

use std::collections::BTreeSet;

use domain::{ListRequest, Logic, UserIdx};
use serving::{RecommendedList, ServedModel, USERS_PER_STEP};
use xxhash_rust::xxh3::xxh3_64;

use crate::{Engine, EngineError, TrainingError};

/// The number of people whose lists are compared.
pub const COMPARED_PEOPLE: usize = 10;
/// The number of items of each compared list.
pub const COMPARED_ITEMS: usize = 10;

/// The lists of one person by two models.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedLists {
    /// The person.
    pub user: UserIdx,
    /// The list by the first model.
    pub before: RecommendedList,
    /// The list by the second model.
    pub after: RecommendedList,
}

impl Engine {
    /// The versions of all models whose artifacts are on disk, oldest first. Only lists by these
    /// can be compared.
    ///
    /// # Errors
    /// If the folder of the artifacts cannot be read.
    pub fn models_on_disk(&self) -> Result<Vec<String>, EngineError> {
        Ok(self.artifacts.list_versions()?)
    }

    /// Makes the lists of [`COMPARED_PEOPLE`] people by two models, from their present histories.
    /// The people are the same as long as the histories are: some with long and some with short
    /// ones, the longest first. Records no impression. `check` is called between any two steps; its
    /// errors end the work.
    ///
    /// # Errors
    /// [`TrainingError::NoSuchModel`], [`TrainingError::ModelUnusable`],
    /// [`TrainingError::ComparisonUnderWay`], those of lists, and those of `check`.
    pub fn compare_models<E: From<EngineError>>(
        &self,
        before: &str,
        after: &str,
        check: &dyn Fn() -> Result<(), E>,
    ) -> Result<Vec<ComparedLists>, E> {
        let under_way = || EngineError::from(TrainingError::ComparisonUnderWay);
        let _one_at_a_time = self.comparison_lock.try_lock().ok_or_else(under_way)?;
        let users = self.choose_people(check)?;
        let before = self.lists_by(before, &users, check)?;
        let after = self.lists_by(after, &users, check)?;
        let lists = before.into_iter().zip(after);
        let compared = users.into_iter().zip(lists);
        Ok(compared.map(|(user, (before, after))| ComparedLists { user, before, after }).collect())
    }

    /// The lists of users by one model, which is in memory only meanwhile unless it is in use.
    fn lists_by<E: From<EngineError>>(
        &self,
        version: &str,
        users: &[UserIdx],
        check: &dyn Fn() -> Result<(), E>,
    ) -> Result<Vec<RecommendedList>, E> {
        let model = self.open_model(version)?;
        let request = ListRequest::new(COMPARED_ITEMS, Logic::Personal);
        let (live, now) = (&self.shared.live, self.now());
        let list = |user: &UserIdx| {
            check()?;
            let list = self.serving.recommend_with(live, &model, Some(*user), &request, now);
            Ok(list.map_err(EngineError::from)?)
        };
        users.iter().map(list).collect()
    }

    /// A model whose artifact is on disk.
    pub(crate) fn open_model(&self, version: &str) -> Result<ServedModel, EngineError> {
        let in_use = self.serving.model_in_use(&self.shared.live);
        if in_use.version().as_deref() == Some(version) {
            return Ok(in_use);
        }
        let no_such_model = || TrainingError::NoSuchModel { version: version.to_owned() };
        let trainings = self.trainings();
        let training = trainings.iter().find(|training| training.version == version);
        let model = self.read_model(training.ok_or_else(no_such_model)?).map_err(|why| {
            let usable = self.models_on_disk().unwrap_or_default().join(", ");
            TrainingError::ModelUnusable { version: version.to_owned(), why, usable }
        })?;
        Ok(self.serving.prepare_model(&self.shared.live, model))
    }

    fn choose_people<E: From<EngineError>>(
        &self,
        check: &dyn Fn() -> Result<(), E>,
    ) -> Result<Vec<UserIdx>, E> {
        let n_users = self.snapshot().interactions.histories().n_users();
        let mut people = PeopleByHistory::default();
        for first in (0..n_users).step_by(USERS_PER_STEP) {
            check()?;
            let views = self.snapshot();
            for user in (first..(first + USERS_PER_STEP).min(n_users)).map(|n| UserIdx(n as u32)) {
                let n_entries = views.interactions.histories().row(user).len();
                if n_entries > 0 && views.profiles.ids().is_alive(user) {
                    people.add(user, n_entries);
                }
            }
        }
        Ok(people.choose())
    }
}

/// A few people for each length of history. Which ones follows from a hash, so that they are not
/// all among the first that came.
#[derive(Default)]
struct PeopleByHistory {
    /// By the number of interactions: the [`COMPARED_PEOPLE`] with the smallest hashes.
    by_length: Vec<BTreeSet<(u64, UserIdx)>>,
}

impl PeopleByHistory {
    fn add(&mut self, user: UserIdx, length: usize) {
        if self.by_length.len() <= length {
            self.by_length.resize_with(length + 1, BTreeSet::new);
        }
        let (kept, key) = (&mut self.by_length[length], (xxh3_64(&user.0.to_le_bytes()), user));
        if kept.len() < COMPARED_PEOPLE {
            kept.insert(key);
        } else if kept.last().is_some_and(|last| key < *last) {
            kept.pop_last();
            kept.insert(key);
        }
    }

    /// Takes people with lengths between which the ratio is about the same, from the longest down
    /// to 1.
    fn choose(mut self) -> Vec<UserIdx> {
        let longest = self.by_length.len().saturating_sub(1);
        let mut chosen = Vec::with_capacity(COMPARED_PEOPLE);
        for step in (0..COMPARED_PEOPLE).rev() {
            let share = step as f64 / (COMPARED_PEOPLE - 1) as f64;
            let wanted = (longest as f64).powf(share).round() as usize;
            let with_people =
                self.by_length.iter_mut().enumerate().filter(|(_, of)| !of.is_empty());
            let nearest = with_people.min_by_key(|(length, _)| length.abs_diff(wanted));
            let person = nearest.and_then(|(length, of)| Some((length, of.pop_first()?.1)));
            chosen.extend(person);
        }
        // Where few have the length that is wanted, a longer one may have been the nearest.
        chosen.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        chosen.into_iter().map(|(_, user)| user).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(lengths: impl Iterator<Item = usize>) -> Vec<usize> {
        let lengths: Vec<usize> = lengths.collect();
        let mut people = PeopleByHistory::default();
        for (user, length) in lengths.iter().enumerate() {
            people.add(UserIdx(user as u32), *length);
        }
        people.choose().iter().map(|user| lengths[user.0 as usize]).collect()
    }

    #[test]
    fn people_have_long_and_short_histories_whatever_most_have() {
        // Most have one interaction, few have many.
        let lengths = (1..=5_000_usize).map(|n| (5_000 / n).min(500));
        assert_eq!(choose(lengths), [500, 250, 125, 63, 32, 16, 8, 4, 2, 1]);
        assert_eq!(choose([7; 50].into_iter()), [7; COMPARED_PEOPLE]);
        assert_eq!(choose([3, 40, 5].into_iter()), [40, 5, 3], "there are no more");
        assert_eq!(choose(std::iter::empty()), [0_usize; 0]);
    }

    #[test]
    fn the_same_people_are_chosen_in_any_order() {
        let people = |users: &mut dyn Iterator<Item = u32>| {
            let mut people = PeopleByHistory::default();
            users.for_each(|user| people.add(UserIdx(user), user as usize % 4 + 1));
            people.choose()
        };
        let chosen = people(&mut (0..1_000));
        assert_eq!((chosen.len(), &chosen), (COMPARED_PEOPLE, &people(&mut (0..1_000).rev())));
        assert!(chosen.iter().any(|user| user.0 >= 500), "not only those who came first");
    }
}
