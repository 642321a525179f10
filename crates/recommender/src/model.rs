//! What is served: a sparse item-item matrix and the popularity of items.

use linalg::Csr;
use serde::{Deserialize, Serialize};

use crate::{HistoryEntry, KindWeights, Parameters};

/// A trained model. Items are those of its training set; an item that came later is in none of its lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Names the training run.
    pub version: String,
    /// What it was made with.
    pub parameters: Parameters,
    /// For each item, items x items: how strongly it speaks for others.
    pub related: Csr,
    /// For each item, how popular it is, time-decayed.
    pub popularity: Vec<f32>,
    /// The items that have any popularity, most popular first.
    pub by_popularity: Vec<u32>,
}

const SECONDS_PER_DAY: f32 = 86_400.0;

/// 0.5^(age / half-life); 1 where nothing decays.
pub(crate) fn decay(age_s: u32, half_life_days: Option<f32>) -> f32 {
    half_life_days.map_or(1.0, |half_life| (-(age_s as f32) / (half_life * SECONDS_PER_DAY)).exp2())
}

/// What a user's history says now: each of its items once with its strongest entry and a weight above 0, in the order of items.
pub(crate) fn weigh_history(
    history: &[HistoryEntry],
    half_life_days: Option<f32>,
) -> Vec<(HistoryEntry, f32)> {
    let weights = KindWeights::default();
    let newest_s = history.last().map_or(0, |entry| entry.at_s);
    let mut weighed: Vec<(HistoryEntry, f32)> = history
        .iter()
        .map(|entry| (*entry, weights.weight(entry) * decay(newest_s - entry.at_s, half_life_days)))
        .filter(|(_, weight)| *weight > 0.0)
        .collect();
    weighed.sort_unstable_by(|a, b| a.0.item.cmp(&b.0.item).then(b.1.total_cmp(&a.1)).then(b.0.cmp(&a.0)));
    weighed.dedup_by_key(|(entry, _)| entry.item);
    weighed
}
