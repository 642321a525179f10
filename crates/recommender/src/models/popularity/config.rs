//! Parameters of popularity.

use serde::{Deserialize, Serialize};

/// Parameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// After how many days an interaction counts half; none for never.
    pub half_life_days: Option<f32>,
    /// What an interaction of the same weeks a year earlier counts beside one of now, from 0.
    pub seasonal: f32,
}

impl Config {
    /// In days.
    pub const YEAR: f32 = 365.25;
    /// The weeks that are about to come count, so the middle of a season is so many days after the day a year earlier.
    pub const SEASON_AHEAD: f32 = 10.0;
    /// So many days from the middle of a season nothing of it is left.
    pub const SEASON_REACH: f32 = 28.0;
    /// A season of each year further back counts so much less.
    pub const SEASON_FADING: f32 = 0.5;
}

impl Default for Config {
    fn default() -> Self {
        Self { half_life_days: Some(30.0), seasonal: 0.0 }
    }
}

/// How far the popularity of two items is taken out of what they have in common. With both exponents 1/2 this is the cosine; a smaller one for
/// the item spoken for keeps popular items in front.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Normalisation {
    /// Of the item that speaks, from 0 to 1.
    pub source_exponent: f32,
    /// Of the item spoken for, from 0 to 1.
    pub target_exponent: f32,
    /// Added to items' sums, so that rare items do not win by chance; in interactions.
    pub smoothing: f32,
}
