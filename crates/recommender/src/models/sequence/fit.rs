//! The fit of the sequence model.

use linalg::Csr;

use super::Config;
use crate::TrainingSet;
use crate::models::popularity::factors;
use crate::statistics::{Kernel, SequenceSums, Sign, rows_of};

/// The sums that the model is made of.
pub fn sums(set: &TrainingSet, config: &Config) -> SequenceSums {
    let discounted = |distance: u32| config.discount.powi(distance as i32 - 1);
    let forward: Vec<f32> = (1..=config.steps).map(discounted).collect();
    let backward: Vec<f32> = forward.iter().map(|value| value * config.backward).collect();
    // What happens at once speaks both ways like neighbours in the sequence.
    let kernel =
        Kernel { forward: [&[1.0], &forward[..]].concat(), backward: [&[0.0], &backward[..]].concat() };
    let user_weight = |n: usize| 1.0 / (2.0 + n as f32).log2();
    SequenceSums::compute(set, set.as_of_s(), kernel, config.half_life_days, user_weight, Sign::Plus)
}

/// The item-item matrix with the strongest `kept_max` of each item. The work is twice the interactions times the steps.
pub fn fit(set: &TrainingSet, config: &Config, kept_max: usize) -> Csr {
    let sums = sums(set, config);
    let (of_source, of_target) = item_factors(set, config);
    rows_of(&sums, kept_max, |item, other, sum| sum * of_source[item] * of_target[other as usize])
}

/// The matrix of raw sums.
pub fn normalise(raw: &Csr, set: &TrainingSet, config: &Config) -> Csr {
    let (of_source, of_target) = item_factors(set, config);
    raw.map(|item, other, sum| sum * of_source[item] * of_target[other as usize])
}

fn item_factors(set: &TrainingSet, config: &Config) -> (Vec<f32>, Vec<f32>) {
    factors(&set.item_sums(config.half_life_days), &config.normalisation)
}
