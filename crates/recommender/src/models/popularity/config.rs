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
