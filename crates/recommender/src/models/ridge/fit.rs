//! The fit of the ridge on sets.

use linalg::Dense;
use rayon::prelude::*;

use super::{Config, nearest};
use crate::TrainingSet;
use crate::matrix::{HeadMatrix, ItemMatrix};
use crate::models::ridge::config::ITEMS_MAX;
use crate::statistics::{PairSums, SetSums, Sign};

/// Fits the model, over the head items or over the nearest items of each.
pub fn fit(set: &TrainingSet, config: &Config) -> ItemMatrix {
    if let Some(nearest) = config.nearest {
        return ItemMatrix::Sparse(nearest::fit(set, config, nearest as usize));
    }
    let head = set.head_items(ITEMS_MAX);
    let gram = compute_gram(set, config, &head);
    ItemMatrix::Head(HeadMatrix {
        matrix: solve(gram, config.penalty),
        head,
        n_items: set.n_items(),
    })
}

/// The weighted Gram matrix of the head items, head x head.
pub fn compute_gram(set: &TrainingSet, config: &Config, head: &[u32]) -> Dense {
    let sums = SetSums::compute(
        set,
        set.as_of_s(),
        config.half_life_days,
        config.user_exponent,
        Sign::Plus,
    );
    to_dense(&sums, head)
}

/// Computes `-P_ij / P_jj` with P the inverse of the penalized Gram matrix; 0 on the diagonal.
pub fn solve(mut gram: Dense, penalty: f32) -> Dense {
    let mut inverse = invert_penalised(&mut gram, penalty);
    let n = inverse.n_rows();
    let target_factors: Vec<f32> = (0..n).map(|k| -1.0 / inverse.row(k)[k]).collect();
    inverse.scale_columns(&target_factors);
    (0..n).for_each(|k| inverse.row_mut(k)[k] = 0.0);
    inverse
}

/// Computes `(G + penalty x mean diagonal x I)^-1`. The penalty grows where rounding leaves the
/// matrix indefinite.
pub(crate) fn invert_penalised(gram: &mut Dense, penalty: f32) -> Dense {
    let n = gram.n_rows();
    let mean = (0..n).map(|k| f64::from(gram.row(k)[k])).sum::<f64>() / n.max(1) as f64;
    let mut added = (f64::from(penalty) * mean).max(1e-6) as f32;
    loop {
        (0..n).for_each(|k| gram.row_mut(k)[k] += added);
        match gram.inverse() {
            Ok(inverse) => return inverse,
            Err(_) => added *= 4.0,
        }
    }
}

/// Pair sums as a dense matrix over the items of `head`.
pub(crate) fn to_dense(sums: &dyn PairSums, head: &[u32]) -> Dense {
    let n = head.len();
    let mut positions = vec![u32::MAX; sums.n_items()];
    head.iter().enumerate().for_each(|(n, &item)| positions[item as usize] = n as u32);
    let mut out = Dense::zeros(n, n);
    let unit = sums.unit();
    out.values_mut().par_chunks_mut(n.max(1)).zip(head).for_each_init(
        || linalg::Accumulator::new(sums.n_items()),
        |row_sums, (row, &item)| {
            sums.add_row(item as usize, row_sums);
            row_sums.drain(|other, sum| {
                let position = positions[other as usize];
                if position != u32::MAX {
                    row[position as usize] = (sum as f64 * unit) as f32;
                }
            });
        },
    );
    out
}
