//! The served model: one sparse item-item matrix per history weighting, and the popularity of
//! items.

use domain::WeakSignalWeights;
use linalg::{Csr, Dense, retain_top_k};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::blend::Component;
use crate::matrix::{Factors, ItemMatrix};
use crate::models::buy_again::{self, BuyAgain};
use crate::models::popularity::{self, Popularity};
use crate::models::recently_viewed::{self, RecentlyViewed};
use crate::{HistoryWeighting, Parameters, TrainingSet};

/// A trained model. It covers the items of its training set; later items are cold-start items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// The identifier of the training run.
    pub version: String,
    /// The hyperparameters that it was fitted with.
    pub parameters: Parameters,
    /// The weights of weak signals, in training and in query vectors.
    pub weak_weights: WeakSignalWeights,
    /// The blend, one channel per history weighting.
    pub channels: Vec<Channel>,
    /// Popularity, for trending lists and the fallback.
    pub popularity: Popularity,
    /// The definition of recently viewed items.
    pub recently_viewed: RecentlyViewed,
    /// The repurchase statistics of items.
    pub buy_again: BuyAgain,
}

/// The weighted sum of the components with one history weighting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// The weighting of the history.
    pub weighting: HistoryWeighting,
    /// Items x items: row i holds the contributions of history item i to other items' scores;
    /// values below 0 lower them.
    pub related: Csr,
}

/// The threshold of kept entries is estimated from every 16th entry of a row.
const SAMPLE_STRIDE: usize = 16;
/// The number of rows computed at once, bounded in rows and in values of 4 bytes.
const ROWS_PER_STEP: usize = 1_024;
const VALUES_PER_STEP: usize = 100_000_000;
/// Low-rank factors are evaluated in two steps. First, a quarter of the basis columns, the leading
/// ones, selects a shortlist of each row's entries; fewer columns where this takes more
/// multiply-adds than the maximum.
const LEADING_DIVISOR: usize = 4;
const LEADING_WORK_MAX: usize = 400_000_000_000;
/// The size of the shortlist, as a multiple of the kept entries. Only for these the other columns
/// are computed, which halves the work.
const SHORTLISTED_PER_KEPT: usize = 2;

impl Model {
    /// The number of items in the training set.
    pub fn n_items(&self) -> usize {
        self.popularity.scores.len()
    }

    /// Whether the item had any popularity when the model was trained. Other items are cold-start
    /// items.
    pub(crate) fn is_warm(&self, item: u32) -> bool {
        self.popularity.scores.get(item as usize).is_some_and(|score| *score > 0.0)
    }
}

impl Channel {
    /// Computes the weighted sum of matrices and keeps the `kept_max` largest absolute values of
    /// each row.
    pub(crate) fn compile(
        weighting: HistoryWeighting,
        parts: &[(f32, ItemMatrix)],
        n_items: usize,
        kept_max: usize,
    ) -> Self {
        if let [(weight, ItemMatrix::Sparse(matrix))] = parts {
            return Self { weighting, related: matrix.map(|_, _, value| weight * value) };
        }
        let shortlisted_max = SHORTLISTED_PER_KEPT * kept_max;
        let is_in_two_steps = shortlisted_max < n_items;
        let n_leading = |factors: &Factors| match is_in_two_steps {
            true => factors
                .filter
                .len()
                .div_ceil(LEADING_DIVISOR)
                .min(LEADING_WORK_MAX / (n_items * n_items)),
            false => factors.filter.len(),
        };
        let select_row = |row: &[f32], item: usize| {
            if !is_in_two_steps {
                return select_strongest(row, item, kept_max);
            }
            let mut shortlist = select_strongest(row, item, shortlisted_max);
            for (weight, matrix) in parts {
                if let ItemMatrix::Factors(factors) = matrix {
                    let n_leading = n_leading(factors);
                    shortlist.iter_mut().for_each(|(column, value)| {
                        *value += weight * factors.trailing_score(item as u32, *column, n_leading);
                    });
                }
            }
            retain_largest(shortlist, kept_max)
        };
        let mut rows: Vec<Vec<(u32, f32)>> = Vec::with_capacity(n_items);
        let per_step = (VALUES_PER_STEP / n_items.max(1)).clamp(1, ROWS_PER_STEP);
        let mut sums = Dense::zeros(per_step.min(n_items), n_items);
        for first in (0..n_items).step_by(per_step) {
            let items = first..(first + per_step).min(n_items);
            if items.len() < sums.n_rows() {
                sums = Dense::zeros(items.len(), n_items);
            }
            sums.values_mut().fill(0.0);
            for (weight, matrix) in parts {
                let rows: Vec<Vec<(u32, f32)>> =
                    items.clone().map(|item| vec![(item as u32, *weight)]).collect();
                match matrix {
                    ItemMatrix::Factors(factors) => {
                        factors.add_leading_scores(&rows, n_leading(factors), &mut sums)
                    }
                    _ => matrix.add_scores(&rows, &mut sums),
                }
            }
            let dense = sums.values().par_chunks(n_items.max(1)).zip(items);
            rows.par_extend(dense.map(|(row, item)| select_row(row, item)));
        }
        Self { weighting, related: Csr::from_rows(n_items as u32, rows) }
    }
}

