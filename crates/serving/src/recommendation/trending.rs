//! Popularity in the period and among the users that a list asks for: counted from the histories.

use std::sync::Arc;
use std::time::Instant;

use domain::{ListRequest, Logic, Timestamp, UserIdx};
use rustc_hash::FxHashMap;

use super::stage::{Stage, map_budget_error};
use crate::evaluation::Segmentations;
use crate::expressions::Budget;
use crate::kept_counts::{Period, Ranked};
use crate::{ListError, LiveState, RequestBudget, Serving, USERS_PER_STEP};

impl Serving {
    /// The popularity in the period and among the users that a list of trending items asks for;
    /// none where it asks for neither. The fold gets its turns meanwhile. O(users + interactions in
    /// the period).
    ///
    /// # Errors
    /// If the request's budget is used up, or the filter of users is wrong or takes too long.
    pub(super) fn period_popularity(
        &self,
        live: &LiveState,
        stage: &Stage<'_>,
        list: &ListRequest,
        segmentations: &Segmentations,
        now: Timestamp,
        budget: &Arc<RequestBudget>,
    ) -> Result<Option<Ranked>, ListError> {
        let is_trending = list.logics().any(|logic| logic == Logic::Trending);
        if !is_trending || (list.max_age_s.is_none() && !stage.has_user_filter()) {
            return Ok(None);
        }
        let evaluation = Budget::within(budget);
        let users = {
            let views = live.snapshot();
            self.with_user_filter(stage, segmentations, (&views, now), &evaluation, |users| {
                users.key()
            })?
        };
        let period =
            users.map(|users| Period { length_s: list.max_age_s, kind: list.interaction, users });
        if let Some(ranked) =
            period.as_ref().and_then(|period| self.period_popularity.get(period, now))
        {
            return Ok(Some(ranked));
        }
        let started = Instant::now();
        let first_s =
            list.max_age_s.map_or(0, |length_s| now.seconds_u32().saturating_sub(length_s));
        let mut popularity = FxHashMap::default();
        let mut done = 0;
        loop {
            budget.check()?;
            let views = live.snapshot();
            let histories = views.interactions.histories();
            let n_users = histories.n_users() as u32;
            if done >= n_users {
                break;
            }
            let step = done..n_users.min(done + USERS_PER_STEP as u32);
            done = step.end;
            let weights = &views.setup.config.interaction_weights;
            self.with_user_filter(stage, segmentations, (&views, now), &evaluation, |filter| {
                let users = step.map(UserIdx).filter(|user| filter.allows(*user));
                histories.add_period_popularity(
                    users,
                    first_s,
                    list.interaction,
                    weights,
                    &mut popularity,
                );
            })?;
            map_budget_error(evaluation.check())?;
        }
        let mut ranked: Vec<(u32, f32)> = popularity.into_iter().collect();
        ranked.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let ranked = Ranked::from(ranked);
        if let Some(period) = period {
            let n_bytes = size_of_val(&*ranked);
            self.period_popularity.put(period, &ranked, n_bytes, now, started.elapsed());
        }
        Ok(Some(ranked))
    }
}
