//! Parameters of buying again.

use serde::{Deserialize, Serialize};

/// Parameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// How many purchases of a person the item's own rhythm counts for.
    pub prior: f32,
    /// How many buyers and intervals of the average item are added to each item's own.
    pub smoothing: f32,
    /// A purchase is due when this share of the mean time between two has passed, from 0 to 1.
    pub due_share: f32,
    /// How far the look ahead reaches, in days.
    pub days_ahead: f32,
}

impl Config {
    /// The mean time between two purchases where nobody has bought anything twice, in days.
    pub const INTERVAL_DAYS: f32 = 30.0;
}

impl Default for Config {
    fn default() -> Self {
        Self { prior: 1.0, smoothing: 5.0, due_share: 0.5, days_ahead: 14.0 }
    }
}
