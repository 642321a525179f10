//! Hyperparameters of the ridge on sequences.

use serde::{Deserialize, Serialize};

/// Hyperparameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The factor of an earlier interaction per step, from 0 to 1.
    pub past: f32,
    /// The factor of a later interaction per step, from 0 to 1.
    pub future: f32,
    /// The number of later steps that count.
    pub future_steps: u32,
    /// How far users are normalized by their number of interactions, from 0 (not at all) to 1
    /// (every user counts the same).
    pub user_exponent: f32,
    /// The penalty lambda, as a multiple of the mean diagonal of G.
    pub penalty: f32,
}

impl Config {
    /// Short decays, for the very next items.
    pub const FAST: Self =
        Self { past: 0.8, future: 0.5, future_steps: 3, user_exponent: 0.3, penalty: 0.4 };
    /// Long decays, for items later on.
    pub const SLOW: Self =
        Self { past: 0.95, future: 0.9, future_steps: 20, user_exponent: 0.3, penalty: 0.4 };
}
