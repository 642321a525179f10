//! Lists for users: of traits, and for previews.

use domain::{ListRequest, Timestamp, TraitDefinition, UserIdx};
use serving::{QueryError, RecommendedList, USERS_PER_STEP};

use crate::{Engine, EngineError};

impl Engine {
    /// Makes a list for a user, or for an unknown one, from the present history. Records no
    /// impression; [`Engine::serve_trait`] does.
    ///
    /// # Errors
    /// If the request is for values of an unknown property, or the store cannot be read.
    pub fn recommend(
        &self,
        user: Option<UserIdx>,
        request: &ListRequest,
    ) -> Result<RecommendedList, QueryError> {
        self.recommend_at(user, request, self.now())
    }

    /// As [`Engine::recommend`], at a given time.
    pub(crate) fn recommend_at(
        &self,
        user: Option<UserIdx>,
        request: &ListRequest,
        at: Timestamp,
    ) -> Result<RecommendedList, QueryError> {
        self.serving.recommend(&self.shared.live, user, request, at)
    }

    /// Makes lists for many users on all cores, in the order of the users.
    ///
    /// # Errors
    /// As [`Engine::recommend`].
    pub fn recommend_many(
        &self,
        users: &[Option<UserIdx>],
        request: &ListRequest,
    ) -> Result<Vec<RecommendedList>, QueryError> {
        self.serving.recommend_many(&self.shared.live, users, request, self.now())
    }

    /// Computes a trait for every known user, in the order of their indices. `sink` gets each
    /// user's id and list, `progress` the number of users done and in all.
    ///
    /// # Errors
    /// As [`Engine::recommend`], and those of `sink`.
    pub fn compute_trait<E: From<EngineError>>(
        &self,
        definition: &TraitDefinition,
        progress: &dyn Fn(u64, u64),
        mut sink: impl FnMut(&str, RecommendedList) -> Result<(), E>,
    ) -> Result<(), E> {
        let users: Vec<Option<UserIdx>> =
            self.snapshot().profiles.ids().known_users().map(Some).collect();
        let request = definition.list();
        let mut n_done = 0;
        for step in users.chunks(USERS_PER_STEP) {
            let lists = self.recommend_many(step, &request).map_err(EngineError::from)?;
            for (user, list) in step.iter().flatten().zip(lists) {
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

    /// Updates the caches of lists, searches, filters and boosters, so that no request has to.
    /// Should be called every second or more often. Also switches to a model that another engine
    /// trained.
    pub fn refresh(&self) {
        self.follow_model();
        self.serving.refresh(&self.shared.live, self.now());
    }
}