/// The `kept_max` entries of a dense row with the largest absolute values, in the order of columns.
/// The diagonal entry `own` is excluded.
fn select_strongest(row: &[f32], own: usize, kept_max: usize) -> Vec<(u32, f32)> {
    // Skip most entries by a threshold estimated from a sample.
    let mut sample: Vec<f32> = row.iter().step_by(SAMPLE_STRIDE).map(|value| value.abs()).collect();
    let position = 2 * kept_max / SAMPLE_STRIDE + SAMPLE_STRIDE;
    let mut floor = 0.0;
    if position < sample.len() {
        floor = *sample.select_nth_unstable_by(position, |a, b| b.total_cmp(a)).1;
    }
    loop {
        let entries = row.iter().enumerate().filter(|&(n, value)| n != own && value.abs() > floor);
        let mut magnitudes: Vec<(u32, f32)> =
            entries.map(|(n, value)| (n as u32, value.abs())).collect();
        if magnitudes.len() < kept_max && floor > 0.0 {
            floor = 0.0;
            continue;
        }
        retain_top_k(&mut magnitudes, kept_max);
        let mut kept: Vec<(u32, f32)> =
            magnitudes.into_iter().map(|(n, _)| (n, row[n as usize])).collect();
        kept.sort_unstable_by_key(|&(n, _)| n);
        return kept;
    }
}

/// Keeps the `kept_max` entries with the largest absolute values. Entries stay in the order of
/// columns.
fn retain_largest(mut entries: Vec<(u32, f32)>, kept_max: usize) -> Vec<(u32, f32)> {
    if entries.len() > kept_max {
        let larger_first =
            |a: &(u32, f32), b: &(u32, f32)| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0));
        entries.select_nth_unstable_by(kept_max, larger_first);
        entries.truncate(kept_max);
        entries.sort_unstable_by_key(|&(n, _)| n);
    }
    entries
}

/// Groups components by their history weighting, in order of first occurrence.
pub(crate) fn group_by_weighting(
    components: &[Component],
) -> Vec<(HistoryWeighting, Vec<&Component>)> {
    let mut groups: Vec<(HistoryWeighting, Vec<&Component>)> = Vec::new();
    for component in components {
        match groups.iter_mut().find(|(weighting, _)| *weighting == component.weighting) {
            Some((_, group)) => group.push(component),
            None => groups.push((component.weighting, vec![component])),
        }
    }
    groups
}

/// The training run was cancelled by its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the run was cut short")]
pub struct Cancelled;

/// Fits a model with given parameters. `check` is called between components and may cancel the run.
///
/// # Errors
/// `check` cancelled the run.
pub fn fit_model(
    set: &TrainingSet,
    parameters: &Parameters,
    version: &str,
    check: &dyn Fn() -> Result<(), Cancelled>,
) -> Result<Model, Cancelled> {
    let kept_max = parameters.kept_per_item as usize;
    let mut channels = Vec::new();
    for (weighting, components) in group_by_weighting(&parameters.components) {
        let is_single = components.len() == 1;
        let mut parts: Vec<(f32, ItemMatrix)> = Vec::with_capacity(components.len());
        for component in components {
            check()?;
            let kept_max = if is_single {
                kept_max
            } else {
                crate::blend::part_entries_per_item(set.n_items())
            };
            parts.push((component.weight, component.model.fit(set, kept_max)));
        }
        check()?;
        channels.push(Channel::compile(weighting, &parts, set.n_items(), kept_max));
    }
    check()?;
    Ok(Model {
        version: version.to_owned(),
        parameters: parameters.clone(),
        weak_weights: set.weak_weights(),
        channels,
        popularity: popularity::fit(set, &parameters.popularity),
        recently_viewed: recently_viewed::fit(set, &parameters.recently_viewed),
        buy_again: buy_again::fit(set, &parameters.buy_again),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Low-rank factors with decreasing weights, like those of a decomposition.
    fn product(n_items: usize, rank: usize) -> ItemMatrix {
        let mut basis = Dense::zeros(n_items, rank);
        let mut state = 7u32;
        for value in basis.values_mut() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *value = (state >> 8) as f32 / (1 << 24) as f32 - 0.5;
        }
        let filter = (0..rank).map(|k| 1.0 / (1.0 + k as f32)).collect();
        ItemMatrix::Factors(Factors {
            basis: Arc::new(basis),
            filter,
            source_factors: vec![2.0; n_items],
        })
    }

    #[test]
    fn two_steps_keep_the_entries_of_one_step_with_exact_values() {
        let (n_items, kept_max) = (300, 30);
        let compiled = Channel::compile(
            HistoryWeighting::default(),
            &[(0.5, product(n_items, 40))],
            n_items,
            kept_max,
        );
        let mut whole = Dense::zeros(n_items, n_items);
        let rows: Vec<Vec<(u32, f32)>> =
            (0..n_items as u32).map(|item| vec![(item, 0.5)]).collect();
        product(n_items, 40).add_scores(&rows, &mut whole);
        let mut n_same = 0;
        for item in 0..n_items {
            let exact = select_strongest(whole.row(item), item, kept_max);
            let (columns, values) = compiled.related.row(item);
            assert_eq!(columns.len(), kept_max);
            for (&column, value) in columns.iter().zip(values) {
                assert!((value - whole.row(item)[column as usize]).abs() < 1e-5);
                n_same += usize::from(exact.iter().any(|(other, _)| *other == column));
            }
        }
        let share = n_same as f32 / (n_items * kept_max) as f32;
        assert!(share > 0.95, "{share}");
    }
}
