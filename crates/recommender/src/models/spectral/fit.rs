//! The fit of the spectral model.

use std::sync::Arc;

use linalg::{Dense, truncated_svd};

use super::Config;
use crate::TrainingSet;
use crate::history::decay;
use crate::matrix::Factors;

/// What all filters of one decomposition share.
pub struct Decomposition {
    values: Vec<f32>,
    basis: Arc<Dense>,
    item_sums: Vec<f64>,
}

/// The factors of the item-item matrix.
pub fn fit(set: &TrainingSet, config: &Config) -> Factors {
    filter(&Decomposition::of(set, config), config)
}

/// The factors of a decomposition of at least the config's rank.
pub fn filter(decomposition: &Decomposition, config: &Config) -> Factors {
    let values = &decomposition.values[..(config.rank as usize).min(decomposition.values.len())];
    let largest = values.first().copied().unwrap_or(1.0).max(f32::MIN_POSITIVE);
    let powers = |exponent: f32| {
        let power = |&sum: &f64| if sum > 0.0 { sum.powf(f64::from(exponent)) as f32 } else { 0.0 };
        decomposition.item_sums.iter().map(power).collect()
    };
    Factors {
        basis: Arc::clone(&decomposition.basis),
        filter: values.iter().map(|value| (value / largest).powf(config.filter)).collect(),
        left: powers(-0.5),
        right: powers(config.target_exponent),
    }
}

impl Decomposition {
    /// Of a training set; filter and target exponent do not matter.
    pub fn of(set: &TrainingSet, config: &Config) -> Self {
        let mut matrix = set.weights(|entry| decay(set.as_of_s() - entry.at_s, config.half_life_days));
        let item_sums = matrix.transposed().row_sums();
        let inverse_roots = |sums: &[f64]| -> Vec<f32> {
            sums.iter().map(|&sum| if sum > 0.0 { (1.0 / sum.sqrt()) as f32 } else { 0.0 }).collect()
        };
        let by_user = inverse_roots(&matrix.row_sums());
        matrix.scale(&by_user, &inverse_roots(&item_sums));
        let svd = truncated_svd(&matrix, config.rank as usize, config.iterations as usize, config.seed);
        Self { values: svd.values, basis: Arc::new(svd.right), item_sums }
    }
}
