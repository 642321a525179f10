//! The fit of what was viewed recently, and the list that it gives a person.

use domain::InteractionKind;
use serde::{Deserialize, Serialize};

use super::Config;
use crate::{HistoryEntry, TrainingSet};

/// What counts as a look at an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Looks {
    /// Detail views and view portions.
    Views,
    /// Everything but purchases: nobody sends views.
    AllButPurchases,
}

/// What a person looked at lately.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecentlyViewed {
    config: Config,
    looks: Looks,
}

impl Default for RecentlyViewed {
    /// Before anything is known.
    fn default() -> Self {
        Self { config: Config::default(), looks: Looks::Views }
    }
}

fn is_view(entry: &HistoryEntry) -> bool {
    matches!(entry.kind, InteractionKind::DetailView | InteractionKind::ViewPortion)
}

/// Finds out what counts as a look: views where anybody sends them. O(interactions).
pub fn fit(set: &TrainingSet, config: &Config) -> RecentlyViewed {
    let looks = if set.entries().iter().any(is_view) { Looks::Views } else { Looks::AllButPurchases };
    RecentlyViewed { config: *config, looks }
}

impl RecentlyViewed {
    /// What a person (history oldest first) looked at, with scores, the latest first.
    pub fn viewed(&self, history: &[HistoryEntry]) -> Vec<(u32, f32)> {
        let is_look = |entry: &&HistoryEntry| match self.looks {
            Looks::Views => is_view(entry),
            Looks::AllButPurchases => entry.kind != InteractionKind::Purchase,
        };
        let (mut viewed, mut score) = (Vec::new(), 1.0f32);
        for entry in history.iter().rev().filter(is_look) {
            if viewed.iter().all(|(item, _)| *item != entry.item.0) {
                viewed.push((entry.item.0, score));
                score *= self.config.fading;
            }
        }
        viewed
    }
}
