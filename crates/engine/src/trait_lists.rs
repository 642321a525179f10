//! The lists of recommended-items traits: of one user, and of everybody who has the trait.

use std::sync::Arc;

use domain::{Endpoint, TraitDefinition, UserIdx};
use rayon::prelude::*;
use serving::{
    ListQuestions, MissingEntities, PreviewedEntries, RecommendationRequest, RecommendedList,
    RequestBudget, USERS_PER_STEP,
};

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
        let Some(scenario) = &definition.scenario else {
            return Ok(self.recommend(Some(user), &definition.list())?);
        };
        let request = RecommendationRequest {
            user_id: self.find_user_name(Some(user))?.map(|(_, id)| id),
            scenario: Some(scenario.clone()),
            missing: MissingEntities::Ignored,
            ..RecommendationRequest::new(Endpoint::RecommendItemsToUser, definition.count as usize)
        };
        let made = self.preview_recommendations(&request, ListQuestions::default(), budget)?.list;
        let items = match made.entries {
            PreviewedEntries::Items(items) => items,
            PreviewedEntries::Others(_) => Vec::new(),
        };
        Ok(RecommendedList {
            items,
            item_type: None,
            recomm_id: None,
            model: made.model,
            fallback: made.fallback,
        })
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
        if definition.scenario.is_none() {
            let users: Vec<Option<UserIdx>> = users.iter().copied().map(Some).collect();
            return Ok(self.recommend_many(&users, &definition.list())?);
        }
        users.par_iter().map(|user| self.trait_list(*user, definition, budget)).collect()
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
