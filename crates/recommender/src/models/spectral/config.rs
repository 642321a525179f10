//! Parameters of the spectral model.

use serde::{Deserialize, Serialize};

/// Parameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// After how many days an interaction counts half; none never.
    pub half_life_days: Option<f32>,
    /// How many directions are kept.
    pub rank: u32,
    /// The power of the singular values: 0 keeps all directions alike.
    pub filter: f32,
    /// How many times the decomposition goes over the data.
    pub iterations: u32,
    /// Where the decomposition starts from.
    pub seed: u64,
}

impl Config {
    /// Fewer directions tell no tastes apart: a small catalog has no such model.
    pub const RANK_MIN: u32 = 8;
    /// The most directions.
    pub const RANK_MAX: usize = 1_024;
    /// At most this share of the items is a direction.
    pub const ITEMS_PER_RANK: usize = 16;
}

impl Default for Config {
    fn default() -> Self {
        Self { half_life_days: None, rank: 256, filter: 1.0, iterations: 4, seed: 0 }
    }
}
