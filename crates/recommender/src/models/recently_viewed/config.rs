//! Parameters of what was viewed recently.

use serde::{Deserialize, Serialize};

/// Parameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// What an item counts less for each item that was looked at since.
    pub fading: f32,
}

impl Default for Config {
    fn default() -> Self {
        Self { fading: 0.9 }
    }
}
