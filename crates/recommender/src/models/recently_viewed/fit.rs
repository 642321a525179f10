//! Finds which interactions count as views, and lists a user's viewed items.

use domain::InteractionKind;
use serde::{Deserialize, Serialize};

use super::Config;
use crate::{HistoryEntry, TrainingSet};

/// The interactions that count as views.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum ViewDefinition {
    /// Detail views and view portions.
    Views,
    /// All kinds except purchases, for workspaces without views.
    AllButPurchases,
}

/// The definition of recently viewed items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecentlyViewed {
    config: Config,
    looks: ViewDefinition,
}

impl Default for RecentlyViewed {
    /// The definition before the first training.
    fn default() -> Self {
        Self { config: Config::default(), looks: ViewDefinition::Views }
    }
}

fn is_view(entry: &HistoryEntry) -> bool {
    matches!(entry.kind, InteractionKind::DetailView | InteractionKind::ViewPortion)
}

/// Finds which interactions count as views: views, where any source sends them. O(interactions).
pub fn fit(set: &TrainingSet, config: &Config) -> RecentlyViewed {
    let looks = if set.entries().iter().any(is_view) {
        ViewDefinition::Views
    } else {
        ViewDefinition::AllButPurchases
    };
    RecentlyViewed { config: *config, looks }
}

impl RecentlyViewed {
    /// The items that a user viewed with their scores, latest first. The history is oldest first.
    pub fn viewed_items(&self, history: &[HistoryEntry]) -> Vec<(u32, f32)> {
        let counts_as_view = |entry: &&HistoryEntry| match self.looks {
            ViewDefinition::Views => is_view(entry),
            ViewDefinition::AllButPurchases => entry.kind != InteractionKind::Purchase,
        };
        let (mut viewed, mut score) = (Vec::new(), 1.0f32);
        for entry in history.iter().rev().filter(counts_as_view) {
            if viewed.iter().all(|(item, _)| *item != entry.item.0) {
                viewed.push((entry.item.0, score));
                score *= self.config.fading;
            }
        }
        viewed
    }
}
