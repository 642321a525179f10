//! The fit of the neighbour model.

use linalg::{Csr, gram_top_k};

use super::Config;
use crate::TrainingSet;
use crate::model::decay;

/// The item-item matrix of a training set. The work is the sum over users of their number of items squared.
pub fn fit(set: &TrainingSet, config: &Config) -> Csr {
    let mut matrix = set.weights(|entry| decay(set.as_of_s() - entry.at_s, config.half_life_days));
    let inverse_roots = |sums: Vec<f64>| -> Vec<f32> {
        sums.into_iter().map(|sum| if sum > 0.0 { (1.0 / sum.sqrt()) as f32 } else { 0.0 }).collect()
    };
    let by_user = inverse_roots(matrix.row_sums());
    let by_item = inverse_roots(matrix.transposed().row_sums());
    matrix.scale(&by_user, &by_item);
    gram_top_k(&matrix, config.neighbours_max as usize)
}
