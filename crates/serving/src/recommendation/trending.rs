//! Popularity in the period and among the users that a list asks for: counted from the histories.

use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use domain::{ListRequest, Logic, Timestamp, UserIdx};
use rustc_hash::FxHashMap;

use super::stage::{Stage, map_budget_error};
use crate::evaluation::Segmentations;
use crate::expressions::Budget;
use crate::kept_counts::{Period, Ranked};
use crate::{ListError, LiveState, RequestBudget, Serving, Snapshot, USERS_PER_STEP};

/// The popularity of items by their index.
type Popularity = FxHashMap<u32, f32>;

impl Serving {
    /// The popularity among all users in the period that a list of trending items asks for; none
    /// where it asks for no period. The fold gets its turns meanwhile. O(users + interactions in
    /// the period), once for all lists of a period and for a while.
    pub(crate) fn popularity_of_all(
        &self,
        live: &LiveState,
        list: &ListRequest,
        now: Timestamp,
    ) -> Option<Ranked> {
        if !is_trending(list) || list.max_age_s.is_none() {
            return None;
        }
        let add = |views: &Snapshot<'_>, step: Range<u32>, popularity: &mut Popularity| {
            add_popularity(views, step.map(UserIdx), list, now, popularity);
            Ok::<(), Infallible>(())
        };
        // No filter has the key of all users.
        match self.count_popularity(live, list, Some(String::new()), now, add) {
            Ok(ranked) => Some(ranked),
            Err(never) => match never {},
        }
    }

    /// As [`Serving::popularity_of_all`], among the users that a stage asks for; none where it asks
    /// for neither a period nor users.
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
        if !is_trending(list) || (list.max_age_s.is_none() && !stage.has_user_filter()) {
            return Ok(None);
        }
        let evaluation = Budget::within(budget);
        let users = {
            let views = live.snapshot();
            self.with_user_filter(stage, segmentations, (&views, now), &evaluation, |users| {
                users.key()
            })?
        };
        let add = |views: &Snapshot<'_>, step: Range<u32>, popularity: &mut Popularity| {
            budget.check()?;
            self.with_user_filter(stage, segmentations, (views, now), &evaluation, |filter| {
                let users = step.map(UserIdx).filter(|user| filter.allows(*user));
                add_popularity(views, users, list, now, popularity);
            })?;
            map_budget_error(evaluation.check())
        };
        self.count_popularity(live, list, users, now, add).map(Some)
    }

    /// Counts, in steps of some users that `add` looks at, unless it was counted a moment ago.
    /// `users` is the key of the users who count; none where that is unknown.
    fn count_popularity<E>(
        &self,
        live: &LiveState,
        list: &ListRequest,
        users: Option<String>,
        now: Timestamp,
        mut add: impl FnMut(&Snapshot<'_>, Range<u32>, &mut Popularity) -> Result<(), E>,
    ) -> Result<Ranked, E> {
        let period =
            users.map(|users| Period { length_s: list.max_age_s, kind: list.interaction, users });
        if let Some(ranked) =
            period.as_ref().and_then(|period| self.period_popularity.get(period, now))
        {
            return Ok(ranked);
        }
        let started = Instant::now();
        let mut popularity = Popularity::default();
        let mut done = 0;
        loop {
            let views = live.snapshot();
            let n_users = views.interactions.histories().n_users() as u32;
            if done >= n_users {
                break;
            }
            let step = done..n_users.min(done + USERS_PER_STEP as u32);
            done = step.end;
            add(&views, step, &mut popularity)?;
        }
        let mut ranked: Vec<(u32, f32)> = popularity.into_iter().collect();
        ranked.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let ranked = Ranked::from(ranked);
        if let Some(period) = period {
            let n_bytes = size_of_val(&*ranked);
            self.period_popularity.put(period, &ranked, n_bytes, now, started.elapsed());
        }
        Ok(ranked)
    }
}

fn is_trending(list: &ListRequest) -> bool {
    list.logics().any(|logic| logic == Logic::Trending)
}

/// Adds what some users did in the period of a list.
fn add_popularity(
    views: &Snapshot<'_>,
    users: impl Iterator<Item = UserIdx>,
    list: &ListRequest,
    now: Timestamp,
    popularity: &mut Popularity,
) {
    let first_s = list.max_age_s.map_or(0, |length_s| now.seconds_u32().saturating_sub(length_s));
    let weights = &views.setup.config.interaction_weights;
    let histories = views.interactions.histories();
    histories.add_period_popularity(users, first_s, list.interaction, weights, popularity);
}
