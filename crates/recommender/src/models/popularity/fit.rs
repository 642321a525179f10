//! The fit of popularity.

use domain::InteractionKind;
use serde::{Deserialize, Serialize};

use super::{Config, Normalisation};
use crate::TrainingSet;
use crate::weighting::{SECONDS_PER_DAY, decay};

/// The popularity of all items.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Popularity {
    /// For each item the decayed weight of its interactions; 0 for an item without positive ones.
    pub scores: Vec<f32>,
    /// The items with any popularity, most popular first.
    pub ranked: Vec<u32>,
    /// For each kind that occurs, (item, decayed number of interactions), most first.
    pub by_kind: Vec<(InteractionKind, Vec<(u32, f32)>)>,
}

/// Computes popularity in total and by kind. O(interactions).
pub fn fit(set: &TrainingSet, config: &Config) -> Popularity {
    let scores =
        compute_scores(set, config, |entry| entry.weight(set.interaction_weights()).max(0.0));
    let rank_kind = |kind| {
        let scores = self::compute_scores(set, config, |entry| {
            f32::from(u8::from(entry.kind == kind && entry.strength() > 0.0))
        });
        let ranked =
            rank_items(&scores).into_iter().map(|item| (item, scores[item as usize])).collect();
        (kind, ranked)
    };
    let mut by_kind: Vec<_> = InteractionKind::ALL.into_iter().map(rank_kind).collect();
    by_kind.retain(|(_, items): &(_, Vec<_>)| !items.is_empty());
    Popularity { ranked: rank_items(&scores), scores, by_kind }
}

/// For each item the sum over its interactions of `weight (2^(-age / half-life) + seasonal
/// season(age))`; 0 for an item without any.
pub fn compute_scores(
    set: &TrainingSet,
    config: &Config,
    weight: impl Fn(&crate::HistoryEntry) -> f32,
) -> Vec<f32> {
    let mut sums = vec![0f64; set.n_items()];
    let mut is_seen = vec![false; set.n_items()];
    for entry in set.entries() {
        let weight = weight(entry);
        let age_s = set.as_of_s() - entry.at_s;
        let decayed = decay(age_s, config.half_life_days)
            + config.seasonal * seasonal_weight(age_s as f32 / SECONDS_PER_DAY);
        sums[entry.item.pos()] += f64::from(weight * decayed);
        is_seen[entry.item.pos()] |= weight > 0.0;
    }
    // However old its interactions are, such an item ranks before one without any.
    let floor = |(sum, is_seen): (f64, bool)| {
        if is_seen { (sum as f32).max(f32::MIN_POSITIVE) } else { 0.0 }
    };
    sums.into_iter().zip(is_seen).map(floor).collect()
}

/// The weight of an age in the coming season: a triangle around the same weeks of each earlier
/// year.
fn seasonal_weight(age_days: f32) -> f32 {
    let years = ((age_days + Config::SEASON_AHEAD_DAYS) / Config::YEAR_DAYS).round();
    if years < 1.0 {
        return 0.0;
    }
    let from_middle = (age_days - years * Config::YEAR_DAYS + Config::SEASON_AHEAD_DAYS).abs();
    (1.0 - from_middle / Config::SEASON_REACH_DAYS).max(0.0)
        * Config::SEASON_FADING.powf(years - 1.0)
}

/// The items with any popularity, most popular first.
pub fn rank_items(scores: &[f32]) -> Vec<u32> {
    let mut items: Vec<u32> =
        (0..scores.len() as u32).filter(|&item| scores[item as usize] > 0.0).collect();
    items.sort_unstable_by(|&a, &b| {
        scores[b as usize].total_cmp(&scores[a as usize]).then(a.cmp(&b))
    });
    items
}

/// The normalization factors of each item, as history item and as recommended item: `(d +
/// s)^-source` and `(d + s)^-target`; 0 for an item with d = 0.
pub fn compute_factors(item_sums: &[f64], normalisation: &Normalisation) -> (Vec<f32>, Vec<f32>) {
    let power =
        |exponent: f32| -> Vec<f32> {
            let smoothing = f64::from(normalisation.smoothing);
            item_sums
                .iter()
                .map(|&sum| {
                    if sum > 0.0 {
                        (sum + smoothing).powf(-f64::from(exponent)) as f32
                    } else {
                        0.0
                    }
                })
                .collect()
        };
    (power(normalisation.source_exponent), power(normalisation.target_exponent))
}
