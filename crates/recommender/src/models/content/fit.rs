//! The fit of the content model.

use linalg::{Accumulator, Csr, top_k_of};
use rayon::prelude::*;

use super::Config;
use crate::TrainingSet;

/// Features that more items than this have are not walked through: their idf is next to nothing, their lists are long.
const ITEMS_PER_FEATURE_MAX: usize = 20_000;

/// The item-item matrix with the strongest `kept_max` of each item.
pub fn fit(set: &TrainingSet, config: &Config, kept_max: usize) -> Csr {
    weigh(&cosines(set, kept_max), set, config)
}

/// What cosines say, by the config.
pub fn weigh(cosines: &Csr, set: &TrainingSet, config: &Config) -> Csr {
    let popular: Vec<f32> =
        set.item_sums(None).into_iter().map(|sum| (sum as f32 + 1.0).powf(config.popularity)).collect();
    cosines.map(|_, other, cosine| cosine.powf(config.power) * popular[other as usize])
}

/// For each item the `kept_max` most alike: items x items. The work is the sum over features of their number of items squared.
pub fn cosines(set: &TrainingSet, kept_max: usize) -> Csr {
    let features = set.features().by_item();
    let by_feature = features.transposed();
    let rows: Vec<Vec<(u32, f32)>> = (0..set.n_items())
        .into_par_iter()
        .map_init(
            || (Accumulator::new(set.n_items()), Vec::new()),
            |(sums, entries), item| {
                let (columns, values) = features.row(item);
                for (&feature, &value) in columns.iter().zip(values) {
                    let (items, others) = by_feature.row(feature as usize);
                    if items.len() <= ITEMS_PER_FEATURE_MAX {
                        items
                            .iter()
                            .zip(others)
                            .for_each(|(&other, &of_other)| sums.add(other, value * of_other));
                    }
                }
                entries.clear();
                sums.drain(|other, cosine: f32| {
                    if other as usize != item && cosine > 0.0 {
                        entries.push((other, cosine.min(1.0)));
                    }
                });
                top_k_of(entries, kept_max);
                entries.sort_unstable_by_key(|&(other, _)| other);
                entries.clone()
            },
        )
        .collect();
    Csr::from_rows(set.n_items() as u32, rows)
}
