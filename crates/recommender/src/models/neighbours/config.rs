//! Parameters of the neighbour model.

use serde::{Deserialize, Serialize};

use crate::models::popularity::Normalisation;

/// Parameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// After how many days an interaction counts half; none never.
    pub half_life_days: Option<f32>,
    /// How far popularity is taken out.
    pub normalisation: Normalisation,
}

impl Default for Config {
    fn default() -> Self {
        let normalisation = Normalisation { source_exponent: 0.7, target_exponent: 0.3, smoothing: 2.0 };
        Self { half_life_days: None, normalisation }
    }
}
