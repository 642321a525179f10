//! Hyperparameters of the neighbour model.

use serde::{Deserialize, Serialize};

use crate::models::popularity::Normalisation;

/// Hyperparameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The half-life of interactions, in days; None for no decay.
    pub half_life_days: Option<f32>,
    /// The normalization by popularity.
    pub normalisation: Normalisation,
}

impl Default for Config {
    fn default() -> Self {
        let normalisation =
            Normalisation { source_exponent: 0.7, target_exponent: 0.3, smoothing: 2.0 };
        Self { half_life_days: None, normalisation }
    }
}
