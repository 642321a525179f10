//! What is served: for each way of weighting a history one sparse item-item matrix, and the popularity of items.

use domain::WeakSignalWeights;
use linalg::{Csr, Dense, top_k_of};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::blend::Component;
use crate::matrix::{Factors, ItemMatrix};
use crate::models::buy_again::{self, BuyAgain};
use crate::models::popularity::{self, Popularity};
use crate::models::recently_viewed::{self, RecentlyViewed};
use crate::{HistoryWeighting, Parameters, TrainingSet};

/// A trained model. Items are those of its training set; an item that came later is in none of its lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Names the training run.
    pub version: String,
    /// What it was made with.
    pub parameters: Parameters,
    /// The weights of weak signals that it was made with, and hears them by.
    pub weak_weights: WeakSignalWeights,
    /// The blend, one channel for each way of weighting a history.
    pub channels: Vec<Channel>,
    /// What is trending.
    pub popularity: Popularity,
    /// What a person looked at.
    pub recently_viewed: RecentlyViewed,
    /// What a person is due to buy once more.
    pub buy_again: BuyAgain,
}

/// A weighted sum of models that read a history in the same way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// How the history is weighted.
    pub weighting: HistoryWeighting,
    /// For each item, items x items: how strongly it speaks for others, below 0 against them.
    pub related: Csr,
}

/// One of so many entries of a row is looked at to guess what is kept.
const SAMPLED_ONE_OF: usize = 16;
/// How many rows are computed at once, within a bound on their values; 4 bytes each.
const ROWS_PER_STEP: usize = 1_024;
const VALUES_PER_STEP: usize = 100_000_000;
/// Of a product, one of so many columns of the basis, the first ones, says which entries of a row may be kept, as many as this work allows in
/// multiply-adds...
const LEADING_ONE_OF: usize = 4;
const LEADING_WORK_MAX: usize = 400_000_000_000;
/// ... namely so many times those that are. What the other columns say is computed for these alone, which saves half of the work.
const CONSIDERED_PER_KEPT: usize = 2;

impl Channel {
    /// The weighted sum of matrices, with the strongest `kept_max` of each row.
    pub(crate) fn compile(
        weighting: HistoryWeighting,
        parts: &[(f32, ItemMatrix)],
        n_items: usize,
        kept_max: usize,
    ) -> Self {
        if let [(weight, ItemMatrix::Sparse(matrix))] = parts {
            return Self { weighting, related: matrix.map(|_, _, value| weight * value) };
        }
        let considered_max = CONSIDERED_PER_KEPT * kept_max;
        let is_in_two_steps = considered_max < n_items;
        let n_leading = |factors: &Factors| match is_in_two_steps {
            true => factors.filter.len().div_ceil(LEADING_ONE_OF).min(LEADING_WORK_MAX / (n_items * n_items)),
            false => factors.filter.len(),
        };
        let strongest_of = |row: &[f32], item: usize| {
            if !is_in_two_steps {
                return strongest(row, item, kept_max);
            }
            let mut considered = strongest(row, item, considered_max);
            for (weight, matrix) in parts {
                if let ItemMatrix::Factors(factors) = matrix {
                    let n_leading = n_leading(factors);
                    considered.iter_mut().for_each(|(column, value)| {
                        *value += weight * factors.trailing(item as u32, *column, n_leading);
                    });
                }
            }
            largest(considered, kept_max)
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
                    ItemMatrix::Factors(factors) => factors.add_leading(&rows, n_leading(factors), &mut sums),
                    _ => matrix.add_scores(&rows, &mut sums),
                }
            }
            let dense = sums.values().par_chunks(n_items.max(1)).zip(items);
            rows.par_extend(dense.map(|(row, item)| strongest_of(row, item)));
        }
        Self { weighting, related: Csr::from_rows(n_items as u32, rows) }
    }
}

