//! Hyperparameters of the ridge on sets.

use serde::{Deserialize, Serialize};

/// The most items of a dense ridge. Its work is their cube, its memory a few times their square.
pub const ITEMS_MAX: usize = 6_000;

/// The number of nearest items that each item is regressed on in larger catalogs.
pub const NEAREST: u32 = 100;

/// Hyperparameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The half-life of interactions, in days; None for no decay.
    pub half_life_days: Option<f32>,
    /// How far users are normalized by their sum of weights, from 0 (not at all) to 1/2 (every user
    /// counts the same).
    pub user_exponent: f32,
    /// The number of nearest items that each item is regressed on; None for all head items.
    pub nearest: Option<u32>,
    /// The penalty lambda, as a multiple of the mean diagonal of G.
    pub penalty: f32,
}

impl Default for Config {
    fn default() -> Self {
        Self { half_life_days: None, user_exponent: 0.0, nearest: None, penalty: 1.0 }
    }
}
