//! The fit of the ridge on sequences.

use linalg::Dense;

use super::Config;
use crate::TrainingSet;
use crate::matrix::HeadMatrix;
use crate::models::ridge::{ITEMS_MAX, dense_of, penalised_inverse};
use crate::statistics::{Kernel, STEPS_MAX, SequenceSums, Sign};

/// What is left of an interaction beyond the last step of a kernel.
const REST: f32 = 0.03;

/// G and C of the docs of this model, over the items with the most interactions.
pub struct Sums {
    head: Vec<u32>,
    n_items: usize,
    past: Dense,
    future: Dense,
}

/// The matrix over the items with the most interactions, items x items.
pub fn fit(set: &TrainingSet, config: &Config) -> HeadMatrix {
    solve(&Sums::compute(set, config), config.penalty)
}

/// The matrix of sums.
pub fn solve(sums: &Sums, penalty: f32) -> HeadMatrix {
    let mut gram = sums.past.clone();
    let mut matrix = penalised_inverse(&mut gram, penalty).times(&sums.future);
    (0..matrix.n_rows()).for_each(|k| matrix.row_mut(k)[k] = 0.0);
    HeadMatrix { matrix, head: sums.head.clone(), n_items: sums.n_items }
}

impl Sums {
    /// Of a training set; the penalty of the config does not matter.
    pub fn compute(set: &TrainingSet, config: &Config) -> Self {
        let head = set.head_items(ITEMS_MAX);
        let user_weight = |n: usize| (n.max(1) as f32).powf(-config.user_exponent);
        let of_kernel =
            |kernel| SequenceSums::compute(set, set.as_of_s(), kernel, None, user_weight, Sign::Plus);
        let n_steps = ((REST.ln() / config.past.ln()).ceil() as usize).clamp(2, STEPS_MAX - 1);

        let at_once = 1.0 / (1.0 - config.past * config.past);
        let decayed: Vec<f32> = (0..=n_steps).map(|t| config.past.powi(t as i32) * at_once).collect();
        let past_sums = of_kernel(Kernel { forward: decayed.clone(), backward: decayed });
        let mut past = dense_of(&past_sums, &head);
        // An interaction with itself.
        let item_sums = past_sums.item_sums();
        for (n, &item) in head.iter().enumerate() {
            past.row_mut(n)[n] += item_sums[item as usize] as f32 * at_once;
        }

        let ahead = |t: usize| -> f32 {
            let steps = 1..=(config.future_steps as usize).min(t);
            steps.map(|k| config.past.powi((t - k) as i32) * config.future.powi(k as i32 - 1)).sum()
        };
        let n_steps = (n_steps + config.future_steps as usize).min(STEPS_MAX - 1);
        let forward: Vec<f32> = (0..=n_steps).map(ahead).collect();
        let future = dense_of(&of_kernel(Kernel { forward, backward: Vec::new() }), &head);
        Self { head, n_items: set.n_items(), past, future }
    }
}
