//! The fit of popularity.

use super::Config;
use crate::model::decay;
use crate::{KindWeights, TrainingSet};

/// For each item, the decayed weight of its interactions; 0 for an item without any.
pub fn fit(set: &TrainingSet, config: &Config) -> Vec<f32> {
    let weights = KindWeights::default();
    let mut sums = vec![0f64; set.n_items()];
    let mut is_seen = vec![false; set.n_items()];
    for entry in set.entries() {
        let weight = weights.weight(entry);
        let decayed = weight * decay(set.as_of_s() - entry.at_s, Some(config.half_life_days));
        sums[entry.item.pos()] += f64::from(decayed);
        is_seen[entry.item.pos()] |= weight > 0.0;
    }
    // However old, an item that somebody liked comes before one that nobody did.
    let floor = |(sum, is_seen): (f64, bool)| if is_seen { (sum as f32).max(f32::MIN_POSITIVE) } else { 0.0 };
    sums.into_iter().zip(is_seen).map(floor).collect()
}
