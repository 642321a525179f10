//! Parameters of popularity.

use serde::{Deserialize, Serialize};

/// Parameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// After how many days an interaction counts half.
    pub half_life_days: f32,
}

impl Default for Config {
    fn default() -> Self {
        Self { half_life_days: 30.0 }
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
