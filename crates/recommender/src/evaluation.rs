//! Metrics of recommendation lists, and the comparison of two sets of lists.

use domain::ItemIdx;
use linalg::{Accumulator, retain_top_k};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::Model;
use crate::models::popularity;
use crate::split::TestUser;

/// Metrics are computed on the first 20 items of a list.
pub const CUT_OFF: usize = 20;

/// Accuracy metrics, as means over the test users.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Metrics {
    /// Normalized discounted cumulative gain (nDCG), from 0 to 1; 1 is a perfect list.
    pub ndcg: f64,
    /// The share of the items chosen by users that their lists hold, from 0 to 1.
    pub recall: f64,
    /// The share of all items that occur in any list, from 0 to 1.
    pub coverage: f64,
    /// The mean over listed items of -log2 of the item's share of all interactions, in bits.
    pub novelty: f64,
    /// The share of users whose whole list comes from their own history, from 0 to 1.
    pub personal: f64,
    /// The number of test users.
    pub n_users: usize,
}

/// The difference in nDCG between two sets of lists for the same users.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Comparison {
    /// The mean nDCG of the lists under test.
    pub ndcg: f64,
    /// The mean nDCG of the lists they are compared with.
    pub other_ndcg: f64,
    /// Lower bound of the 95 % bootstrap interval of the difference `ndcg - other_ndcg` (over
    /// users).
    pub low: f64,
    /// Upper bound of that interval.
    pub high: f64,
    /// The number of users compared.
    pub n_users: usize,
}

/// The number of bootstrap samples.
const RESAMPLES: usize = 1_000;

impl Comparison {
    /// Compares two sets of lists for the same test users. Only items chosen after `since_s`
    /// (seconds since 1970) count. Users without such items are ignored; None where no user is
    /// left.
    pub fn compare(
        test: &[TestUser],
        lists: &[Vec<ItemIdx>],
        others: &[Vec<ItemIdx>],
        since_s: u32,
        seed: u64,
    ) -> Option<Self> {
        let pairs: Vec<(f64, f64)> = test
            .iter()
            .zip(lists.iter().zip(others))
            .filter_map(|(user, (list, other))| {
                let wanted: FxHashSet<ItemIdx> = user
                    .wanted
                    .iter()
                    .filter(|(_, at_s)| **at_s > since_s)
                    .map(|(item, _)| *item)
                    .collect();
                let is_wanted = |item: &ItemIdx| wanted.contains(item);
                (!wanted.is_empty()).then(|| {
                    (
                        compute_ndcg(list, is_wanted, wanted.len()),
                        compute_ndcg(other, is_wanted, wanted.len()),
                    )
                })
            })
            .collect();
        if pairs.is_empty() {
            return None;
        }
        let n = pairs.len();
        let mut random = StdRng::seed_from_u64(seed);
        let mut differences: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                let drawn = (0..n).map(|_| pairs[random.random_range(0..n)]);
                drawn.map(|(own, other)| own - other).sum::<f64>() / n as f64
            })
            .collect();
        differences.sort_by(f64::total_cmp);
        let mean = |part: &dyn Fn(&(f64, f64)) -> f64| {
            pairs.iter().map(part).sum::<f64>().max(0.0) / n as f64
        };
        Some(Self {
            ndcg: mean(&|pair| pair.0),
            other_ndcg: mean(&|pair| pair.1),
            low: differences[RESAMPLES / 40],
            high: differences[RESAMPLES - 1 - RESAMPLES / 40],
            n_users: n,
        })
    }

    /// Whether the lists are worse by more than `margin`, a share of the other's nDCG, with the
    /// whole interval.
    pub fn is_worse_by(&self, margin: f64) -> bool {
        self.high < -margin * self.other_ndcg
    }
}

fn compute_ndcg(list: &[ItemIdx], is_wanted: impl Fn(&ItemIdx) -> bool, n_wanted: usize) -> f64 {
    let hits = list.iter().take(CUT_OFF).enumerate().filter(|(_, item)| is_wanted(item));
    hits.map(|(rank, _)| gain(rank)).sum::<f64>() / ideal_gain(n_wanted)
}

/// The model's lists of [`CUT_OFF`] new items for each test user, best first.
pub fn compute_model_lists(model: &Model, test: &[TestUser]) -> Vec<Vec<ItemIdx>> {
    let n_items = model.n_items();
    let list = |sums: &mut Accumulator, user: &TestUser| {
        let excluded: FxHashSet<u32> = user.excluded_items().collect();
        let weights = &model.parameters.interaction_weights;
        model.add_scores(&model.weigh_history(&user.history, &user.weak_signals, weights), sums);
        let mut entries = Vec::new();
        sums.drain(|item, sum| {
            if sum > 0.0 && !excluded.contains(&item) {
                entries.push((item, sum));
            }
        });
        retain_top_k(&mut entries, CUT_OFF);
        entries.into_iter().map(|(item, _)| ItemIdx(item)).collect()
    };
    test.par_iter().map_init(|| Accumulator::new(n_items), list).collect()
}

/// The most popular items for each test user, except those that the user already knows.
pub fn compute_popular_lists(popularity: &[f32], test: &[TestUser]) -> Vec<Vec<ItemIdx>> {
    let ranked = popularity::rank_items(popularity);
    let list = |user: &TestUser| {
        let excluded: FxHashSet<u32> = user.excluded_items().collect();
        ranked
            .iter()
            .filter(|item| !excluded.contains(item))
            .take(CUT_OFF)
            .map(|&item| ItemIdx(item))
            .collect()
    };
    test.iter().map(list).collect()
}

/// The discounted gain of a hit at a rank (from 0): `1 / log2(rank + 2)`.
pub(crate) fn gain(rank: usize) -> f64 {
    1.0 / (rank as f64 + 2.0).log2()
}

/// The gain of a perfect list where a user chose `n_wanted` items.
pub(crate) fn ideal_gain(n_wanted: usize) -> f64 {
    (0..CUT_OFF.min(n_wanted)).map(gain).sum()
}

/// Computes the metrics of the test users' lists. `counts` is the number of interactions of each
/// item in the training part.
pub fn compute_metrics(test: &[TestUser], lists: &[Vec<ItemIdx>], counts: &[u32]) -> Metrics {
    let mut metrics = Metrics { n_users: test.len(), ..Default::default() };
    let total: f64 = counts.iter().map(|count| f64::from(*count)).sum();
    let bits = |item: &ItemIdx| (total / f64::from(counts[item.pos()].max(1))).log2();
    let mut shown: FxHashSet<ItemIdx> = FxHashSet::default();
    let (mut n_shown, mut n_bits) = (0usize, 0.0);
    for (user, list) in test.iter().zip(lists) {
        let list = &list[..list.len().min(CUT_OFF)];
        let is_wanted = |item: &ItemIdx| user.wanted.contains_key(item);
        metrics.ndcg += compute_ndcg(list, is_wanted, user.wanted.len());
        metrics.recall +=
            list.iter().filter(|item| is_wanted(item)).count() as f64 / user.wanted.len() as f64;
        metrics.personal += f64::from(u8::from(list.len() == CUT_OFF));
        n_shown += list.len();
        n_bits += list.iter().map(bits).sum::<f64>();
        shown.extend(list);
    }
    let n = test.len().max(1) as f64;
    metrics.ndcg /= n;
    metrics.recall /= n;
    metrics.personal /= n;
    metrics.novelty = n_bits / n_shown.max(1) as f64;
    metrics.coverage = shown.len() as f64 / counts.len().max(1) as f64;
    metrics
}
