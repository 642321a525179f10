//! The fit of the content model.

use linalg::{Accumulator, Csr, retain_top_k};
use rayon::prelude::*;

use super::Config;
use crate::TrainingSet;

/// Features of more items than this are ignored: their idf is close to 0 and their lists are long.
const ITEMS_PER_FEATURE_MAX: usize = 20_000;

/// Fits the model: an item-item matrix with the `kept_max` strongest entries per item.
pub fn fit(set: &TrainingSet, config: &Config, kept_max: usize) -> Csr {
    weigh_cosines(&compute_cosines(set, kept_max), set, config)
}

/// Computes the entries of the matrix from the cosines of items.
pub fn weigh_cosines(cosines: &Csr, set: &TrainingSet, config: &Config) -> Csr {
    let popularity: Vec<f32> = set
        .item_sums(None)
        .into_iter()
        .map(|sum| (sum as f32 + 1.0).powf(config.popularity))
        .collect();
    cosines.map(|_, other, cosine| cosine.powf(config.power) * popularity[other as usize])
}

/// The cosines of each item's `kept_max` most similar items, items x items. The work is the sum
/// over features of their squared number of items.
pub fn compute_cosines(set: &TrainingSet, kept_max: usize) -> Csr {
    let features = set.features().by_item();
    let by_feature = features.transpose();
    let rows: Vec<Vec<(u32, f32)>> = (0..set.n_items())
        .into_par_iter()
        .map_init(
            || (Accumulator::new(set.n_items()), Vec::new()),
            |(sums, entries), item| {
                let (columns, values) = features.row(item);
                for (&feature, &value) in columns.iter().zip(values) {
                    let (items, others) = by_feature.row(feature as usize);
                    if items.len() <= ITEMS_PER_FEATURE_MAX {
                        items.iter().zip(others).for_each(|(&other, &other_value)| {
                            sums.add(other, value * other_value)
                        });
                    }
                }
                entries.clear();
                sums.drain(|other, cosine: f32| {
                    if other as usize != item && cosine > 0.0 {
                        entries.push((other, cosine.min(1.0)));
                    }
                });
                retain_top_k(entries, kept_max);
                entries.sort_unstable_by_key(|&(other, _)| other);
                entries.clone()
            },
        )
        .collect();
    Csr::from_rows(set.n_items() as u32, rows)
}
