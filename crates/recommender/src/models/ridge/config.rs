//! Parameters of the ridge on sets.

use serde::{Deserialize, Serialize};

/// The most items of a dense ridge: its work is their cube, its memory a few times their square.
pub const ITEMS_MAX: usize = 6_000;

/// Of larger sets each item is explained by so many of its nearest ones.
pub const NEAREST: u32 = 100;

/// Parameters of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// After how many days an interaction counts half; none never.
    pub half_life_days: Option<f32>,
    /// How much less users with many interactions count, from 0 (not at all) to 1/2 (each user alike).
    pub user_exponent: f32,
    /// By how many of its nearest items each item is explained; none for all of the head.
    pub nearest: Option<u32>,
    /// The penalty, as a multiple of the mean diagonal of the gram.
    pub penalty: f32,
}

impl Default for Config {
    fn default() -> Self {
        Self { half_life_days: None, user_exponent: 0.0, nearest: None, penalty: 1.0 }
    }
}
