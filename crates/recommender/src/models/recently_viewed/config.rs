//! Hyperparameters of the recently viewed list.

use serde::{Deserialize, Serialize};

/// Hyperparameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The factor of the score for each item viewed since, from 0 to 1.
    pub fading: f32,
}

impl Default for Config {
    fn default() -> Self {
        Self { fading: 0.9 }
    }
}
