//! Hyperparameters of popularity.

use serde::{Deserialize, Serialize};

/// Hyperparameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The half-life of interactions, in days; None for no decay.
    pub half_life_days: Option<f32>,
    /// The weight of an interaction in the same weeks a year earlier, relative to one of today; at
    /// least 0.
    pub seasonal: f32,
}

impl Config {
    /// The length of a year, in days.
    pub const YEAR_DAYS: f32 = 365.25;
    /// The middle of a season lies this many days after the same day a year earlier, because the
    /// coming weeks count.
    pub const SEASON_AHEAD_DAYS: f32 = 10.0;
    /// The days from the middle of a season to its end.
    pub const SEASON_REACH_DAYS: f32 = 28.0;
    /// The factor of a season for each further year back.
    pub const SEASON_FADING: f32 = 0.5;
}

impl Default for Config {
    fn default() -> Self {
        Self { half_life_days: Some(30.0), seasonal: 0.0 }
    }
}

/// The normalization of a pair's sum by the popularity of both items. With both exponents at 1/2 it
/// is the cosine. A smaller target exponent favours popular items.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Normalisation {
    /// The exponent for the history item, from 0 to 1.
    pub source_exponent: f32,
    /// The exponent for the recommended item, from 0 to 1.
    pub target_exponent: f32,
    /// Added to the items' sums, in interactions, so that rare items do not score high by chance.
    pub smoothing: f32,
}
