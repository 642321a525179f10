//! The fit of the spectral model.

use std::sync::Arc;

use linalg::{Dense, truncated_svd};

use super::Config;
use crate::TrainingSet;
use crate::matrix::Factors;
use crate::weighting::decay;

/// The truncated decomposition of a training set, shared by all filters.
pub struct Decomposition {
    values: Vec<f32>,
    /// Items x rank: `d_i^1/2 V_i`.
    basis: Arc<Dense>,
    item_sums: Vec<f64>,
}

/// Fits the model as low-rank factors.
pub fn fit(set: &TrainingSet, config: &Config) -> Factors {
    apply_filter(&Decomposition::compute(set, config), config)
}

/// Computes the factors from a decomposition of at least the config's rank.
pub fn apply_filter(decomposition: &Decomposition, config: &Config) -> Factors {
    let values = &decomposition.values[..(config.rank as usize).min(decomposition.values.len())];
    let largest = values.first().copied().unwrap_or(1.0).max(f32::MIN_POSITIVE);
    // The basis is scaled by d_i^1/2; rows need d_i^-1/2, so divide by d_i.
    let source_factors =
        decomposition.item_sums.iter().map(|&sum| if sum > 0.0 { (1.0 / sum) as f32 } else { 0.0 });
    Factors {
        basis: Arc::clone(&decomposition.basis),
        filter: values.iter().map(|value| (value / largest).powf(config.filter)).collect(),
        source_factors: source_factors.collect(),
    }
}

impl Decomposition {
    /// Decomposes the matrix of a training set. The filter of the config is not used.
    pub fn compute(set: &TrainingSet, config: &Config) -> Self {
        let mut matrix = set
            .weight_matrix(|at_s| decay(set.as_of_s().saturating_sub(at_s), config.half_life_days));
        let item_sums = matrix.transpose().row_sums();
        let inverse_roots = |sums: &[f64]| -> Vec<f32> {
            sums.iter()
                .map(|&sum| if sum > 0.0 { (1.0 / sum.sqrt()) as f32 } else { 0.0 })
                .collect()
        };
        let by_user = inverse_roots(&matrix.row_sums());
        matrix.scale(&by_user, &inverse_roots(&item_sums));
        let svd =
            truncated_svd(&matrix, config.rank as usize, config.iterations as usize, config.seed);
        let mut basis = svd.right_vectors;
        for (item, &sum) in item_sums.iter().enumerate() {
            let root = sum.sqrt() as f32;
            basis.row_mut(item).iter_mut().for_each(|value| *value *= root);
        }
        Self { values: svd.values, basis: Arc::new(basis), item_sums }
    }
}
