//! The holdout of a trait: people who would have it and do not, so that its effect is measured.

use serde::{Deserialize, Serialize};

use crate::InteractionKind;

/// The share of a trait's people who do not get it, and what people are expected to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Holdout {
    /// How many of a hundred people are held out, from 1 to 50.
    pub percent: u8,
    /// The kind of interaction that is counted.
    #[serde(default = "goal_by_default")]
    pub goal: InteractionKind,
}

fn goal_by_default() -> InteractionKind {
    InteractionKind::Purchase
}

impl Holdout {
    /// The largest share, in percent.
    pub const PERCENT_MAX: u8 = 50;

    /// Checks the share.
    pub(super) fn validate(&self) -> Result<(), String> {
        match (1..=Self::PERCENT_MAX).contains(&self.percent) {
            true => Ok(()),
            false => Err(format!(
                "holdout.percent is {}: it must be 1 to {}",
                self.percent,
                Self::PERCENT_MAX
            )),
        }
    }
}
