//! Parameters of the content model.

use serde::{Deserialize, Serialize};

/// Parameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The power of the cosine: above 1 the most alike count most.
    pub power: f32,
    /// The power of popularity of the item that is spoken for.
    pub popularity: f32,
}

impl Config {
    /// How many alike items of each item are looked at.
    pub const KEPT_MAX: usize = 500;
}

impl Default for Config {
    fn default() -> Self {
        Self { power: 3.0, popularity: 0.3 }
    }
}
