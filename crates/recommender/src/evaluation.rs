//! How good lists are.

use domain::ItemIdx;
use linalg::{Accumulator, top_k_of};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::Model;
use crate::models::popularity;
use crate::split::TestUser;

/// Lists are judged to this length.
pub const CUT_OFF: usize = 20;

/// What lists are worth, as means over the judged users.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Metrics {
    /// Normalised discounted cumulative gain: hits count by rank, 1 is a perfect list.
    pub ndcg: f64,
    /// The share of the items that users went on to choose which the lists hold.
    pub recall: f64,
    /// The share of all items that are in any list.
    pub coverage: f64,
    /// How far from what everybody has: the mean over shown items of -log2 of the share of all interactions, in bits.
    pub novelty: f64,
    /// The share of users whose whole list comes from their own history.
    pub personal: f64,
    /// The users judged.
    pub n_users: usize,
}

/// How much better one set of lists is than another, on the same users.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The mean NDCG of the one.
    pub ndcg: f64,
    /// The mean NDCG of the other.
    pub other_ndcg: f64,
    /// The middle 95 % of the difference of the means over resampled users (bootstrap).
    pub low: f64,
    /// See `low`.
    pub high: f64,
    /// The users judged.
    pub n_users: usize,
}

/// How often users are resampled.
const RESAMPLES: usize = 1_000;

impl Comparison {
    /// Compares lists of the same test users; only what they chose after `since_s` (seconds since 1970) counts, and those that chose nothing
    /// are left out. None where nobody is left.
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
                let wanted: FxHashSet<ItemIdx> =
                    user.wanted.iter().filter(|(_, at_s)| **at_s > since_s).map(|(item, _)| *item).collect();
                let is_wanted = |item: &ItemIdx| wanted.contains(item);
                (!wanted.is_empty()).then(|| {
                    (ndcg_of(list, is_wanted, wanted.len()), ndcg_of(other, is_wanted, wanted.len()))
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
        let mean =
            |part: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(part).sum::<f64>().max(0.0) / n as f64;
        Some(Self {
            ndcg: mean(&|pair| pair.0),
            other_ndcg: mean(&|pair| pair.1),
            low: differences[RESAMPLES / 40],
            high: differences[RESAMPLES - 1 - RESAMPLES / 40],
            n_users: n,
        })
    }

    /// Whether the one is worse by more than a share of the other, beyond chance.
    pub fn is_worse_by(&self, margin: f64) -> bool {
        self.high < -margin * self.other_ndcg
    }
}

fn ndcg_of(list: &[ItemIdx], is_wanted: impl Fn(&ItemIdx) -> bool, n_wanted: usize) -> f64 {
    let hits = list.iter().take(CUT_OFF).enumerate().filter(|(_, item)| is_wanted(item));
    hits.map(|(rank, _)| gain(rank)).sum::<f64>() / ideal(n_wanted)
}

/// A model's lists of new items, of [`CUT_OFF`] items each.
pub fn lists_of(model: &Model, test: &[TestUser]) -> Vec<Vec<ItemIdx>> {
    let n_items = model.n_items();
    let list = |sums: &mut Accumulator, user: &TestUser| {
        let closed: FxHashSet<u32> = user.closed().collect();
        model.add(&model.weigh(&user.history, &user.weak), sums);
        let mut entries = Vec::new();
        sums.drain(|item, sum| {
            if sum > 0.0 && !closed.contains(&item) {
                entries.push((item, sum));
            }
        });
        top_k_of(&mut entries, CUT_OFF);
        entries.into_iter().map(|(item, _)| ItemIdx(item)).collect()
    };
    test.par_iter().map_init(|| Accumulator::new(n_items), list).collect()
}

/// The same popular items for everybody, but what they know.
pub fn popular_lists(popularity: &[f32], test: &[TestUser]) -> Vec<Vec<ItemIdx>> {
    let ranked = popularity::ranked(popularity);
    let list = |user: &TestUser| {
        let closed: FxHashSet<u32> = user.closed().collect();
        ranked.iter().filter(|item| !closed.contains(item)).take(CUT_OFF).map(|&item| ItemIdx(item)).collect()
    };
    test.iter().map(list).collect()
}

/// What a hit at a rank (from 0) counts.
pub(crate) fn gain(rank: usize) -> f64 {
    1.0 / (rank as f64 + 2.0).log2()
}

/// What a perfect list for so many wanted items counts.
pub(crate) fn ideal(n_wanted: usize) -> f64 {
    (0..CUT_OFF.min(n_wanted)).map(gain).sum()
}

/// What each user's list from their own history is worth, as means; `counts` is how many interactions each item has in the training part.
pub fn metrics_of(test: &[TestUser], lists: &[Vec<ItemIdx>], counts: &[u32]) -> Metrics {
    let mut metrics = Metrics { n_users: test.len(), ..Default::default() };
    let total: f64 = counts.iter().map(|count| f64::from(*count)).sum();
    let bits = |item: &ItemIdx| (total / f64::from(counts[item.pos()].max(1))).log2();
    let mut shown: FxHashSet<ItemIdx> = FxHashSet::default();
    let (mut n_shown, mut n_bits) = (0usize, 0.0);
    for (user, list) in test.iter().zip(lists) {
        let list = &list[..list.len().min(CUT_OFF)];
        let is_wanted = |item: &ItemIdx| user.wanted.contains_key(item);
        metrics.ndcg += ndcg_of(list, is_wanted, user.wanted.len());
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
