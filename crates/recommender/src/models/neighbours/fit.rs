//! The fit of the neighbour model.

use linalg::Csr;

use super::Config;
use crate::TrainingSet;
use crate::models::popularity::factors;
use crate::statistics::{SetSums, Sign, rows_of};

/// The sums that the model is made of.
pub fn sums(set: &TrainingSet, half_life_days: Option<f32>) -> SetSums {
    SetSums::compute(set, set.as_of_s(), half_life_days, 0.5, Sign::Plus)
}

/// The item-item matrix with the strongest `kept_max` of each item. The work is the sum over users of their number of items squared.
pub fn fit(set: &TrainingSet, config: &Config, kept_max: usize) -> Csr {
    let sums = sums(set, config.half_life_days);
    let (of_source, of_target) = factors(&sums.item_sums(), &config.normalisation);
    rows_of(&sums, kept_max, |item, other, sum| sum * of_source[item] * of_target[other as usize])
}

/// The matrix of raw sums.
pub fn normalise(raw: &Csr, item_sums: &[f64], config: &Config) -> Csr {
    let (of_source, of_target) = factors(item_sums, &config.normalisation);
    raw.map(|item, other, sum| sum * of_source[item] * of_target[other as usize])
}
