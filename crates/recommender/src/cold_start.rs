//! Cold-start items: items that the model does not know. Their features stand in for interactions.
//!
//! History item i contributes `strength_i cos(a_i, a_j)^2` to the score of a cold-start item j,
//! where a are the items' feature vectors. The strength is [`STRENGTH_SHARE`] times the largest
//! entry of i's row in the model, so an item with equal features counts half as much as the closest
//! neighbour. Item i contributes to its [`SIMILAR_ITEMS_MAX`] most similar items only.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use domain::ItemIdx;
use linalg::{Accumulator, retain_top_k};

use crate::features::Features;
use crate::{HistoryEntry, Model};

/// The weight of an item with equal features, relative to the most related item.
const STRENGTH_SHARE: f32 = 0.5;
/// The most cold-start items per feature that are searched, newest first.
const ITEMS_PER_FEATURE_MAX: usize = 1_000;
/// The most cold-start items that one item contributes to; of equally similar ones the newest.
const SIMILAR_ITEMS_MAX: usize = 100;

thread_local! {
    /// Reused by all computations of a thread.
    static COSINES: RefCell<Accumulator> = RefCell::new(Accumulator::new(0));
}

/// Features of all items, and an index from features to cold-start items.
pub struct ColdStartItems {
    features: Arc<Features>,
    /// For each feature the cold-start items that have it with their feature weights, newest first.
    items_by_feature: Vec<Vec<(u32, f32)>>,
    /// For each item the factor of its contributions.
    strengths: Vec<f32>,
    /// For each item the cold-start items that it contributes to, computed on first use.
    similar: Vec<OnceLock<SimilarItems>>,
}

/// The cold-start items that one item contributes to.
struct SimilarItems {
    /// Item indices, ascending.
    items: Box<[u32]>,
    /// The score contributed to each item, before the weight of the history.
    scores: Box<[f32]>,
}

impl ColdStartItems {
    /// The memory in use, in bytes. Grows as similar items are computed.
    pub fn n_bytes(&self) -> usize {
        let per_feature = size_of::<Vec<(u32, f32)>>();
        let index_bytes: usize = self
            .items_by_feature
            .iter()
            .map(|items| per_feature + items.capacity() * size_of::<(u32, f32)>())
            .sum();
        let per_item = size_of::<f32>() + size_of::<OnceLock<SimilarItems>>();
        let similar_bytes: usize = self
            .similar
            .iter()
            .filter_map(OnceLock::get)
            .map(|similar| size_of_val(&*similar.items) + size_of_val(&*similar.scores))
            .sum();
        self.features.n_bytes() + index_bytes + self.similar.len() * per_item + similar_bytes
    }

    /// Indexes the items that `model` does not know; all items where there is none.
    pub fn new(features: Arc<Features>, model: Option<&Model>) -> Self {
        let by_item = features.by_item();
        let is_warm = |item: usize| model.is_some_and(|model| model.is_warm(item as u32));
        let mut items_by_feature = vec![Vec::new(); by_item.n_columns()];
        for item in (0..by_item.n_rows()).rev().filter(|item| !is_warm(*item)) {
            let (columns, values) = by_item.row(item);
            for (&feature, &value) in columns.iter().zip(values) {
                let items = &mut items_by_feature[feature as usize];
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
            STRENGTH_SHARE
                * channel.related.row(item).1.iter().fold(0f32, |top, value| top.max(*value))
        };
        let strengths = (0..by_item.n_rows()).map(strength).collect();
        let similar = (0..by_item.n_rows()).map(|_| OnceLock::new()).collect();
        Self { features, items_by_feature, strengths, similar }
    }

    /// The items that another model does not know, over the same features.
    pub fn for_model(&self, model: &Model) -> Self {
        Self::new(Arc::clone(&self.features), Some(model))
    }

    /// The features of all items.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// Adds the scores of cold-start items for a weighed history to `sums`.
    pub(crate) fn add_scores(&self, weighed: &[(HistoryEntry, f32)], sums: &mut Accumulator) {
        for (entry, weight) in weighed {
            if let Some(similar) = self.similar_items(entry.item) {
                sums.add_each(&similar.items, &similar.scores, |score| weight * score);
            }
        }
    }

    /// The contribution of one history item to a cold-start item, before the weight of the history.
    /// 0 where the item is not among the most similar.
    pub(crate) fn contribution(&self, from: ItemIdx, item: ItemIdx) -> f32 {
        let Some(similar) = self.similar_items(from) else { return 0.0 };
        similar.items.binary_search(&item.0).map_or(0.0, |n| similar.scores[n])
    }

    /// The contribution of `from` to `item`, also where `item` is not among the most similar.
    /// O(features of `from`).
    pub(crate) fn similarity(&self, from: ItemIdx, item: ItemIdx) -> f32 {
        let by_item = self.features.by_item();
        if from.pos() >= by_item.n_rows() || item.pos() >= by_item.n_rows() || from == item {
            return 0.0;
        }
        let (columns, values) = by_item.row(from.pos());
        let shared = columns.iter().zip(values).filter_map(|(&feature, value)| {
            let items = &self.items_by_feature[feature as usize];
            // Sorted newest first, so indices descend.
            let found = items.binary_search_by(|(other, _)| item.0.cmp(other)).ok()?;
            Some(value * items[found].1)
        });
        let cosine: f32 = shared.sum();
        self.strengths[from.pos()] * cosine * cosine
    }

    /// The cold-start items that an item contributes to; none where its strength is 0.
    fn similar_items(&self, from: ItemIdx) -> Option<&SimilarItems> {
        let strength =
            self.strengths.get(from.pos()).copied().filter(|strength| *strength != 0.0)?;
        let compute =
            || COSINES.with_borrow_mut(|cosines| self.find_similar_items(from, strength, cosines));
        Some(self.similar[from.pos()].get_or_init(compute))
    }

    fn find_similar_items(
        &self,
        from: ItemIdx,
        strength: f32,
        cosines: &mut Accumulator,
    ) -> SimilarItems {
        let by_item = self.features.by_item();
        if cosines.len() < by_item.n_rows() {
            *cosines = Accumulator::new(by_item.n_rows());
        }
        let (columns, values) = by_item.row(from.pos());
        for (&feature, &value) in columns.iter().zip(values) {
            for &(other, other_value) in &self.items_by_feature[feature as usize] {
                cosines.add(other, value * other_value);
            }
        }
        let mut found: Vec<(u32, f32)> = Vec::new();
        cosines.drain(|other, cosine| {
            if other != from.0 {
                // `retain_top_k` keeps the smaller index of equal values. Reversed indices make it
                // keep the newer item.
                found.push((u32::MAX - other, strength * cosine * cosine));
            }
        });
        retain_top_k(&mut found, SIMILAR_ITEMS_MAX);
        found.iter_mut().for_each(|(other, _)| *other = u32::MAX - *other);
        found.sort_unstable_by_key(|(other, _)| *other);
        let (items, scores): (Vec<u32>, Vec<f32>) = found.into_iter().unzip();
        SimilarItems { items: items.into(), scores: scores.into() }
    }
}
