//! The ridge over the nearest of each item.

use linalg::{Accumulator, Csr, Dense, top_k_of};
use rayon::prelude::*;

use super::Config;
use crate::TrainingSet;
use crate::statistics::{PairSums, SetSums, Sign};

/// How many pairs of each item are held, in all at most so many entries; those that are not count as nothing in common.
const PAIRS_PER_ITEM_MAX: usize = 500;
const PAIRS_MAX: usize = 60_000_000;

/// The weighted gram, the strongest pairs of each item by cosine.
pub struct Gram {
    pairs: Csr,
    diagonal: Vec<f32>,
}

/// Item i speaks for item j with entry i of j's solution. The work is the sum over users of (items)^2, and items x nearest^3 / 3.
pub fn fit(set: &TrainingSet, config: &Config, nearest: usize) -> Csr {
    solve(&gram(set, config), nearest, config.penalty)
}

/// The gram of a training set; the penalty does not matter.
pub fn gram(set: &TrainingSet, config: &Config) -> Gram {
    let sums = SetSums::compute(set, set.as_of_s(), config.half_life_days, config.user_exponent, Sign::Plus);
    let n_items = set.n_items();
    let kept_max = (PAIRS_MAX / n_items.max(1)).clamp(super::NEAREST as usize, PAIRS_PER_ITEM_MAX);
    let sizes: Vec<f32> =
        sums.item_sums().into_iter().map(|sum| (sum as f32).max(f32::MIN_POSITIVE).sqrt()).collect();
    let unit = sums.unit();
    let rows: Vec<(f32, Vec<(u32, f32)>)> = (0..n_items)
        .into_par_iter()
        .map_init(
            || (Accumulator::new(n_items), Vec::new()),
            |(row, entries), item| {
                let mut own = 0.0;
                entries.clear();
                sums.row(item, row);
                row.drain(|other, sum| {
                    let sum = (sum as f64 * unit) as f32;
                    if other as usize == item {
                        own = sum;
                    } else if sum > 0.0 {
                        entries.push((other, sum / sizes[other as usize]));
                    }
                });
                top_k_of(entries, kept_max);
                entries.sort_unstable_by_key(|&(other, _)| other);
                (own, entries.iter().map(|&(other, value)| (other, value * sizes[other as usize])).collect())
            },
        )
        .collect();
    let diagonal = rows.iter().map(|(own, _)| *own).collect();
    Gram { pairs: Csr::from_rows(n_items as u32, rows.into_iter().map(|(_, row)| row)), diagonal }
}

/// Each item's solution over its `nearest` items; the penalty is a multiple of the mean diagonal.
pub fn solve(gram: &Gram, nearest: usize, penalty: f32) -> Csr {
    // The places of items among the nearest take one byte, so that all stay close to the processor; the last is of items that are not.
    let nowhere = u8::try_from(nearest).expect("a few dozen nearest items");
    let width = nearest + 1;
    let Gram { pairs, diagonal } = gram;
    let n_items = diagonal.len();
    let known = diagonal.iter().filter(|own| **own > 0.0);
    let mean = diagonal.iter().sum::<f32>() / known.count().max(1) as f32;
    let sizes: Vec<f32> = diagonal.iter().map(|own| own.max(f32::MIN_POSITIVE).sqrt()).collect();
    let columns: Vec<Vec<(u32, f32)>> = (0..n_items)
        .into_par_iter()
        .map_init(
            || (vec![nowhere; n_items], vec![0f32; nearest * width]),
            |(place, sums), item| {
                let (others, values) = pairs.row(item);
                let mut support: Vec<(u32, f32)> = others
                    .iter()
                    .zip(values)
                    .map(|(&other, sum)| (other, sum / sizes[other as usize]))
                    .collect();
                top_k_of(&mut support, nearest);
                support.sort_unstable_by_key(|&(other, _)| other);
                support.iter().zip(0..).for_each(|(&(other, _), n)| place[other as usize] = n);
                let n = support.len();
                for (row, &(other, _)) in sums.chunks_exact_mut(width).zip(&support) {
                    row.fill(0.0);
                    let (columns, values) = pairs.row(other as usize);
                    columns.iter().zip(values).for_each(|(&column, &value)| {
                        row[usize::from(place[column as usize])] = value;
                    });
                }
                support.iter().for_each(|&(other, _)| place[other as usize] = nowhere);
                let mut system = Dense::zeros(n, n);
                for (row, &(other, _)) in support.iter().enumerate() {
                    for column in 0..row {
                        // A pair may be held in the row of one of the two only.
                        let sum = sums[row * width + column].max(sums[column * width + row]);
                        system.row_mut(row)[column] = sum;
                        system.row_mut(column)[row] = sum;
                    }
                    system.row_mut(row)[row] = diagonal[other as usize] + penalty * mean;
                }
                let mut solution: Vec<f32> =
                    support.iter().map(|&(other, value)| value * sizes[other as usize]).collect();
                // Pairs that are left out can leave it indefinite: then nothing is said for the item.
                if system.solve_in_place(&mut solution).is_err() {
                    return Vec::new();
                }
                support.iter().zip(solution).map(|(&(other, _), value)| (other, value)).collect()
            },
        )
        .collect();
    Csr::from_rows(n_items as u32, columns).transposed()
}
