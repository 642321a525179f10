//! Lists for users by settings, with and without a scenario.

use domain::{ListRequest, Timestamp, UserIdx};
use serving::{QueryError, RecommendedList};

use crate::Engine;

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
        self.list_maker().recommend_many(users, request)
    }

    /// Updates the caches of lists, searches, filters and boosters, so that no request has to.
    /// Should be called every second or more often. Also switches to a model that another engine
    /// trained.
    pub fn refresh(&self) {
        self.follow_model();
        self.serving.refresh(&self.shared.live, self.now());
    }
}
