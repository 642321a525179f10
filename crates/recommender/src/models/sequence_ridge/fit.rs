//! The fit of the ridge on sequences.

use linalg::Dense;

use super::Config;
use crate::TrainingSet;
use crate::matrix::HeadMatrix;
use crate::models::ridge::{ITEMS_MAX, invert_penalised, to_dense};
use crate::statistics::{Kernel, STEPS_MAX, SequenceSums, Sign};

/// A kernel ends where the decay of the past falls below this factor.
const PAST_WEIGHT_MIN: f32 = 0.03;

/// G and C (see the module's documentation) over the head items, head x head.
pub struct Sums {
    head: Vec<u32>,
    n_items: usize,
    past: Dense,
    future: Dense,
}

/// Fits the model over the items with the most interactions.
pub fn fit(set: &TrainingSet, config: &Config) -> HeadMatrix {
    solve(&Sums::compute(set, config), config.penalty)
}

/// Computes the matrix from its sums.
pub fn solve(sums: &Sums, penalty: f32) -> HeadMatrix {
    let mut gram = sums.past.clone();
    let mut matrix = invert_penalised(&mut gram, penalty).multiply(&sums.future);
    (0..matrix.n_rows()).for_each(|k| matrix.row_mut(k)[k] = 0.0);
    HeadMatrix { matrix, head: sums.head.clone(), n_items: sums.n_items }
}

impl Sums {
    /// Computes the sums of a training set. The penalty of the config is not used.
    pub fn compute(set: &TrainingSet, config: &Config) -> Self {
        let head = set.head_items(ITEMS_MAX);
        let user_weight = |n: usize| (n.max(1) as f32).powf(-config.user_exponent);
        let compute_sums = |kernel| {
            SequenceSums::compute(set, set.as_of_s(), kernel, None, user_weight, Sign::Plus)
        };
        let n_steps =
            ((PAST_WEIGHT_MIN.ln() / config.past.ln()).ceil() as usize).clamp(2, STEPS_MAX - 1);

        let same_step = 1.0 / (1.0 - config.past * config.past);
        let decayed: Vec<f32> =
            (0..=n_steps).map(|t| config.past.powi(t as i32) * same_step).collect();
        let past_sums = compute_sums(Kernel { forward: decayed.clone(), backward: decayed });
        let mut past = to_dense(&past_sums, &head);
        // The pair of each interaction with itself.
        let item_sums = past_sums.item_sums();
        for (n, &item) in head.iter().enumerate() {
            past.row_mut(n)[n] += item_sums[item as usize] as f32 * same_step;
        }

        let future_weight = |t: usize| -> f32 {
            let steps = 1..=(config.future_steps as usize).min(t);
            steps.map(|k| config.past.powi((t - k) as i32) * config.future.powi(k as i32 - 1)).sum()
        };
        let n_steps = (n_steps + config.future_steps as usize).min(STEPS_MAX - 1);
        let forward: Vec<f32> = (0..=n_steps).map(future_weight).collect();
        let future = to_dense(&compute_sums(Kernel { forward, backward: Vec::new() }), &head);
        Self { head, n_items: set.n_items(), past, future }
    }
}
