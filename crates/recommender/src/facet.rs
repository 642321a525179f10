//! Lists of values of a property: artists from albums, brands from products.
//!
//! A value scores the sum of what its items score among the best ones; the score of an item with several values is shared among them.

use std::sync::OnceLock;

use domain::{Fallback, ItemIdx, PropertyValue, Relevance};
use rustc_hash::FxHashMap;

use crate::Origin;
use crate::candidates::{Candidate, Sources, keep_strongest};
use crate::recommend::{Contribution, FacetValues, Recommended, Request};

/// The most values of one item that count.
const VALUES_PER_ITEM_MAX: usize = 32;
/// How many items of a value its reasons are taken from.
const EXPLAINED_ITEMS_MAX: usize = 10;

/// A value of an item type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueIdx(pub u32);

/// Which values of one property items have.
#[derive(Debug, Clone, Default)]
pub struct Facet {
    values: Vec<String>,
    ids: FxHashMap<String, u32>,
    /// For each item where its values begin, and the end.
    starts: Vec<u32>,
    of_items: Vec<ValueIdx>,
    /// For each value its items; made when first asked for.
    by_value: OnceLock<Vec<Vec<u32>>>,
}

impl Facet {
    /// Without any item.
    pub fn new() -> Self {
        Self { starts: vec![0], ..Self::default() }
    }

    /// Adds the next item, in the order of items, with the value that it has of a property.
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

