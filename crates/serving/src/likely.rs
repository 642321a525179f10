//! Who is likely to act on some items: everybody's score by a model, in steps.

use std::sync::Arc;

use domain::{ItemIdx, LikelyAudience, LikelyTarget, Timestamp, UserIdx};
use linalg::TopK;
use recommender::{HistoryEntry, UserQuery};
use reql::Subject;

use crate::evaluation::{EvaluationContext, ExpressionSchema, ItemRows};
use crate::expressions::{Budget, ExpressionUse};
use crate::groupings::Grouping;
use crate::recommendation::{map_budget_error, wrong};
use crate::{ListError, LiveState, QueryError, RequestBudget, ServedModel, Serving, Snapshot};

/// The number of people who are scored under one snapshot: about a millisecond.
const USERS_PER_SNAPSHOT: usize = 256;
/// How many items are filtered between two turns of the fold.
const ITEMS_PER_STEP: usize = 1_000;

/// Items, ready to be asked who is likely to act on them.
pub struct LikelyQuery {
    model: ServedModel,
    query: UserQuery,
    /// Ascending.
    items: Vec<ItemIdx>,
    excludes_acted: bool,
}

/// The people with the best scores so far.
pub struct LikeliestPeople {
    best: TopK,
    /// How many people have a score above 0.
    pub n_interested: u64,
}

impl LikelyQuery {
    /// The version of the model; none before the first training.
    pub fn model(&self) -> Option<String> {
        self.model.version()
    }

    /// The items, ascending.
    pub fn items(&self) -> &[ItemIdx] {
        &self.items
    }

    /// Whether an interaction is with one of the items.
    pub fn is_about(&self, entry: &HistoryEntry) -> bool {
        self.items.binary_search(&entry.item).is_ok()
    }

    /// The scores of people by their histories, oldest first: 0 for no interest, and for whoever
    /// has acted where these are left out.
    pub fn score(&self, snapshot: &Snapshot<'_>, histories: &[&[HistoryEntry]]) -> Vec<f32> {
        let sources = self.model.sources(snapshot);
        let mut scores = sources.score_users(&self.query, histories);
        let has_acted = |history: &[HistoryEntry]| history.iter().any(|entry| self.is_about(entry));
        for (score, history) in scores.iter_mut().zip(histories) {
            if !score.is_finite() || self.excludes_acted && has_acted(history) {
                *score = 0.0;
            }
        }
        scores
    }
}

impl LikeliestPeople {
    /// Collects up to `n` people.
    pub fn new(n: usize) -> Self {
        Self { best: TopK::new(n), n_interested: 0 }
    }

    /// Offers somebody with a score. Who is offered with 0 has no interest.
    pub fn offer(&mut self, user: UserIdx, score: f32) {
        if score > 0.0 {
            self.n_interested += 1;
            self.best.offer(user.0, score, || true);
        }
    }

    /// The people with their scores, best first; of equal scores, who became known first.
    pub fn into_sorted(self) -> Vec<(UserIdx, f32)> {
        let best = self.best.into_sorted().into_iter();
        best.map(|(user, score)| (UserIdx(user), score)).collect()
    }
}

impl Serving {
    /// Makes a question ready: finds the items, and what speaks for them by the model, which is
    /// the one in use unless another is given.
    ///
    /// # Errors
    /// If the filter does not fit the catalog, or nobody waits any more.
    pub fn likely_query(
        &self,
        live: &LiveState,
        likely: &LikelyAudience,
        model: Option<ServedModel>,
        now: Timestamp,
        budget: &Arc<RequestBudget>,
    ) -> Result<LikelyQuery, ListError> {
        let items = self.likely_items(live, likely, now, budget)?;
        let model = model.unwrap_or_else(|| self.model_in_use(live));
        let query = model.sources(&live.snapshot()).user_query_for_items(&items);
        Ok(LikelyQuery { model, query, items, excludes_acted: likely.exclude_acted })
    }

    /// Of what a product-based audience names, what the workspace does not know: ids of items, the
    /// property, or the value that no item has.
    ///
    /// # Errors
    /// If the values of the property cannot be grouped.
    pub fn unknown_likely(
        &self,
        live: &LiveState,
        likely: &LikelyAudience,
        now: Timestamp,
    ) -> Result<Vec<String>, QueryError> {
        Ok(match likely.target() {
            Ok(LikelyTarget::Items(ids)) => {
                let snapshot = live.snapshot();
                let unknown = ids.iter().filter(|id| snapshot.catalog.item(id).is_none());
                unknown.map(|id| format!("item {id:?}")).collect()
            }
            Ok(LikelyTarget::Property(property, value)) => {
                let is_known = live.snapshot().catalog.table().property(property).is_some();
                match is_known {
                    false => vec![format!("property {property:?}")],
                    true if self.items_with(live, property, value, now)?.is_empty() => {
                        vec![format!("value {value:?} of the property {property:?}")]
                    }
                    true => Vec::new(),
                }
            }
            // A filter that names what there is not is refused.
            Ok(LikelyTarget::Filter(_)) | Err(_) => Vec::new(),
        })
    }

