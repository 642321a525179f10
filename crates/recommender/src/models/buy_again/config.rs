//! Hyperparameters of the buy-again list.

use serde::{Deserialize, Serialize};

/// Hyperparameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The weight of the item's mean interval, in purchases of the user.
    pub prior: f32,
    /// The weight of the average item in an item's statistics, in buyers and in intervals.
    pub smoothing: f32,
    /// A purchase is due after this share of the mean interval, from 0 to 1.
    pub due_share: f32,
    /// The prediction horizon, in days.
    pub days_ahead: f32,
}

impl Config {
    /// The mean interval between purchases where no item was bought twice, in days.
    pub const INTERVAL_DAYS: f32 = 30.0;
}

impl Default for Config {
    fn default() -> Self {
        Self { prior: 1.0, smoothing: 5.0, due_share: 0.5, days_ahead: 14.0 }
    }
}
