//! The values of an expression for all items, which are kept.

use std::time::{Duration, Instant};

use domain::Timestamp;
use reql::Expression;
use state::Views;

use super::{Budget, ExpressionUse, evaluate};
use crate::LiveState;
use crate::evaluation::{EvaluationContext, ItemRows};

/// A filter that lets at most one of so many items pass is a list of them.
const FEW_OF: usize = 20;
/// How many items are computed between two turns of the fold.
const ITEMS_PER_STEP: usize = 1_000;
/// A list computes the values of so many changed items itself; where more have changed, all are
/// computed beforehand.
const CHANGES_AT_ONCE_MAX: usize = 500;

/// The values of all items in one state of their properties.
pub(super) struct Computed {
    pub(super) revision: u64,
    pub(super) now_s: f64,
    /// The value for each item: that of a booster, or 1 and 0 for a filter.
    pub(super) by_item: Vec<f32>,
    /// The largest of them.
    pub(super) max: f32,
    /// The items that a filter lets pass, where they are few.
    pub(super) candidate_set: Option<Vec<u32>>,
    /// How long it took to compute them all.
    pub(super) duration: Duration,
}

impl Computed {
    pub(super) fn new(
        use_: ExpressionUse,
        state: (u64, f64),
        by_item: Vec<f32>,
        duration: Duration,
    ) -> Self {
        let (revision, now_s) = state;
        let n_passing = || by_item.iter().filter(|value| **value != 0.0).count();
        let is_selective = use_ == ExpressionUse::Filter && n_passing() <= by_item.len() / FEW_OF;
        let few = is_selective.then(|| {
            let items = (0u32..).zip(&by_item).filter(|(_, value)| **value != 0.0);
            items.map(|(item, _)| item).collect()
        });
        let most = by_item.iter().copied().fold(f32::MIN, f32::max);
        Self { revision, now_s, by_item, max: most, candidate_set: few, duration }
    }

    /// The most bytes that the values of so many items take.
    pub(super) fn n_bytes(n_items: usize) -> usize {
        size_of::<Self>() + n_items * size_of::<f32>() + n_items / FEW_OF * size_of::<u32>()
    }

    /// The values for all items, computed a step at a time; none where that takes too long.
    pub(super) fn compute(
        live: &LiveState,
        use_: ExpressionUse,
        expression: &Expression,
        now_s: f64,
    ) -> Option<Self> {
        let started = Instant::now();
        let (revision, n_items) = {
            let views = live.snapshot();
            (views.catalog.table().revision(), views.catalog.n_items())
        };
        let (mut by_item, budget) = (Vec::with_capacity(n_items), Budget::for_all());
        let now = Timestamp((now_s * 1_000.0) as i64);
        for first in (0..n_items).step_by(ITEMS_PER_STEP) {
            let views = live.snapshot();
            let (items, context) =
                (ItemRows(&views.catalog), EvaluationContext::anonymous(&views, now));
            let compiled = expression.compile(&items, &context);
            let rows = first..(first + ITEMS_PER_STEP).min(n_items);
            by_item.extend(
                rows.take_while(|_| budget.allows_row())
                    .map(|row| evaluate(use_, &compiled, row as u32)),
            );
        }
        budget.check().ok()?;
        Some(Self::new(use_, (revision, now_s), by_item, started.elapsed()))
    }

    /// Whether no item has changed since.
    pub(super) fn is_current(&self, views: &Views) -> bool {
        self.revision == views.catalog.table().revision()
            && self.by_item.len() == views.catalog.n_items()
    }

    /// Whether so few items have changed since that a list computes their values itself.
    pub(super) fn can_catch_up(&self, views: &Views) -> bool {
        self.find_outdated_rows(views).is_some()
    }

    /// The values as new as the items: those that have changed are computed by `value`. None where
    /// they are too many.
    pub(super) fn catch_up(
        &self,
        views: &Views,
        use_: ExpressionUse,
        value: impl Fn(u32) -> f32,
    ) -> Option<Self> {
        let rows = self.find_outdated_rows(views)?;
        let mut by_item = self.by_item.clone();
        by_item.resize(views.catalog.n_items(), 0.0);
        rows.into_iter().for_each(|row| by_item[row as usize] = value(row));
        let state = (views.catalog.table().revision(), self.now_s);
        Some(Self::new(use_, state, by_item, self.duration))
    }

    /// The items whose values are not known, where they are few.
    fn find_outdated_rows(&self, views: &Views) -> Option<Vec<u32>> {
        let (n_known, n_items) = (self.by_item.len() as u32, views.catalog.n_items() as u32);
        let changed = views.catalog.table().changed_since(self.revision)?;
        let rows: Vec<u32> =
            changed.chain(n_known..n_items).take(CHANGES_AT_ONCE_MAX + 1).collect();
        (rows.len() <= CHANGES_AT_ONCE_MAX).then_some(rows)
    }
}
