//! How strongly two items meet in the same users' sets.

use linalg::{Accumulator, Csr, gram_row};

use super::{PairSums, Sign};
use crate::TrainingSet;
use crate::weighting::decay;

/// One in fixed point, for a weight; the product of two is counted in its square.
const ONE: f64 = (1u64 << 20) as f64;

/// Sums over users u of w_ui w_uj d_u^-2e, where w is the decayed weight of a user's interaction with an item, d_u the sum of the
/// user's weights, and e the user exponent: at 0 every pair counts the same, at 1/2 every user speaks with the same total.
pub struct SetSums {
    n_items: usize,
    shards: Vec<Shard>,
}

struct Shard {
    sign: Sign,
    /// Users x items: w_ui d_u^-e.
    rows: Csr<u32>,
    by_item: Csr<u32>,
    /// For each item the sum of w_ui over the users.
    item_sums: Vec<i64>,
}

impl SetSums {
    /// Of some users. All shards that are to be merged need the same arguments but the set.
    pub fn compute(
        set: &TrainingSet,
        as_of_s: u32,
        half_life_days: Option<f32>,
        user_exponent: f32,
        sign: Sign,
    ) -> Self {
        let weights = set.weights(|at_s| decay(as_of_s.saturating_sub(at_s), half_life_days));
        let mut item_sums = vec![0; set.n_items()];
        for user in 0..weights.n_rows() {
            let (items, values) = weights.row(user);
            for (&item, &value) in items.iter().zip(values) {
                item_sums[item as usize] += (f64::from(value) * ONE).round() as i64;
            }
        }
        let of_user = |sum: f64| ONE * sum.max(f64::MIN_POSITIVE).powf(-f64::from(user_exponent));
        let factors: Vec<f64> = weights.row_sums().into_iter().map(of_user).collect();
        let rows = weights.map(|user, _, value| (f64::from(value) * factors[user]).round() as u32);
        let by_item = rows.transposed();
        Self { n_items: set.n_items(), shards: vec![Shard { sign, rows, by_item, item_sums }] }
    }

    /// The users of both.
    pub fn merge(mut self, other: Self) -> Self {
        assert_eq!(self.n_items, other.n_items);
        self.shards.extend(other.shards);
        self
    }

    /// For each item the sum of its users' weights.
    pub fn item_sums(&self) -> Vec<f64> {
        let sum = |item| {
            self.shards.iter().map(|shard: &Shard| shard.sign.factor() * shard.item_sums[item]).sum::<i64>()
        };
        (0..self.n_items).map(|item| sum(item) as f64 / ONE).collect()
    }
}

impl PairSums for SetSums {
    fn n_items(&self) -> usize {
        self.n_items
    }

    fn row(&self, item: usize, sums: &mut Accumulator<i64>) {
        for shard in &self.shards {
            gram_row(&shard.rows, &shard.by_item, item, shard.sign.factor(), sums);
        }
    }

    fn unit(&self) -> f64 {
        1.0 / (ONE * ONE)
    }
}
