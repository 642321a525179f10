//! Weak signals: hints of interest that are no interactions, such as a product in a list that was
//! viewed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of weak signals, in the order of their code on disk.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum WeakSignalKind {
    /// The user clicked on the item in a list.
    Click = 0,
    /// The item was in a list that the user viewed.
    ListView = 1,
}

impl WeakSignalKind {
    /// Every kind in the order of its code, the strongest first.
    pub const ALL: [Self; 2] = [Self::Click, Self::ListView];

    /// The word in configurations and records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Click => "click",
            Self::ListView => "list_view",
        }
    }
}

impl fmt::Display for WeakSignalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The weight of one weak signal of each kind, from 0 (never used) to 1, on the scale of
/// [`crate::InteractionWeights`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WeakSignalWeights {
    /// The weight of a click.
    pub click: f32,
    /// The weight of an item in a list that was viewed.
    pub list_view: f32,
}

/// The largest weight of one kind of signal.
const WEIGHT_MAX: f32 = 1.0;

impl Default for WeakSignalWeights {
    /// Half of a detail view, and an eighth of one.
    fn default() -> Self {
        Self { click: 0.2, list_view: 0.05 }
    }
}

impl WeakSignalWeights {
    /// Weights with which no weak signal is used.
    pub const NONE: Self = Self { click: 0.0, list_view: 0.0 };

    /// The weight of a kind.
    pub fn weight(&self, kind: WeakSignalKind) -> f32 {
        match kind {
            WeakSignalKind::Click => self.click,
            WeakSignalKind::ListView => self.list_view,
        }
    }

    /// A copy with another weight for one kind.
    pub fn with(mut self, kind: WeakSignalKind, weight: f32) -> Self {
        match kind {
            WeakSignalKind::Click => self.click = weight,
            WeakSignalKind::ListView => self.list_view = weight,
        }
        self
    }

    /// Checks ranges.
    ///
    /// # Errors
    /// Names the kind whose weight is out of range.
    pub fn validate(&self) -> Result<(), String> {
        for kind in WeakSignalKind::ALL {
            let weight = self.weight(kind);
            if !(0.0..=WEIGHT_MAX).contains(&weight) {
                return Err(format!("{kind} is {weight}, it must be from 0 to {WEIGHT_MAX}"));
            }
        }
        Ok(())
    }
}
