//! Parameters of the ridge on sequences.

use serde::{Deserialize, Serialize};

/// Parameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// What an interaction counts less for each step that it lies back.
    pub past: f32,
    /// What an interaction counts less for each step that it lies ahead.
    pub future: f32,
    /// How many steps ahead are looked at.
    pub future_steps: u32,
    /// How much less users with many interactions count, from 0 (not at all) to 1 (each user alike).
    pub user_exponent: f32,
    /// The penalty, as a multiple of the mean diagonal of G.
    pub penalty: f32,
}

impl Config {
    /// For what comes next.
    pub const FAST: Self = Self { past: 0.8, future: 0.5, future_steps: 3, user_exponent: 0.3, penalty: 0.4 };
    /// For what comes in the longer run.
    pub const SLOW: Self =
        Self { past: 0.95, future: 0.9, future_steps: 20, user_exponent: 0.3, penalty: 0.4 };
}
