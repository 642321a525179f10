//! Sums over pairs of interactions in users' sequences, by distance.

use linalg::Accumulator;

use super::{PairSums, Sign};
use crate::TrainingSet;
use crate::weighting::decay;

/// The number 1 in fixed point.
const FIXED_POINT_ONE: f64 = (1u64 << 32) as f64;
/// The longest kernel, in steps.
pub const STEPS_MAX: usize = 64;
/// The gap between two users' steps, so that no kernel reaches from one user to another.
const STEPS_BETWEEN_USERS: u32 = STEPS_MAX as u32 + 1;
/// The most entries that an entry is paired with in each direction. A step may hold many.
const ENTRIES_MAX: usize = 256;

/// The weight of a pair of interactions by their distance in steps. Interactions in the same second
/// are one step, at distance 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// The weight from the earlier to the later item, by distance; at 0 it applies in both
    /// directions.
    pub forward: Vec<f32>,
    /// The weight from the later to the earlier item, by distance; index 0 is not used.
    pub backward: Vec<f32>,
}

/// Sums over users and pairs of their interactions of `kernel(distance) x weights of both x
/// evidence of the later one`, where evidence is the user's weight times the decay.
pub struct SequenceSums {
    n_items: usize,
    kernel: Kernel,
    shards: Vec<Shard>,
}

/// The concatenated interactions of some users.
struct Shard {
    sign: Sign,
    items: Vec<u32>,
    steps: Vec<u32>,
    /// The weight of each interaction by its kind, above 0.
    weights: Vec<f32>,
    /// The evidence of each interaction: its decay times its user's weight.
    evidence: Vec<f32>,
    /// For each item the sum of its interactions' weight times evidence.
    starts: Vec<u32>,
    places: Vec<u32>,
}

impl SequenceSums {
    /// Computes the sums of a set's users. `user_weight` maps a user's number of interactions to a
    /// weight. All shards to be merged need the same arguments besides the set and the sign.
    pub fn compute(
        set: &TrainingSet,
        as_of_s: u32,
        kernel: Kernel,
        half_life_days: Option<f32>,
        user_weight: impl Fn(usize) -> f32,
        sign: Sign,
    ) -> Self {
        assert!(kernel.forward.len() <= STEPS_MAX && kernel.backward.len() <= STEPS_MAX);
        let n_entries = set.entries().len();
        let (mut items, mut steps) = (Vec::with_capacity(n_entries), Vec::with_capacity(n_entries));
        let (mut weights, mut evidence) =
            (Vec::with_capacity(n_entries), Vec::with_capacity(n_entries));
        let mut step = 0u32;
        for user in 0..set.n_users() {
            let row = set.row(user);
            let user_weight = user_weight(row.len());
            let mut at_s = None;
            step += STEPS_BETWEEN_USERS;
            for entry in row {
                let weight = entry.weight(set.interaction_weights());
                if weight <= 0.0 {
                    continue;
                }
                if at_s.is_some_and(|at_s| at_s != entry.at_s) {
                    step += 1;
                }
                at_s = Some(entry.at_s);
                items.push(entry.item.0);
                steps.push(step);
                weights.push(weight);
                evidence
                    .push(user_weight * decay(as_of_s.saturating_sub(entry.at_s), half_life_days));
            }
        }
        let mut starts = vec![0u32; set.n_items() + 1];
        items.iter().for_each(|&item: &u32| starts[item as usize + 1] += 1);
        (1..starts.len()).for_each(|n| starts[n] += starts[n - 1]);
        let mut next = starts.clone();
        let mut places = vec![0; items.len()];
        for (place, &item) in items.iter().enumerate() {
            places[next[item as usize] as usize] = place as u32;
            next[item as usize] += 1;
        }
        let shard = Shard { sign, items, steps, weights, evidence, starts, places };
        Self { n_items: set.n_items(), kernel, shards: vec![shard] }
    }

    /// Merges the shards of both.
    pub fn merge(mut self, other: Self) -> Self {
        assert!(self.n_items == other.n_items && self.kernel == other.kernel);
        self.shards.extend(other.shards);
        self
    }

    /// For each item the sum of its interactions' evidence.
    pub fn item_sums(&self) -> Vec<f64> {
        let mut sums = vec![0i64; self.n_items];
        for shard in &self.shards {
            for ((&item, &evidence), &weight) in
                shard.items.iter().zip(&shard.evidence).zip(&shard.weights)
            {
                sums[item as usize] += shard.sign.factor() * to_fixed_point(evidence * weight);
            }
        }
        sums.into_iter().map(|sum| sum as f64 / FIXED_POINT_ONE).collect()
    }
}

fn to_fixed_point(value: f32) -> i64 {
    (f64::from(value) * FIXED_POINT_ONE) as i64
}

impl PairSums for SequenceSums {
    fn n_items(&self) -> usize {
        self.n_items
    }

    fn add_row(&self, item: usize, sums: &mut Accumulator<i64>) {
        for shard in &self.shards {
            let sign = shard.sign.factor();
            let span = shard.starts[item] as usize..shard.starts[item + 1] as usize;
            for &place in &shard.places[span] {
                let place = place as usize;
                let (step, weight, evidence) =
                    (shard.steps[place], shard.weights[place], shard.evidence[place]);
                for other in (place + 1..shard.items.len()).take(ENTRIES_MAX) {
                    let distance = (shard.steps[other] - step) as usize;
                    let Some(&factor) = self.kernel.forward.get(distance) else { break };
                    sums.add(
                        shard.items[other],
                        sign * to_fixed_point(
                            factor * weight * shard.weights[other] * shard.evidence[other],
                        ),
                    );
                }
                for other in (0..place).rev().take(ENTRIES_MAX) {
                    let distance = (step - shard.steps[other]) as usize;
                    let factors =
                        if distance == 0 { &self.kernel.forward } else { &self.kernel.backward };
                    let Some(&factor) = factors.get(distance) else { break };
                    sums.add(
                        shard.items[other],
                        sign * to_fixed_point(factor * weight * shard.weights[other] * evidence),
                    );
                }
            }
        }
    }

    fn unit(&self) -> f64 {
        1.0 / FIXED_POINT_ONE
    }
}
