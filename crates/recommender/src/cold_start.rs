//! Items that no model knows yet, by their similarity to what a person did.
//!
//! History item i speaks for such an item j with `strength_i cos(a_i, a_j)^2`, where a are the items' features and the strength is
//! [`STRENGTH_SHARE`] of the most that i says for anything in the model: what is alike in everything is worth half of the closest neighbour.
//! It speaks for the [`SIMILAR_ITEMS_MAX`] most alike.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use domain::ItemIdx;
use linalg::{Accumulator, top_k_of};

use crate::features::Features;
use crate::{HistoryEntry, Model};

/// What similarity in everything is worth beside the strongest related item.
const STRENGTH_SHARE: f32 = 0.5;
/// The most cold items of a feature that are looked at, the newest ones.
const ITEMS_PER_FEATURE_MAX: usize = 1_000;
/// The most cold items that an item speaks for; of those equally alike the newest.
const SIMILAR_ITEMS_MAX: usize = 100;

thread_local! {
    /// Used again by every item of a thread.
    static COSINES: RefCell<Accumulator> = RefCell::new(Accumulator::new(0));
}

/// Features of all items, and which cold ones have each feature.
pub struct ColdStartItems {
    features: Arc<Features>,
    /// For each feature the cold items with their weights.
    items_of: Vec<Vec<(u32, f32)>>,
    /// For each item how loud it speaks.
    strengths: Vec<f32>,
    /// For each item what it speaks for, once somebody asked.
    similar: Vec<OnceLock<SimilarItems>>,
}

/// What an item speaks for.
struct SimilarItems {
    /// Ascending.
    items: Box<[u32]>,
    /// How much it says for each, before a history's weight.
    parts: Box<[f32]>,
}

impl ColdStartItems {
    /// What all of it takes in memory, in bytes: more and more while it is asked what items speak for.
    pub fn n_bytes(&self) -> usize {
        let per_feature = size_of::<Vec<(u32, f32)>>();
        let of_features: usize =
            self.items_of.iter().map(|items| per_feature + items.capacity() * size_of::<(u32, f32)>()).sum();
        let per_item = size_of::<f32>() + size_of::<OnceLock<SimilarItems>>();
        let of_like: usize = self
            .similar
            .iter()
            .filter_map(OnceLock::get)
            .map(|like| size_of_val(&*like.items) + size_of_val(&*like.parts))
            .sum();
        self.features.n_bytes() + of_features + self.similar.len() * per_item + of_like
    }

    /// What `model` does not know of `features`; everything where there is none.
    pub fn new(features: Arc<Features>, model: Option<&Model>) -> Self {
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
        let like = (0..by_item.n_rows()).map(|_| OnceLock::new()).collect();
        Self { features, items_of, strengths, similar: like }
    }

    /// What items are like.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// Adds what a weighed history says for cold items.
    pub(crate) fn add(&self, weighed: &[(HistoryEntry, f32)], sums: &mut Accumulator) {
        for (entry, weight) in weighed {
            if let Some(like) = self.similar_items(entry.item) {
                sums.add_each(&like.items, &like.parts, |part| weight * part);
            }
        }
    }

    /// What one history item says for a cold item in a list, before the history's weight.
    pub(crate) fn contribution(&self, from: ItemIdx, item: ItemIdx) -> f32 {
        let Some(like) = self.similar_items(from) else { return 0.0 };
        like.items.binary_search(&item.0).map_or(0.0, |n| like.parts[n])
    }

    /// How alike two items are by the measure of [`Self::part`], also where others are more alike.
    pub(crate) fn similarity(&self, from: ItemIdx, item: ItemIdx) -> f32 {
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

    /// What an item speaks for; nothing where it is silent.
    fn similar_items(&self, from: ItemIdx) -> Option<&SimilarItems> {
        let strength = self.strengths.get(from.pos()).copied().filter(|strength| *strength != 0.0)?;
        let row = || COSINES.with_borrow_mut(|cosines| self.find_similar_items(from, strength, cosines));
        Some(self.similar[from.pos()].get_or_init(row))
    }

    fn find_similar_items(&self, from: ItemIdx, strength: f32, cosines: &mut Accumulator) -> SimilarItems {
        let by_item = self.features.by_item();
        if cosines.len() < by_item.n_rows() {
            *cosines = Accumulator::new(by_item.n_rows());
        }
        let (columns, values) = by_item.row(from.pos());
        for (&feature, &value) in columns.iter().zip(values) {
            for &(other, of_other) in &self.items_of[feature as usize] {
                cosines.add(other, value * of_other);
            }
        }
        let mut found: Vec<(u32, f32)> = Vec::new();
        cosines.drain(|other, cosine| {
            if other != from.0 {
                // Of equal ones the smaller index is kept: counted from the end, that of the newer item.
                found.push((u32::MAX - other, strength * cosine * cosine));
            }
        });
        top_k_of(&mut found, SIMILAR_ITEMS_MAX);
        found.iter_mut().for_each(|(other, _)| *other = u32::MAX - *other);
        found.sort_unstable_by_key(|(other, _)| *other);
        let (items, parts): (Vec<u32>, Vec<f32>) = found.into_iter().unzip();
        SimilarItems { items: items.into(), parts: parts.into() }
    }
}
