//! Lists of users: like a user, or for an item.

use std::cell::Cell;
use std::sync::Arc;

use domain::{InteractionKind, ItemIdx, Timestamp, UserIdx};
use recommender::{excludes, rank_users};
use rustc_hash::FxHashSet;
use state::Views;
use store::StoreError;

use super::prepare::StageSources;
use super::stage::{Stage, StageList};
use crate::evaluation::UserRows;
use crate::expressions::Budget;
use crate::{ListError, LiveState, RequestBudget, Serving};

/// The number of users that are scored under one snapshot: about a millisecond.
const USERS_PER_SNAPSHOT: usize = 256;

impl Serving {
    /// Scores all users in steps, so that the fold can run in between.
    pub(super) fn list_users(
        &self,
        live: &LiveState,
        stage: &Stage<'_>,
        StageSources { in_use, segmentations, .. }: &StageSources,
        now: Timestamp,
        budget: &Arc<RequestBudget>,
    ) -> Result<StageList, ListError> {
        let list = stage.list()?;
        let (taste, n_users) = {
            let views = live.snapshot();
            let (user, item) = stage.resolve(&views);
            let sources = in_use.sources(&views);
            let histories = views.interactions.histories();
            let taste = match item {
                Some(item) => sources.user_query_for_items(&[item]),
                None => {
                    sources.user_query_for_history(user.map_or(&[], |user| histories.row(user)))
                }
            };
            let n_known =
                views.profiles.ids().known_users().last().map_or(0, |user| user.pos() + 1);
            (taste, histories.n_users().max(n_known))
        };
        let mut scores = Vec::with_capacity(n_users);
        for first in (0..n_users).step_by(USERS_PER_SNAPSHOT) {
            budget.check()?;
            let views = live.snapshot();
            let users =
                (first..(first + USERS_PER_SNAPSHOT).min(n_users)).map(|user| UserIdx(user as u32));
            let histories: Vec<_> =
                users.map(|user| views.interactions.histories().row(user)).collect();
            scores.extend(in_use.sources(&views).score_users(&taste, &histories));
        }
        let snapshot = live.snapshot();
        let views: &Views = &snapshot;
        let (user, item) = stage.resolve(views);
        let ids = views.profiles.ids();
        let (rows, contexts) =
            (UserRows { table: &views.users, ids }, stage.contexts(&snapshot, segmentations, now));
        let budget = Budget::within(budget);
        let selection = self.selection(stage, views, &rows, &contexts, &budget)?;
        let histories = views.interactions.histories();
        let left_out: FxHashSet<UserIdx> =
            stage.left_out.iter().filter_map(|id| ids.user_by_id(id)).chain(user).collect();
        let failed: Cell<Option<StoreError>> = Cell::new(None);
        let has_it = |user: UserIdx, item: ItemIdx| {
            let is_excluded = |kind: InteractionKind| excludes(list.exclude, kind);
            if histories.row(user).iter().any(|entry| entry.item == item && is_excluded(entry.kind))
            {
                return true;
            }
            // Interactions that are too old for memory are in the store.
            histories.is_full(user)
                && views
                    .interactions
                    .has_interaction(snapshot.store(), user, item, is_excluded)
                    .unwrap_or_else(|error| {
                        failed.set(Some(error));
                        true
                    })
        };
        let allows = |user: UserIdx| {
            ids.user_id(user).is_some()
                && !left_out.contains(&user)
                && selection.allows(user.0)
                && item.is_none_or(|item| !has_it(user, item))
        };
        let boost = |user: UserIdx| selection.boost(user.0);
        let booster: Option<&dyn Fn(UserIdx) -> f32> =
            if selection.boosters.is_empty() { None } else { Some(&boost) };
        let sources = in_use.sources(views);
        let found = rank_users(sources, &scores, histories, &list, booster, &allows);
        if let Some(source) = failed.take() {
            return Err(source.into());
        }
        let found = found.into_iter().map(|(user, score)| (user.0, score));
        stage.to_listed(in_use, &rows, &contexts.caller, &budget, found, false)
    }
}