    /// The items that a product-based audience is about, ascending.
    fn likely_items(
        &self,
        live: &LiveState,
        likely: &LikelyAudience,
        now: Timestamp,
        budget: &Arc<RequestBudget>,
    ) -> Result<Vec<ItemIdx>, ListError> {
        let mut items = match likely.target().map_err(ListError::Invalid)? {
            LikelyTarget::Items(ids) => {
                let snapshot = live.snapshot();
                ids.iter().filter_map(|id| snapshot.catalog.item(id)).collect()
            }
            LikelyTarget::Property(property, value) => {
                self.items_with(live, property, value, now)?
            }
            LikelyTarget::Filter(filter) => self.filtered_items(live, filter, now, budget)?,
        };
        items.sort_unstable();
        items.dedup();
        Ok(items)
    }

    /// The items that have a value of a property, ascending; none where there is no such property.
    ///
    /// # Errors
    /// If the values cannot be grouped.
    pub fn items_with(
        &self,
        live: &LiveState,
        property: &str,
        value: &str,
        now: Timestamp,
    ) -> Result<Vec<ItemIdx>, QueryError> {
        if live.snapshot().catalog.table().property(property).is_none() {
            return Ok(Vec::new());
        }
        let grouping = Grouping::Property(property.to_owned());
        let facet = self.groupings.get(live, &grouping, now)?;
        let items = facet.value(value).map_or(&[][..], |value| facet.items_of(value));
        Ok(items.iter().copied().map(ItemIdx).collect())
    }

    fn filtered_items(
        &self,
        live: &LiveState,
        filter: &str,
        now: Timestamp,
        budget: &Arc<RequestBudget>,
    ) -> Result<Vec<ItemIdx>, ListError> {
        let wrong = wrong("likely.filter");
        let n_items = {
            let views = live.snapshot();
            let schema = ExpressionSchema { views: &views, subject: Subject::Items };
            self.expressions.check(ExpressionUse::Filter, filter, &schema).map_err(&wrong)?;
            views.catalog.n_items()
        };
        let within = Budget::within(budget);
        let mut items = Vec::new();
        for first in (0..n_items).step_by(ITEMS_PER_STEP) {
            budget.check()?;
            let views = live.snapshot();
            let (rows, context) =
                (ItemRows(&views.catalog), EvaluationContext::anonymous(&views, now));
            let filter = self
                .expressions
                .prepare_for_items(ExpressionUse::Filter, filter, &views, &rows, &context, &within)
                .map_err(&wrong)?;
            let step = first..(first + ITEMS_PER_STEP).min(n_items);
            let step = step.map(|item| ItemIdx(item as u32));
            let is_meant =
                |item: &ItemIdx| views.catalog.is_available(*item) && filter.allows(item.0);
            items.extend(step.filter(is_meant));
        }
        map_budget_error(within.check())?;
        Ok(items)
    }

    /// The scores of people, in their order: 0 for no interest, and for whoever has acted where
    /// these are left out.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn score_likely(
        &self,
        live: &LiveState,
        asked: &LikelyQuery,
        people: &[UserIdx],
    ) -> Result<Vec<f32>, QueryError> {
        let mut scores = Vec::with_capacity(people.len());
        for people in people.chunks(USERS_PER_SNAPSHOT) {
            let snapshot = live.snapshot();
            let histories = snapshot.interactions.histories();
            let rows: Vec<&[HistoryEntry]> =
                people.iter().map(|user| histories.row(*user)).collect();
            let first = scores.len();
            scores.extend(asked.score(&snapshot, &rows));
            // Of whoever did much, what is long ago is in the store.
            let is_full = |user: &UserIdx| asked.excludes_acted && histories.is_full(*user);
            for (place, user) in people.iter().enumerate().filter(|(_, user)| is_full(user)) {
                let acted =
                    snapshot.interactions.items_by_user(snapshot.store(), *user, |_| true)?;
                if asked.items.iter().any(|item| acted.contains(item)) {
                    scores[first + place] = 0.0;
                }
            }
        }
        Ok(scores)
    }
}
