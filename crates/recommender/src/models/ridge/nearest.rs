//! The ridge with each item regressed on its nearest items.

use linalg::{Accumulator, Csr, Dense, retain_top_k};
use rayon::prelude::*;

use super::Config;
use crate::TrainingSet;
use crate::statistics::{PairSums, SetSums, Sign};

/// The most pairs held per item and in all. Other pairs count as 0.
const PAIRS_PER_ITEM_MAX: usize = 500;
const PAIRS_MAX: usize = 60_000_000;

/// The weighted Gram matrix, with the strongest pairs of each item by cosine.
pub struct Gram {
    pairs: Csr,
    diagonal: Vec<f32>,
}

/// Fits the model: entry (i, j) is coefficient i of the regression of item j. The work is the sum
/// over users of their squared number of items, plus items x nearest^3 / 3.
pub fn fit(set: &TrainingSet, config: &Config, nearest: usize) -> Csr {
    solve(&compute_gram(set, config), nearest, config.penalty)
}

/// Computes the Gram matrix of a training set. The penalty of the config is not used.
pub fn compute_gram(set: &TrainingSet, config: &Config) -> Gram {
    let sums = SetSums::compute(
        set,
        set.as_of_s(),
        config.half_life_days,
        config.user_exponent,
        Sign::Plus,
    );
    let n_items = set.n_items();
    let kept_max = (PAIRS_MAX / n_items.max(1)).clamp(super::NEAREST as usize, PAIRS_PER_ITEM_MAX);
    let sizes: Vec<f32> = sums
        .item_sums()
        .into_iter()
        .map(|sum| (sum as f32).max(f32::MIN_POSITIVE).sqrt())
        .collect();
    let unit = sums.unit();
    let rows: Vec<(f32, Vec<(u32, f32)>)> = (0..n_items)
        .into_par_iter()
        .map_init(
            || (Accumulator::new(n_items), Vec::new()),
            |(row, entries), item| {
                let mut own = 0.0;
                entries.clear();
                sums.add_row(item, row);
                row.drain(|other, sum| {
                    let sum = (sum as f64 * unit) as f32;
                    if other as usize == item {
                        own = sum;
                    } else if sum > 0.0 {
                        entries.push((other, sum / sizes[other as usize]));
                    }
                });
                retain_top_k(entries, kept_max);
                entries.sort_unstable_by_key(|&(other, _)| other);
                (
                    own,
                    entries
                        .iter()
                        .map(|&(other, value)| (other, value * sizes[other as usize]))
                        .collect(),
                )
            },
        )
        .collect();
    let diagonal = rows.iter().map(|(own, _)| *own).collect();
    Gram { pairs: Csr::from_rows(n_items as u32, rows.into_iter().map(|(_, row)| row)), diagonal }
}

/// Solves the regression of each item on its `nearest` items. The penalty is a multiple of the mean
/// diagonal.
pub fn solve(gram: &Gram, nearest: usize, penalty: f32) -> Csr {
    // Positions among the nearest items fit into one byte, so that all of them stay in cache. The
    // last value marks items that are not among the nearest.
    let not_nearest = u8::try_from(nearest).expect("the number of nearest items fits into a byte");
    let width = nearest + 1;
    let Gram { pairs, diagonal } = gram;
    let n_items = diagonal.len();
    let known = diagonal.iter().filter(|own| **own > 0.0);
    let mean = diagonal.iter().sum::<f32>() / known.count().max(1) as f32;
    let sizes: Vec<f32> = diagonal.iter().map(|own| own.max(f32::MIN_POSITIVE).sqrt()).collect();
    let columns: Vec<Vec<(u32, f32)>> = (0..n_items)
        .into_par_iter()
        .map_init(
            || (vec![not_nearest; n_items], vec![0f32; nearest * width]),
            |(positions, sums), item| {
                let (others, values) = pairs.row(item);
                let mut support: Vec<(u32, f32)> = others
                    .iter()
                    .zip(values)
                    .map(|(&other, sum)| (other, sum / sizes[other as usize]))
                    .collect();
                retain_top_k(&mut support, nearest);
                support.sort_unstable_by_key(|&(other, _)| other);
                support.iter().zip(0..).for_each(|(&(other, _), n)| positions[other as usize] = n);
                let n = support.len();
                for (row, &(other, _)) in sums.chunks_exact_mut(width).zip(&support) {
                    row.fill(0.0);
                    let (columns, values) = pairs.row(other as usize);
                    columns.iter().zip(values).for_each(|(&column, &value)| {
                        row[usize::from(positions[column as usize])] = value;
                    });
                }
                support.iter().for_each(|&(other, _)| positions[other as usize] = not_nearest);
                let mut system = Dense::zeros(n, n);
                for (row, &(other, _)) in support.iter().enumerate() {
                    for column in 0..row {
                        // A pair may be held in the row of only one of its items.
                        let sum = sums[row * width + column].max(sums[column * width + row]);
                        system.row_mut(row)[column] = sum;
                        system.row_mut(column)[row] = sum;
                    }
                    system.row_mut(row)[row] = diagonal[other as usize] + penalty * mean;
                }
                let mut solution: Vec<f32> =
                    support.iter().map(|&(other, value)| value * sizes[other as usize]).collect();
                // Missing pairs may make the system indefinite. Then the item has no coefficients.
                if system.solve_in_place(&mut solution).is_err() {
                    return Vec::new();
                }
                support.iter().zip(solution).map(|(&(other, _), value)| (other, value)).collect()
            },
        )
        .collect();
    Csr::from_rows(n_items as u32, columns).transpose()
}
