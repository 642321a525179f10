//! Hyperparameters of the spectral model.

use serde::{Deserialize, Serialize};

/// Hyperparameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The half-life of interactions, in days; None for no decay.
    pub half_life_days: Option<f32>,
    /// The number of directions kept.
    pub rank: u32,
    /// The exponent of the singular values. At 0 all directions count the same.
    pub filter: f32,
    /// The number of power iterations.
    pub iterations: u32,
    /// The seed of the initial subspace.
    pub seed: u64,
}

impl Config {
    /// The fewest useful directions. Catalogs too small for it have no spectral model.
    pub const RANK_MIN: u32 = 8;
    /// The most directions.
    pub const RANK_MAX: usize = 1_024;
    /// The minimum number of items per direction.
    pub const ITEMS_PER_RANK: usize = 16;
}

impl Default for Config {
    fn default() -> Self {
        Self { half_life_days: None, rank: 256, filter: 1.0, iterations: 4, seed: 0 }
    }
}
