//! Hyperparameters of the sequence model.

use serde::{Deserialize, Serialize};

use crate::models::popularity::Normalisation;

/// Hyperparameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The half-life of interactions, in days; None for no decay.
    pub half_life_days: Option<f32>,
    /// The largest distance of a pair, in steps.
    pub steps: u32,
    /// The factor of a pair for each step between its interactions, from 0 to 1.
    pub discount: f32,
    /// The weight of the backward direction (later to earlier item), relative to the forward one.
    pub backward: f32,
    /// The normalization by popularity.
    pub normalisation: Normalisation,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            half_life_days: None,
            steps: 15,
            discount: 0.85,
            backward: 0.2,
            normalisation: Normalisation {
                source_exponent: 0.7,
                target_exponent: 0.3,
                smoothing: 8.0,
            },
        }
    }
}
