//! Facets: which items have which values of a property or segmentation.

use std::sync::OnceLock;

use domain::{ItemIdx, PropertyValue};
use rustc_hash::FxHashMap;

/// The most values of one item that count.
const VALUES_PER_ITEM_MAX: usize = 32;

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
