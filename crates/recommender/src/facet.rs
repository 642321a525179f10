//! Facets, and lists of values of a facet: artists instead of albums, brands instead of products.
//!
//! The score of a value is the sum of its items' scores among the best candidates. An item with
//! several values divides its score among them.

use std::sync::OnceLock;

use domain::{Fallback, ItemIdx, PropertyValue, Relevance};
use rustc_hash::FxHashMap;

use crate::Origin;
use crate::candidates::{Candidate, CandidateSources, keep_strongest};
use crate::recommend::{Contribution, FacetValues, RecommendedItem, Request};

/// The most values of one item that count.
const VALUES_PER_ITEM_MAX: usize = 32;
/// The number of items of a value that contribute to its explanation.
const EXPLAINED_ITEMS_MAX: usize = 10;

/// The dense index of a value of one facet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueIdx(pub u32);

/// The index of which items have which values of a property or segmentation.
#[derive(Debug, Clone, Default)]
pub struct Facet {
    values: Vec<String>,
    ids: FxHashMap<String, u32>,
    /// For each item the offset of its values in `item_values`, and the end: items + 1 entries.
    starts: Vec<u32>,
    item_values: Vec<ValueIdx>,
    /// For each value its items; computed on first use.
    by_value: OnceLock<Vec<Vec<u32>>>,
}

impl Facet {
    /// Creates a facet without items.
    pub fn new() -> Self {
        Self { starts: vec![0], ..Self::default() }
    }

    /// Appends the next item with its property value. Sets and image lists give several facet
    /// values.
    pub fn push(&mut self, value: Option<&PropertyValue>) {
        match value {
            None => self.push_texts([]),
            Some(PropertyValue::Set(members) | PropertyValue::ImageList(members)) => {
                self.push_texts(members.iter().map(String::as_str));
            }
            Some(PropertyValue::String(text) | PropertyValue::Image(text)) => {
                self.push_texts([text.as_str()])
            }
            Some(PropertyValue::Int(value)) => self.push_texts([value.to_string().as_str()]),
            Some(PropertyValue::Double(value)) => self.push_texts([value.to_string().as_str()]),
            Some(PropertyValue::Boolean(value)) => self.push_texts([value.to_string().as_str()]),
            Some(PropertyValue::Timestamp(value)) => self.push_texts([value.to_string().as_str()]),
        }
    }

