//! Lists of values of a property: artists from albums, brands from products.
//!
//! A value scores the sum of what its items score among the best ones; the score of an item with several values is shared among them.

use domain::{ItemIdx, PropertyValue};
use rustc_hash::FxHashMap;

use crate::candidates::{Candidate, strongest};
use crate::recommend::{Because, Recommended};
use crate::{Eligibility, Origin};

/// The most values of one item that count.
const VALUES_PER_ITEM_MAX: usize = 32;
/// How many items of a value its reasons are taken from.
const EXPLAINED_ITEMS_MAX: usize = 10;

/// A value of an item type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueIdx(pub u32);

/// Which values of one property items have.
#[derive(Debug, Clone, Default)]
pub struct ItemType {
    values: Vec<String>,
    ids: FxHashMap<String, u32>,
    /// For each item where its values begin, and the end.
    starts: Vec<u32>,
    of_items: Vec<ValueIdx>,
}

impl ItemType {
    /// Without any item.
    pub fn new() -> Self {
        Self { starts: vec![0], ..Self::default() }
    }

    /// Adds the next item, in the order of items.
    pub fn push(&mut self, value: Option<&PropertyValue>) {
        let texts: Vec<String> = match value {
            None => Vec::new(),
            Some(PropertyValue::Set(members) | PropertyValue::ImageList(members)) => {
                members.iter().take(VALUES_PER_ITEM_MAX).cloned().collect()
            }
            Some(PropertyValue::String(text) | PropertyValue::Image(text)) => vec![text.clone()],
            Some(PropertyValue::Int(value)) => vec![value.to_string()],
            Some(PropertyValue::Double(value)) => vec![value.to_string()],
            Some(PropertyValue::Boolean(value)) => vec![value.to_string()],
            Some(PropertyValue::Timestamp(value)) => vec![value.to_string()],
        };
        let first = self.of_items.len();
        for text in texts.into_iter().filter(|text| !text.is_empty()) {
            let next = self.values.len() as u32;
            let id = *self.ids.entry(text.clone()).or_insert(next);
            if id == next {
                self.values.push(text);
            }
            if !self.of_items[first..].contains(&ValueIdx(id)) {
                self.of_items.push(ValueIdx(id));
            }
        }
        self.starts.push(self.of_items.len() as u32);
    }

    /// The text of a value.
    pub fn text(&self, value: ValueIdx) -> &str {
        &self.values[value.0 as usize]
    }

    /// The values of an item; none of one that came later.
    pub fn of(&self, item: ItemIdx) -> &[ValueIdx] {
        let place = |n: usize| self.starts.get(n).copied();
        match place(item.pos()).zip(place(item.pos() + 1)) {
            Some((start, end)) => &self.of_items[start as usize..end as usize],
            None => &[],
        }
    }

    /// The best values of candidates (best first), those of excluded items left out.
    pub(crate) fn list(
        &self,
        candidates: &[Candidate],
        eligibility: &Eligibility<'_>,
        because: impl Fn(ItemIdx) -> Vec<Because>,
        count: usize,
    ) -> Vec<Recommended<ValueIdx>> {
        let excluded = eligibility.excluded_values(self);
        // For each value its candidates with their parts of its score.
        let mut parts: FxHashMap<ValueIdx, Vec<(&Candidate, f32)>> = FxHashMap::default();
        for candidate in candidates {
            let values = self.of(ItemIdx(candidate.item));
            for value in values.iter().filter(|value| !excluded.contains(value)) {
                parts.entry(*value).or_default().push((candidate, candidate.score / values.len() as f32));
            }
        }
        let sum = |parts: &[(&Candidate, f32)]| parts.iter().map(|(_, part)| part).sum::<f32>();
        let mut ranked: Vec<(ValueIdx, f32)> =
            parts.iter().map(|(&value, parts)| (value, sum(parts))).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked.truncate(count);
        ranked
            .into_iter()
            .map(|(value, score)| {
                let of_value = &parts[&value];
                // The best candidate comes first, and what is from the history comes before what is trending.
                let origin = of_value[0].0.origin;
                let mut reasons: Vec<Because> = Vec::new();
                let own = of_value.iter().filter(|(candidate, _)| candidate.origin != Origin::Trending);
                for (candidate, part) in own.take(EXPLAINED_ITEMS_MAX) {
                    for reason in because(ItemIdx(candidate.item)) {
                        let share = reason.share * part;
                        match reasons.iter_mut().find(|known| known.item == reason.item) {
                            Some(known) => known.share += share,
                            None => reasons.push(Because { share, ..reason }),
                        }
                    }
                }
                Recommended { item: value, score, origin, because: strongest(reasons) }
            })
            .collect()
    }
}
