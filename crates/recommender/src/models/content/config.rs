//! Hyperparameters of the content model.

use serde::{Deserialize, Serialize};

/// Hyperparameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The exponent of the cosine. Above 1 it favours the most similar items.
    pub power: f32,
    /// The exponent of the target item's popularity; 0 ignores it.
    pub popularity: f32,
}

impl Config {
    /// The most similar items per item that are kept.
    pub const KEPT_MAX: usize = 500;
}

impl Default for Config {
    fn default() -> Self {
        Self { power: 3.0, popularity: 0.3 }
    }
}
