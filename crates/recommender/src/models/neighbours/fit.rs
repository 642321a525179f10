//! The fit of the neighbour model.

use linalg::Csr;

use super::Config;
use crate::TrainingSet;
use crate::models::popularity::compute_factors;
use crate::statistics::{SetSums, Sign, compute_rows};

/// Computes the pair sums of the model.
pub fn compute_sums(set: &TrainingSet, half_life_days: Option<f32>) -> SetSums {
    SetSums::compute(set, set.as_of_s(), half_life_days, 0.5, Sign::Plus)
}

/// Fits the model: an item-item matrix with the `kept_max` strongest entries per item. The work is
/// the sum over users of their squared number of items.
pub fn fit(set: &TrainingSet, config: &Config, kept_max: usize) -> Csr {
    let sums = compute_sums(set, config.half_life_days);
    let (source_factors, target_factors) =
        compute_factors(&sums.item_sums(), &config.normalisation);
    compute_rows(&sums, kept_max, |item, other, sum| {
        sum * source_factors[item] * target_factors[other as usize]
    })
}

/// Normalizes a matrix of pair sums.
pub fn normalise(raw: &Csr, item_sums: &[f64], config: &Config) -> Csr {
    let (source_factors, target_factors) = compute_factors(item_sums, &config.normalisation);
    raw.map(|item, other, sum| sum * source_factors[item] * target_factors[other as usize])
}
