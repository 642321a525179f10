//! The lists of recommended-items traits: of one user, and of everybody who has the trait.

use std::sync::Arc;

use domain::{TraitDefinition, UserIdx};
use serving::{RecommendedList, RequestBudget, USERS_PER_STEP};

use crate::{Engine, RecommendationError};

impl Engine {
    /// Makes the list of a trait for a user, from the present history. Whether the user has the
    /// trait is another question: `Snapshot::has_trait`. Records no impression;
    /// [`Engine::serve_trait`] does.
    ///
    /// # Errors
    /// If the list is of values of an unknown property, the scenario is gone or costs too much, or
    /// the store cannot be read.
    pub fn trait_list(
        &self,
        user: UserIdx,
        definition: &TraitDefinition,
        budget: &Arc<RequestBudget>,
    ) -> Result<RecommendedList, RecommendationError> {
        self.list_maker().trait_list(user, definition, budget)
    }

    /// Makes the lists of a trait for many users on all cores, in the order of the users.
    ///
    /// # Errors
    /// As [`Engine::trait_list`].
    pub fn trait_lists(
        &self,
        users: &[UserIdx],
        definition: &TraitDefinition,
        budget: &Arc<RequestBudget>,
    ) -> Result<Vec<RecommendedList>, RecommendationError> {
        self.list_maker().trait_lists(users, definition, budget)
    }

    /// Computes a trait for every user who has it and a user id, in the order of their indices.
    /// `sink` gets each user's id and list, `progress` the number of users looked at and in all.
    ///
    /// # Errors
    /// As [`Engine::trait_list`], and those of `sink`.
    pub fn compute_trait<E: From<RecommendationError>>(
        &self,
        definition: &TraitDefinition,
        progress: &dyn Fn(u64, u64),
        mut sink: impl FnMut(&str, RecommendedList) -> Result<(), E>,
    ) -> Result<(), E> {
        let users: Vec<UserIdx> = self.snapshot().profiles.ids().known_users().collect();
        let budget = Arc::new(RequestBudget::unlimited());
        let mut n_done = 0;
        for step in users.chunks(USERS_PER_STEP) {
            let mut having = Vec::with_capacity(step.len());
            for user in step {
                if self
                    .snapshot()
                    .has_trait(definition, *user)
                    .map_err(RecommendationError::from)?
                {
                    having.push(*user);
                }
            }
            let lists = self.trait_lists(&having, definition, &budget)?;
            for (user, list) in having.iter().zip(lists) {
                let user_id = self.snapshot().profiles.ids().user_id(*user).map(str::to_owned);
                // A merge may have taken the user away since.
                if let Some(user_id) = user_id {
                    sink(&user_id, list)?;
                }
            }
            n_done += step.len() as u64;
            progress(n_done, users.len() as u64);
        }
        Ok(())
    }
}
