//! The fit of the sequence model.

use linalg::Csr;

use super::Config;
use crate::TrainingSet;
use crate::models::popularity::compute_factors;
use crate::statistics::{Kernel, SequenceSums, Sign, compute_rows};

/// Computes the pair sums of the model.
pub fn compute_sums(set: &TrainingSet, config: &Config) -> SequenceSums {
    let discounted = |distance: u32| config.discount.powi(distance as i32 - 1);
    let forward: Vec<f32> = (1..=config.steps).map(discounted).collect();
    let backward: Vec<f32> = forward.iter().map(|value| value * config.backward).collect();
    // Interactions of one step count in both directions, like adjacent steps.
    let kernel = Kernel {
        forward: [&[1.0], &forward[..]].concat(),
        backward: [&[0.0], &backward[..]].concat(),
    };
    let user_weight = |n: usize| 1.0 / (2.0 + n as f32).log2();
    SequenceSums::compute(
        set,
        set.as_of_s(),
        kernel,
        config.half_life_days,
        user_weight,
        Sign::Plus,
    )
}

/// Fits the model: an item-item matrix with the `kept_max` strongest entries per item. The work is
/// 2 x interactions x steps.
pub fn fit(set: &TrainingSet, config: &Config, kept_max: usize) -> Csr {
    let sums = compute_sums(set, config);
    let (source_factors, target_factors) = compute_item_factors(set, config);
    compute_rows(&sums, kept_max, |item, other, sum| {
        sum * source_factors[item] * target_factors[other as usize]
    })
}

/// Normalizes a matrix of pair sums.
pub fn normalise(raw: &Csr, set: &TrainingSet, config: &Config) -> Csr {
    let (source_factors, target_factors) = compute_item_factors(set, config);
    raw.map(|item, other, sum| sum * source_factors[item] * target_factors[other as usize])
}

fn compute_item_factors(set: &TrainingSet, config: &Config) -> (Vec<f32>, Vec<f32>) {
    compute_factors(&set.item_sums(config.half_life_days), &config.normalisation)
}
