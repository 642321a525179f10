//! Items that no model knows yet, by their likeness to what a person did.
//!
//! History item i speaks for such an item j with `strength_i cos(a_i, a_j)^2`, where a are the items' features and the strength is
//! [`STRENGTH_SHARE`] of the most that i says for anything in the model: what is alike in everything is worth half of the closest neighbour.

use std::sync::Arc;

use domain::ItemIdx;
use linalg::Accumulator;

use crate::features::Features;
use crate::{HistoryEntry, Model};

/// What likeness in everything is worth beside the strongest related item.
const STRENGTH_SHARE: f32 = 0.5;
/// The most cold items of a feature that are looked at, the newest ones.
const ITEMS_PER_FEATURE_MAX: usize = 1_000;

/// Features of all items, and which cold ones have each feature.
pub struct ColdItems {
    features: Arc<Features>,
    /// For each feature the cold items with their weights.
    items_of: Vec<Vec<(u32, f32)>>,
    /// For each item how loud it speaks.
    strengths: Vec<f32>,
}

impl ColdItems {
    /// What `model` does not know of `features`; everything where there is none.
    pub fn of(features: Arc<Features>, model: Option<&Model>) -> Self {
        let by_item = features.by_item();
        let is_warm = |item: usize| model.is_some_and(|model| model.is_warm(item as u32));
        let mut items_of = vec![Vec::new(); by_item.n_columns()];
        for item in (0..by_item.n_rows()).rev().filter(|item| !is_warm(*item)) {
            let (columns, values) = by_item.row(item);
            for (&feature, &value) in columns.iter().zip(values) {
                let items = &mut items_of[feature as usize];
                if items.len() < ITEMS_PER_FEATURE_MAX {
                    items.push((item as u32, value));
                }
            }
        }
        let strength = |item: usize| {
            let Some(channel) = model.and_then(|model| model.channels.first()) else { return 1.0 };
            if item >= channel.related.n_rows() {
                return 0.0;
            }
            STRENGTH_SHARE * channel.related.row(item).1.iter().fold(0f32, |top, value| top.max(*value))
        };
        let strengths = (0..by_item.n_rows()).map(strength).collect();
        Self { features, items_of, strengths }
    }

    /// What items are like.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// Adds what a weighed history says for cold items.
    pub(crate) fn add(
        &self,
        weighed: &[(HistoryEntry, f32)],
        cosines: &mut Accumulator,
        sums: &mut Accumulator,
    ) {
        for &(entry, weight) in weighed {
            let item = entry.item.pos();
            if item >= self.strengths.len() || self.strengths[item] == 0.0 {
                continue;
            }
            let (columns, values) = self.features.by_item().row(item);
            for (&feature, &value) in columns.iter().zip(values) {
                for &(other, of_other) in &self.items_of[feature as usize] {
                    cosines.add(other, value * of_other);
                }
            }
            let factor = weight * self.strengths[item];
            cosines.drain(|other, cosine| {
                if other != entry.item.0 {
                    sums.add(other, factor * cosine * cosine);
                }
            });
        }
    }

    /// What one history item says for a cold item, before the history's weight.
    pub(crate) fn part(&self, from: ItemIdx, item: ItemIdx) -> f32 {
        let by_item = self.features.by_item();
        if from.pos() >= by_item.n_rows() || item.pos() >= by_item.n_rows() || from == item {
            return 0.0;
        }
        let (columns, values) = by_item.row(from.pos());
        let shared = columns.iter().zip(values).filter_map(|(&feature, value)| {
            let items = &self.items_of[feature as usize];
            // Newest first: their indices descend.
            let found = items.binary_search_by(|(other, _)| item.0.cmp(other)).ok()?;
            Some(value * items[found].1)
        });
        let cosine: f32 = shared.sum();
        self.strengths[from.pos()] * cosine * cosine
    }
}
