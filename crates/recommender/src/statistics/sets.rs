//! Sums over the sets of items that users interacted with.

use linalg::{Accumulator, Csr, add_gram_row};

use super::{PairSums, Sign};
use crate::TrainingSet;
use crate::weighting::decay;

/// The number 1 in fixed point, for a weight. Products of two weights are in units of its inverse
/// square.
const FIXED_POINT_ONE: f64 = (1u64 << 20) as f64;

/// Sums over users u of `w_ui w_uj d_u^-2e`, where w is the decayed weight of a user's interaction
/// with an item, d_u the sum of the user's weights, and e the user exponent. At 0 every pair counts
/// the same, at 1/2 every user has the same total.
pub struct SetSums {
    n_items: usize,
    shards: Vec<Shard>,
}

struct Shard {
    sign: Sign,
    /// Users x items: `w_ui d_u^-e` in fixed point.
    rows: Csr<u32>,
    /// The transpose of `rows`, items x users.
    by_item: Csr<u32>,
    /// For each item the sum of w_ui over users, in fixed point.
    item_sums: Vec<i64>,
}

impl SetSums {
    /// Computes the sums of a set's users. All shards to be merged need the same arguments besides
    /// the set and the sign.
    pub fn compute(
        set: &TrainingSet,
        as_of_s: u32,
        half_life_days: Option<f32>,
        user_exponent: f32,
        sign: Sign,
    ) -> Self {
        let weights = set.weight_matrix(|at_s| decay(as_of_s.saturating_sub(at_s), half_life_days));
        let mut item_sums = vec![0; set.n_items()];
        for user in 0..weights.n_rows() {
            let (items, values) = weights.row(user);
            for (&item, &value) in items.iter().zip(values) {
                item_sums[item as usize] += (f64::from(value) * FIXED_POINT_ONE).round() as i64;
            }
        }
        let user_factor =
            |sum: f64| FIXED_POINT_ONE * sum.max(f64::MIN_POSITIVE).powf(-f64::from(user_exponent));
        let factors: Vec<f64> = weights.row_sums().into_iter().map(user_factor).collect();
        let rows = weights.map(|user, _, value| (f64::from(value) * factors[user]).round() as u32);
        let by_item = rows.transpose();
        Self { n_items: set.n_items(), shards: vec![Shard { sign, rows, by_item, item_sums }] }
    }

    /// Merges the shards of both.
    pub fn merge(mut self, other: Self) -> Self {
        assert_eq!(self.n_items, other.n_items);
        self.shards.extend(other.shards);
        self
    }

    /// For each item the sum of its users' weights.
    pub fn item_sums(&self) -> Vec<f64> {
        let sum = |item| {
            self.shards
                .iter()
                .map(|shard: &Shard| shard.sign.factor() * shard.item_sums[item])
                .sum::<i64>()
        };
        (0..self.n_items).map(|item| sum(item) as f64 / FIXED_POINT_ONE).collect()
    }
}

impl PairSums for SetSums {
    fn n_items(&self) -> usize {
        self.n_items
    }

    fn add_row(&self, item: usize, sums: &mut Accumulator<i64>) {
        for shard in &self.shards {
            add_gram_row(&shard.rows, &shard.by_item, item, shard.sign.factor(), sums);
        }
    }

    fn unit(&self) -> f64 {
        1.0 / (FIXED_POINT_ONE * FIXED_POINT_ONE)
    }
}
