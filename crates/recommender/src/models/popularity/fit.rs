//! The fit of popularity.

use domain::InteractionKind;
use serde::{Deserialize, Serialize};

use super::{Config, Normalisation};
use crate::TrainingSet;
use crate::weighting::{SECONDS_PER_DAY, decay};

/// How popular items are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Popularity {
    /// For each item the decayed weight of its interactions; 0 for an item that nobody liked.
    pub scores: Vec<f32>,
    /// The items that have any popularity, most popular first.
    pub ranked: Vec<u32>,
    /// For each kind of interaction that there is, items with the decayed number of those, most first.
    pub by_kind: Vec<(InteractionKind, Vec<(u32, f32)>)>,
}

/// Popularity of all kinds together and of each one. O(interactions).
pub fn fit(set: &TrainingSet, config: &Config) -> Popularity {
    let scores = scores(set, config, |entry| entry.weight(set.interaction_weights()).max(0.0));
    let of_kind = |kind| {
        let scores = self::scores(set, config, |entry| {
            f32::from(u8::from(entry.kind == kind && entry.strength() > 0.0))
        });
        let ranked = ranked(&scores).into_iter().map(|item| (item, scores[item as usize])).collect();
        (kind, ranked)
    };
    let mut by_kind: Vec<_> = InteractionKind::ALL.into_iter().map(of_kind).collect();
    by_kind.retain(|(_, items): &(_, Vec<_>)| !items.is_empty());
    Popularity { ranked: ranked(&scores), scores, by_kind }
}

/// For each item the sum over its interactions of `weight (2^(-age / half-life) + seasonal season(age))`; 0 for an item without any.
pub fn scores(set: &TrainingSet, config: &Config, weight: impl Fn(&crate::HistoryEntry) -> f32) -> Vec<f32> {
    let mut sums = vec![0f64; set.n_items()];
    let mut is_seen = vec![false; set.n_items()];
    for entry in set.entries() {
        let weight = weight(entry);
        let age_s = set.as_of_s() - entry.at_s;
        let counted =
            decay(age_s, config.half_life_days) + config.seasonal * season(age_s as f32 / SECONDS_PER_DAY);
        sums[entry.item.pos()] += f64::from(weight * counted);
        is_seen[entry.item.pos()] |= weight > 0.0;
    }
    // However old, an item that somebody liked comes before one that nobody did.
    let floor = |(sum, is_seen): (f64, bool)| if is_seen { (sum as f32).max(f32::MIN_POSITIVE) } else { 0.0 };
    sums.into_iter().zip(is_seen).map(floor).collect()
}

/// How much an age, in days, is of the season that is about to come: a triangle around the same weeks of each year before.
fn season(age_days: f32) -> f32 {
    let years = ((age_days + Config::SEASON_AHEAD) / Config::YEAR).round();
    if years < 1.0 {
        return 0.0;
    }
    let from_middle = (age_days - years * Config::YEAR + Config::SEASON_AHEAD).abs();
    (1.0 - from_middle / Config::SEASON_REACH).max(0.0) * Config::SEASON_FADING.powf(years - 1.0)
}

/// The items that have any popularity, most popular first.
pub fn ranked(scores: &[f32]) -> Vec<u32> {
    let mut items: Vec<u32> = (0..scores.len() as u32).filter(|&item| scores[item as usize] > 0.0).collect();
    items.sort_unstable_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]).then(a.cmp(&b)));
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