/// The entries of a dense row with the largest sizes, its own left out, in the order of columns.
fn strongest(row: &[f32], own: usize, kept_max: usize) -> Vec<(u32, f32)> {
    // Most entries are below what a sample says of the last one kept.
    let mut sample: Vec<f32> = row.iter().step_by(SAMPLED_ONE_OF).map(|value| value.abs()).collect();
    let at = 2 * kept_max / SAMPLED_ONE_OF + SAMPLED_ONE_OF;
    let mut floor = 0.0;
    if at < sample.len() {
        floor = *sample.select_nth_unstable_by(at, |a, b| b.total_cmp(a)).1;
    }
    loop {
        let entries = row.iter().enumerate().filter(|&(n, value)| n != own && value.abs() > floor);
        let mut sizes: Vec<(u32, f32)> = entries.map(|(n, value)| (n as u32, value.abs())).collect();
        if sizes.len() < kept_max && floor > 0.0 {
            floor = 0.0;
            continue;
        }
        top_k_of(&mut sizes, kept_max);
        let mut kept: Vec<(u32, f32)> = sizes.into_iter().map(|(n, _)| (n, row[n as usize])).collect();
        kept.sort_unstable_by_key(|&(n, _)| n);
        return kept;
    }
}

/// The entries with the largest sizes, in the order of columns.
fn largest(mut entries: Vec<(u32, f32)>, kept_max: usize) -> Vec<(u32, f32)> {
    if entries.len() > kept_max {
        let larger_first =
            |a: &(u32, f32), b: &(u32, f32)| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0));
        entries.select_nth_unstable_by(kept_max, larger_first);
        entries.truncate(kept_max);
        entries.sort_unstable_by_key(|&(n, _)| n);
    }
    entries
}

/// Components by their way of weighting a history, in the order of the first of each.
pub(crate) fn by_weighting(components: &[Component]) -> Vec<(HistoryWeighting, Vec<&Component>)> {
    let mut groups: Vec<(HistoryWeighting, Vec<&Component>)> = Vec::new();
    for component in components {
        match groups.iter_mut().find(|(weighting, _)| *weighting == component.weighting) {
            Some((_, group)) => group.push(component),
            None => groups.push((component.weighting, vec![component])),
        }
    }
    groups
}

/// A run was cut short by whoever wanted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the run was cut short")]
pub struct Cancelled;

/// Fits with given parameters. `check` is asked between the components whether to go on.
///
/// # Errors
/// Those of `check`.
pub fn train_with(
    set: &TrainingSet,
    parameters: &Parameters,
    version: &str,
    check: &dyn Fn() -> Result<(), Cancelled>,
) -> Result<Model, Cancelled> {
    let kept_max = parameters.kept_per_item as usize;
    let mut channels = Vec::new();
    for (weighting, components) in by_weighting(&parameters.components) {
        let single = components.len() == 1;
        let mut parts: Vec<(f32, ItemMatrix)> = Vec::with_capacity(components.len());
        for component in components {
            check()?;
            let kept_max = if single { kept_max } else { crate::blend::kept_of_parts(set.n_items()) };
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

    /// A product whose first directions say most, as those of a decomposition do.
    fn product(n_items: usize, rank: usize) -> ItemMatrix {
        let mut basis = Dense::zeros(n_items, rank);
        let mut state = 7u32;
        for value in basis.values_mut() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *value = (state >> 8) as f32 / (1 << 24) as f32 - 0.5;
        }
        let filter = (0..rank).map(|k| 1.0 / (1.0 + k as f32)).collect();
        ItemMatrix::Factors(Factors { basis: Arc::new(basis), filter, left: vec![2.0; n_items] })
    }

    #[test]
    fn two_steps_keep_what_one_would_with_the_values_of_the_whole() {
        let (n_items, kept_max) = (300, 30);
        let compiled =
            Channel::compile(HistoryWeighting::default(), &[(0.5, product(n_items, 40))], n_items, kept_max);
        let mut whole = Dense::zeros(n_items, n_items);
        let rows: Vec<Vec<(u32, f32)>> = (0..n_items as u32).map(|item| vec![(item, 0.5)]).collect();
        product(n_items, 40).add_scores(&rows, &mut whole);
        let mut n_same = 0;
        for item in 0..n_items {
            let exact = strongest(whole.row(item), item, kept_max);
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
