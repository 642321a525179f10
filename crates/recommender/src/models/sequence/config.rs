//! Parameters of the sequence model.

use serde::{Deserialize, Serialize};

use crate::models::popularity::Normalisation;

/// Parameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// After how many days an interaction counts half; none never.
    pub half_life_days: Option<f32>,
    /// How many steps apart a pair may be.
    pub steps: u32,
    /// What a pair counts less for each step between.
    pub discount: f32,
    /// What a later item says for an earlier one, as a share of the other direction.
    pub backward: f32,
    /// How far popularity is taken out.
    pub normalisation: Normalisation,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            half_life_days: None,
            steps: 15,
            discount: 0.85,
            backward: 0.2,
            normalisation: Normalisation { source_exponent: 0.7, target_exponent: 0.3, smoothing: 8.0 },
        }
    }
}