    /// Appends the next item with its values. Empty texts, and values beyond the limit, are
    /// ignored.
    pub fn push_texts<'a>(&mut self, texts: impl IntoIterator<Item = &'a str>) {
        let first = self.item_values.len();
        for text in texts.into_iter().filter(|text| !text.is_empty()).take(VALUES_PER_ITEM_MAX) {
            let id = match self.ids.get(text) {
                Some(id) => *id,
                None => {
                    self.values.push(text.to_owned());
                    *self.ids.entry(text.to_owned()).or_insert(self.values.len() as u32 - 1)
                }
            };
            if !self.item_values[first..].contains(&ValueIdx(id)) {
                self.item_values.push(ValueIdx(id));
            }
        }
        self.starts.push(self.item_values.len() as u32);
    }

    /// Looks up a value by its text; None where no item has it.
    pub fn value(&self, text: &str) -> Option<ValueIdx> {
        self.ids.get(text).copied().map(ValueIdx)
    }

    /// The items that have a value, ascending.
    pub fn items_of(&self, value: ValueIdx) -> &[u32] {
        let by_value = self.by_value.get_or_init(|| {
            let mut by_value = vec![Vec::new(); self.values.len()];
            for item in 0..self.n_items() as u32 {
                self.values_of(ItemIdx(item))
                    .iter()
                    .for_each(|value| by_value[value.0 as usize].push(item));
            }
            by_value
        });
        by_value.get(value.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// The number of distinct values.
    pub fn n_values(&self) -> usize {
        self.values.len()
    }

    /// The number of items.
    pub fn n_items(&self) -> usize {
        self.starts.len() - 1
    }

    /// The memory in use, in bytes, including the items of each value.
    pub fn n_bytes(&self) -> usize {
        let per_value = 2 * size_of::<String>() + size_of::<u32>() + size_of::<Vec<u32>>();
        let text_bytes: usize = self.values.iter().map(|text| 2 * text.len() + per_value).sum();
        let item_bytes = self.item_values.len() * (size_of::<ValueIdx>() + size_of::<u32>());
        size_of::<Self>() + text_bytes + item_bytes + self.starts.len() * size_of::<u32>()
    }

    /// The text of a value.
    pub fn text(&self, value: ValueIdx) -> &str {
        &self.values[value.0 as usize]
    }

    /// The values of an item; empty for an item beyond the last appended one.
    pub fn values_of(&self, item: ItemIdx) -> &[ValueIdx] {
        let start = |n: usize| self.starts.get(n).copied();
        match start(item.pos()).zip(start(item.pos() + 1)) {
            Some((start, end)) => &self.item_values[start as usize..end as usize],
            None => &[],
        }
    }
}

impl FacetValues<'_> {
    /// Ranks the values of candidates (best first), without those of excluded items. Values of
    /// popular items follow as the fallback.
    pub(crate) fn rank_values(
        &self,
        sources: CandidateSources<'_>,
        request: &Request<'_>,
        candidates: &[Candidate],
        explain: impl Fn(ItemIdx) -> Vec<Contribution>,
    ) -> Vec<RecommendedItem<ValueIdx>> {
        let count = request.list.count;
        let excluded = request.eligibility.excluded_values(self.facet);
        let allows = |value: ValueIdx| !excluded.contains(&value) && (self.allows)(value);
        let boost = |value: ValueIdx| self.booster.map_or(1.0, |booster| booster(value));
        // For each value its candidates, each with its part of the value's score.
        let mut parts: FxHashMap<ValueIdx, Vec<(&Candidate, f32)>> = FxHashMap::default();
        for candidate in candidates {
            let values = self.facet.values_of(ItemIdx(candidate.item));
            for value in values {
                parts
                    .entry(*value)
                    .or_default()
                    .push((candidate, candidate.score / values.len() as f32));
            }
        }
        let mut scores: Vec<(ValueIdx, f32)> = parts
            .iter()
            .filter(|(value, _)| allows(**value))
            .map(|(&value, parts)| (value, parts.iter().map(|(_, part)| part).sum()))
            .collect();
        let has_fallback =
            request.list.min_relevance == Relevance::Low && request.list.fallback != Fallback::None;
        if has_fallback && (scores.len() < count || self.booster.is_some()) {
            let floor = scores.iter().fold(1f32, |floor, (_, score)| floor.min(*score));
            let fallback = self.popular_values(sources, request, |value| {
                !parts.contains_key(&value) && allows(value)
            });
            scores.extend(fallback.into_iter().map(|(value, share)| (value, floor * share)));
        }
        scores.iter_mut().for_each(|(value, score)| *score *= boost(*value));
        scores.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        scores.truncate(count);
        scores
            .into_iter()
            .map(|(value, score)| {
                let candidates = parts.get(&value).map_or(&[][..], Vec::as_slice);
                // Candidates are sorted, with those from the history before the trending ones.
                let origin = candidates.first().map_or(Origin::Trending, |(first, _)| first.origin);
                let mut reasons: Vec<Contribution> = Vec::new();
                let own =
                    candidates.iter().filter(|(candidate, _)| candidate.origin != Origin::Trending);
                for (candidate, part) in own.take(EXPLAINED_ITEMS_MAX) {
                    for reason in explain(ItemIdx(candidate.item)) {
                        let share = reason.share * part;
                        match reasons.iter_mut().find(|known| known.item == reason.item) {
                            Some(known) => known.share += share,
                            None => reasons.push(Contribution { share, ..reason }),
                        }
                    }
                }
                RecommendedItem { item: value, score, origin, explanation: keep_strongest(reasons) }
            })
            .collect()
    }

    /// The values of eligible items with their share of the total popularity, between 0 and 1.
    /// O(items).
    fn popular_values(
        &self,
        sources: CandidateSources<'_>,
        request: &Request<'_>,
        allows: impl Fn(ValueIdx) -> bool,
    ) -> Vec<(ValueIdx, f32)> {
        let mut sums: FxHashMap<ValueIdx, f32> = FxHashMap::default();
        for item in
            (0..sources.n_items as u32).filter(|item| request.eligibility.allows(ItemIdx(*item)))
        {
            for value in self.facet.values_of(ItemIdx(item)).iter().filter(|value| allows(**value))
            {
                *sums.entry(*value).or_default() += sources.popularity(item);
            }
        }
        // Add-one smoothing, so that values without popularity score above 0.
        let total = 1.0 + sums.values().sum::<f32>();
        sums.into_iter().map(|(value, sum)| (value, (sum + 1.0) / (total + 1.0))).collect()
    }
}
