//! The lists of recommended-items traits: of one user, and of everybody who has the trait.

use std::sync::Arc;

use domain::{TraitDefinition, UserIdx};
use serving::{RecommendedList, RequestBudget, USERS_PER_STEP};

use crate::list_maker::new_id;
use crate::{Engine, ListImpression, Place, RecommendationError};

impl Engine {
    /// Whether a user has a trait: by its definition and, where a trait without items is none, by
    /// its list.
    ///
    /// # Errors
    /// As [`Engine::trait_list`].
    pub fn shows_trait(
        &self,
        user: UserIdx,
        definition: &TraitDefinition,
        budget: &Arc<RequestBudget>,
    ) -> Result<bool, RecommendationError> {
        self.list_maker().shows_trait(user, definition, budget)
    }

    /// Makes the list of a trait for a user, from the present history. Whether the user has the
    /// trait is another question: [`Engine::shows_trait`]. Records no impression;
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

    /// Makes the list of a trait for a user and records its impression. If `is_cited`, the list
    /// gets a recommendation id, which interactions can cite. If not, the impression counts for
    /// rotation only.
    ///
    /// # Errors
    /// As [`Engine::trait_list`].
    pub fn serve_trait(
        &self,
        user: UserIdx,
        definition: &TraitDefinition,
        is_cited: bool,
        budget: &Arc<RequestBudget>,
    ) -> Result<RecommendedList, RecommendationError> {
        let mut list = self.trait_list(user, definition, budget)?;
        let (at, rotates) = (self.now(), self.rotates(definition));
        if is_cited {
            list.recomm_id = Some(new_id(at));
        }
        if is_cited || (rotates && !list.items.is_empty()) {
            let impression = ListImpression {
                recomm_id: list.recomm_id,
                user: None,
                at,
                items: list.items.iter().map(|item| item.item_id.clone()).collect(),
                place: Place::Trait(definition.key.clone()),
                group: None,
                model: list.model.clone(),
                rotates,
                n_next: 0,
                request: None,
            };
            self.record_impression(Some(user), impression, false)?;
        }
        Ok(list)
    }

    /// Whether the items of a trait step back once they were seen.
    fn rotates(&self, definition: &TraitDefinition) -> bool {
        let config = self.config();
        let scenario = definition.scenario.as_ref().and_then(|name| config.scenario(name));
        let of_scenario = scenario.and_then(|scenario| scenario.settings.rotation_rate);
        of_scenario.unwrap_or(definition.rotation_rate) > 0.0
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
                if self.shows_trait(*user, definition, &budget)? {
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
