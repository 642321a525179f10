//! The fit of the ridge on sets.

use linalg::Dense;
use rayon::prelude::*;

use super::{Config, nearest};
use crate::TrainingSet;
use crate::matrix::{HeadMatrix, ItemMatrix};
use crate::models::ridge::config::ITEMS_MAX;
use crate::statistics::{PairSums, SetSums, Sign};

/// The item-item matrix: over the items with the most interactions, or over the nearest of each.
pub fn fit(set: &TrainingSet, config: &Config) -> ItemMatrix {
    if let Some(nearest) = config.nearest {
        return ItemMatrix::Sparse(nearest::fit(set, config, nearest as usize));
    }
    let head = set.head_items(ITEMS_MAX);
    let gram = gram(set, config, &head);
    ItemMatrix::Head(HeadMatrix { matrix: solve(gram, config.penalty), head, n_items: set.n_items() })
}

/// The weighted gram of the head items.
pub fn gram(set: &TrainingSet, config: &Config, head: &[u32]) -> Dense {
    let sums = SetSums::compute(set, set.as_of_s(), config.half_life_days, config.user_exponent, Sign::Plus);
    dense_of(&sums, head)
}

/// `-P_ij / P_jj` with P the inverse of the penalised gram; nothing on the diagonal.
pub fn solve(mut gram: Dense, penalty: f32) -> Dense {
    let mut inverse = penalised_inverse(&mut gram, penalty);
    let n = inverse.n_rows();
    let of_target: Vec<f32> = (0..n).map(|k| -1.0 / inverse.row(k)[k]).collect();
    inverse.scale_columns(&of_target);
    (0..n).for_each(|k| inverse.row_mut(k)[k] = 0.0);
    inverse
}

/// (G + penalty x mean diagonal x I)^-1; the penalty grows where rounding leaves G indefinite.
pub(crate) fn penalised_inverse(gram: &mut Dense, penalty: f32) -> Dense {
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

/// Sums of pairs as a dense matrix over some items.
pub(crate) fn dense_of(sums: &dyn PairSums, head: &[u32]) -> Dense {
    let n = head.len();
    let mut place = vec![u32::MAX; sums.n_items()];
    head.iter().enumerate().for_each(|(n, &item)| place[item as usize] = n as u32);
    let mut out = Dense::zeros(n, n);
    let unit = sums.unit();
    out.values_mut().par_chunks_mut(n.max(1)).zip(head).for_each_init(
        || linalg::Accumulator::new(sums.n_items()),
        |row_sums, (row, &item)| {
            sums.row(item as usize, row_sums);
            row_sums.drain(|other, sum| {
                let at = place[other as usize];
                if at != u32::MAX {
                    row[at as usize] = (sum as f64 * unit) as f32;
                }
            });
        },
    );
    out
}