    /// Adds the next item with its values; empty ones, and those beyond the limit, are left out.
    pub fn push_texts<'a>(&mut self, texts: impl IntoIterator<Item = &'a str>) {
        let first = self.of_items.len();
        for text in texts.into_iter().filter(|text| !text.is_empty()).take(VALUES_PER_ITEM_MAX) {
            let id = match self.ids.get(text) {
                Some(id) => *id,
                None => {
                    self.values.push(text.to_owned());
                    *self.ids.entry(text.to_owned()).or_insert(self.values.len() as u32 - 1)
                }
            };
            if !self.of_items[first..].contains(&ValueIdx(id)) {
                self.of_items.push(ValueIdx(id));
            }
        }
        self.starts.push(self.of_items.len() as u32);
    }

    /// The value of a text; none where no item has it.
    pub fn value(&self, text: &str) -> Option<ValueIdx> {
        self.ids.get(text).copied().map(ValueIdx)
    }

    /// The items of a value, in their order.
    pub fn items_of(&self, value: ValueIdx) -> &[u32] {
        let by_value = self.by_value.get_or_init(|| {
            let mut by_value = vec![Vec::new(); self.values.len()];
            for item in 0..self.n_items() as u32 {
                self.values_of(ItemIdx(item)).iter().for_each(|value| by_value[value.0 as usize].push(item));
            }
            by_value
        });
        by_value.get(value.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// How many values there are.
    pub fn n_values(&self) -> usize {
        self.values.len()
    }

    /// How many items were added.
    pub fn n_items(&self) -> usize {
        self.starts.len() - 1
    }

    /// What all of it takes in memory, in bytes, with the items of each value.
    pub fn n_bytes(&self) -> usize {
        let per_value = 2 * size_of::<String>() + size_of::<u32>() + size_of::<Vec<u32>>();
        let of_texts: usize = self.values.iter().map(|text| 2 * text.len() + per_value).sum();
        let of_items = self.of_items.len() * (size_of::<ValueIdx>() + size_of::<u32>());
        size_of::<Self>() + of_texts + of_items + self.starts.len() * size_of::<u32>()
    }

    /// The text of a value.
    pub fn text(&self, value: ValueIdx) -> &str {
        &self.values[value.0 as usize]
    }

    /// The values of an item; none of one that came later.
    pub fn values_of(&self, item: ItemIdx) -> &[ValueIdx] {
        let place = |n: usize| self.starts.get(n).copied();
        match place(item.pos()).zip(place(item.pos() + 1)) {
            Some((start, end)) => &self.of_items[start as usize..end as usize],
            None => &[],
        }
    }
}

impl FacetValues<'_> {
    /// The best values of candidates (best first), those of excluded items left out; filled up with the values of popular items.
    pub(crate) fn list(
        &self,
        sources: Sources<'_>,
        request: &Request<'_>,
        candidates: &[Candidate],
        because: impl Fn(ItemIdx) -> Vec<Contribution>,
    ) -> Vec<Recommended<ValueIdx>> {
        let count = request.list.count;
        let excluded = request.eligibility.excluded_values(self.facet);
        let allows = |value: ValueIdx| !excluded.contains(&value) && (self.allows)(value);
        let boost = |value: ValueIdx| self.booster.map_or(1.0, |booster| booster(value));
        // For each value its candidates with their parts of its score.
        let mut parts: FxHashMap<ValueIdx, Vec<(&Candidate, f32)>> = FxHashMap::default();
        for candidate in candidates {
            let values = self.facet.values_of(ItemIdx(candidate.item));
            for value in values {
                parts.entry(*value).or_default().push((candidate, candidate.score / values.len() as f32));
            }
        }
        let mut scores: Vec<(ValueIdx, f32)> = parts
            .iter()
            .filter(|(value, _)| allows(**value))
            .map(|(&value, parts)| (value, parts.iter().map(|(_, part)| part).sum()))
            .collect();
        let is_filled =
            request.list.min_relevance == Relevance::Low && request.list.fallback != Fallback::None;
        if is_filled && (scores.len() < count || self.booster.is_some()) {
            let floor = scores.iter().fold(1f32, |floor, (_, score)| floor.min(*score));
            let rest = self.popular(sources, request, |value| !parts.contains_key(&value) && allows(value));
            scores.extend(rest.into_iter().map(|(value, share)| (value, floor * share)));
        }
        scores.iter_mut().for_each(|(value, score)| *score *= boost(*value));
        scores.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        scores.truncate(count);
        scores
            .into_iter()
            .map(|(value, score)| {
                let of_value = parts.get(&value).map_or(&[][..], Vec::as_slice);
                // The best candidate comes first, and what is from the history comes before what is trending.
                let origin = of_value.first().map_or(Origin::Trending, |(first, _)| first.origin);
                let mut reasons: Vec<Contribution> = Vec::new();
                let own = of_value.iter().filter(|(candidate, _)| candidate.origin != Origin::Trending);
                for (candidate, part) in own.take(EXPLAINED_ITEMS_MAX) {
                    for reason in because(ItemIdx(candidate.item)) {
                        let share = reason.share * part;
                        match reasons.iter_mut().find(|known| known.item == reason.item) {
                            Some(known) => known.share += share,
                            None => reasons.push(Contribution { share, ..reason }),
                        }
                    }
                }
                Recommended { item: value, score, origin, explanation: keep_strongest(reasons) }
            })
            .collect()
    }

    /// Values of eligible items with their popularity, as shares below that of all of them together. O(items).
    fn popular(
        &self,
        sources: Sources<'_>,
        request: &Request<'_>,
        is_meant: impl Fn(ValueIdx) -> bool,
    ) -> Vec<(ValueIdx, f32)> {
        let mut sums: FxHashMap<ValueIdx, f32> = FxHashMap::default();
        for item in (0..sources.n_items as u32).filter(|item| request.eligibility.allows(ItemIdx(*item))) {
            for value in self.facet.values_of(ItemIdx(item)).iter().filter(|value| is_meant(**value)) {
                *sums.entry(*value).or_default() += sources.popularity(item);
            }
        }
        // One more, so that values that nobody liked yet are not at 0.
        let total = 1.0 + sums.values().sum::<f32>();
        sums.into_iter().map(|(value, sum)| (value, (sum + 1.0) / (total + 1.0))).collect()
    }
}
