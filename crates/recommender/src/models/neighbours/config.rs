//! Parameters of the neighbour model.

use serde::{Deserialize, Serialize};

/// Parameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// After how many days an interaction counts half; none never.
    pub half_life_days: Option<f32>,
    /// How many related items are kept of each item.
    pub neighbours_max: u32,
}

impl Config {
    /// What the search tries.
    pub const HALF_LIVES_DAYS: [Option<f32>; 5] = [None, Some(240.0), Some(60.0), Some(30.0), Some(15.0)];
    /// Pruning to 300 costs .002 of recall against a full row; to 500 under .001.
    pub const NEIGHBOURS_MAX: u32 = 500;
}
