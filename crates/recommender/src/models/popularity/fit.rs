//! The fit of popularity.

use super::{Config, Normalisation};
use crate::history::decay;
use crate::{KindWeights, TrainingSet};

/// For each item, the decayed weight of its interactions; 0 for an item without any.
pub fn fit(set: &TrainingSet, config: &Config) -> Vec<f32> {
    let weights = KindWeights::default();
    let mut sums = vec![0f64; set.n_items()];
    let mut is_seen = vec![false; set.n_items()];
    for entry in set.entries() {
        let weight = weights.weight(entry).max(0.0);
        let decayed = weight * decay(set.as_of_s() - entry.at_s, Some(config.half_life_days));
        sums[entry.item.pos()] += f64::from(decayed);
        is_seen[entry.item.pos()] |= weight > 0.0;
    }
    // However old, an item that somebody liked comes before one that nobody did.
    let floor = |(sum, is_seen): (f64, bool)| if is_seen { (sum as f32).max(f32::MIN_POSITIVE) } else { 0.0 };
    sums.into_iter().zip(is_seen).map(floor).collect()
}

/// The items that have any popularity, most popular first.
pub fn ranked(popularity: &[f32]) -> Vec<u32> {
    let mut items: Vec<u32> =
        (0..popularity.len() as u32).filter(|&item| popularity[item as usize] > 0.0).collect();
    items
        .sort_unstable_by(|&a, &b| popularity[b as usize].total_cmp(&popularity[a as usize]).then(a.cmp(&b)));
    items
}

/// What a pair's sum is multiplied with for the item that speaks and the item spoken for: `(d + s)^-source` and `(d + s)^-target`.
pub fn factors(item_sums: &[f64], normalisation: &Normalisation) -> (Vec<f32>, Vec<f32>) {
    let power = |exponent: f32| -> Vec<f32> {
        let smoothing = f64::from(normalisation.smoothing);
        item_sums
            .iter()
            .map(|&sum| if sum > 0.0 { (sum + smoothing).powf(-f64::from(exponent)) as f32 } else { 0.0 })
            .collect()
    };
    (power(normalisation.source_exponent), power(normalisation.target_exponent))
}
