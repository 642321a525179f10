//! What items are like: their properties as weighted features.
//!
//! A member of a set, a category, a word of a text and a tenth of the range of a number are features. A feature weighs the logarithm of how
//! rare it is (idf), and each item's features together have length 1, so that the product of two items' rows is their cosine.

use std::collections::BTreeMap;

use domain::{ItemIdx, PropertyValue};
use linalg::Csr;
use rustc_hash::FxHashMap;

/// The most features of one item.
const FEATURES_PER_ITEM_MAX: usize = 128;
/// Texts of at most so many words are a category as well.
const CATEGORY_WORDS_MAX: usize = 4;
/// Words shorter than this, in characters, are not looked at.
const WORD_CHARS_MIN: usize = 3;
/// Numbers are told apart by tenths of their range of ranks.
const NUMBER_PARTS: usize = 10;

/// Features of items.
#[derive(Debug, Clone)]
pub struct Features {
    /// Items x features, rows of length 1 or empty.
    by_item: Csr,
    properties: Vec<String>,
    /// For each feature the place of its property.
    property_of: Vec<u32>,
}

/// Takes items' properties one by one.
#[derive(Default)]
pub struct FeaturesBuilder {
    properties: Vec<String>,
    ids: FxHashMap<(u32, String), u32>,
    property_of: Vec<u32>,
    rows: BTreeMap<u32, Vec<u32>>,
    /// By property, since their parts are known at the end only.
    numbers: BTreeMap<u32, Vec<(f64, u32)>>,
}

impl Features {
    /// Of items that nothing is known of.
    pub fn none(n_items: usize) -> Self {
        FeaturesBuilder::default().finish(n_items)
    }

    /// Items x features.
    pub fn by_item(&self) -> &Csr {
        &self.by_item
    }

    /// What all of it takes in memory, in bytes.
    pub fn n_bytes(&self) -> usize {
        let per_value = size_of::<u32>() + size_of::<f32>();
        let of_matrix = self.by_item.n_rows() * size_of::<u64>() + self.by_item.n_values() * per_value;
        size_of::<Self>() + of_matrix + self.property_of.len() * size_of::<u32>()
    }

    /// How alike two items are, from 0 to 1.
    pub fn cosine(&self, a: ItemIdx, b: ItemIdx) -> f32 {
        if a.pos() >= self.by_item.n_rows() || b.pos() >= self.by_item.n_rows() {
            return 0.0;
        }
        let (columns, values) = self.by_item.row(a.pos());
        let parts =
            columns.iter().zip(values).map(|(&column, value)| value * self.by_item.get(b.pos(), column));
        parts.sum::<f32>().clamp(0.0, 1.0)
    }

    /// Hands each other item that is like an item to `take`, with its cosine. O(features of all items).
    pub(crate) fn for_each_similar(&self, item: ItemIdx, mut take: impl FnMut(u32, f32)) {
        if item.pos() >= self.by_item.n_rows() {
            return;
        }
        let (columns, values) = self.by_item.row(item.pos());
        let mut own = vec![0f32; self.by_item.n_columns()];
        columns.iter().zip(values).for_each(|(&column, value)| own[column as usize] = *value);
        for other in (0..self.by_item.n_rows()).filter(|other| *other != item.pos()) {
            let (columns, values) = self.by_item.row(other);
            let parts = columns.iter().zip(values).map(|(&column, value)| own[column as usize] * value);
            let cosine: f32 = parts.sum();
            if cosine > 0.0 {
                take(other as u32, cosine);
            }
        }
    }

    /// The property in which two items are most alike; none where they share nothing.
    pub fn shared_property(&self, a: ItemIdx, b: ItemIdx) -> Option<&str> {
        if a.pos() >= self.by_item.n_rows() || b.pos() >= self.by_item.n_rows() {
            return None;
        }
        let (columns, values) = self.by_item.row(a.pos());
        let shared = columns
            .iter()
            .zip(values)
            .map(|(&column, value)| (column, value * self.by_item.get(b.pos(), column)));
        let strongest = shared.filter(|(_, part)| *part > 0.0).max_by(|a, b| a.1.total_cmp(&b.1))?.0;
        Some(&self.properties[self.property_of[strongest as usize] as usize])
    }
}

impl FeaturesBuilder {
    /// Adds an item.
    pub fn add(&mut self, item: ItemIdx, properties: &[(&str, PropertyValue)]) {
        for (name, value) in properties {
            let property = self.property(name);
            match value {
                PropertyValue::Set(members) => {
                    members.iter().for_each(|member| self.feature(item, property, member.to_lowercase()));
                }
                PropertyValue::String(text) => {
                    let text = text.to_lowercase();
                    let words: Vec<&str> =
                        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
                    if words.len() <= CATEGORY_WORDS_MAX {
                        self.feature(item, property, text.clone());
                    }
                    if words.len() > 1 {
                        let long = words.iter().filter(|word| word.chars().count() >= WORD_CHARS_MIN);
                        long.for_each(|word| self.feature(item, property, format!("~{word}")));
                    }
                }
                PropertyValue::Boolean(value) => self.feature(item, property, value.to_string()),
                PropertyValue::Int(value) => self.number(item, property, *value as f64),
                PropertyValue::Double(value) => self.number(item, property, *value),
                // A moment is like no other, and so is the address of an image.
                PropertyValue::Timestamp(_) | PropertyValue::Image(_) | PropertyValue::ImageList(_) => {}
            }
        }
    }

    /// The features of `n_items` items.
    pub fn finish(mut self, n_items: usize) -> Features {
        for (property, mut values) in std::mem::take(&mut self.numbers) {
            values.sort_by(|a, b| a.0.total_cmp(&b.0));
            let n = values.len();
            let mut part = 0;
            for (rank, (value, item)) in values.iter().enumerate() {
                // Equal numbers are in one part.
                if rank == 0 || values[rank - 1].0 != *value {
                    part = rank * NUMBER_PARTS / n;
                }
                self.feature(ItemIdx(*item), property, format!("#{part}"));
            }
        }
        let mut n_items_with = vec![0u32; self.property_of.len()];
        for row in self.rows.values_mut() {
            row.sort_unstable();
            row.dedup();
            row.truncate(FEATURES_PER_ITEM_MAX);
            row.iter().for_each(|&feature| n_items_with[feature as usize] += 1);
        }
        let rows = (0..n_items as u32).map(|item| {
            let row = self.rows.get(&item).map_or(&[][..], Vec::as_slice);
            // What only one item has makes it like no other.
            let told = row.iter().filter(|&&feature| n_items_with[feature as usize] > 1);
            let weights: Vec<(u32, f32)> = told
                .map(|&feature| (feature, (n_items as f32 / n_items_with[feature as usize] as f32).ln()))
                .filter(|(_, weight)| *weight > 0.0)
                .collect();
            let length = weights.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
            weights.into_iter().map(move |(feature, weight)| (feature, weight / length)).collect::<Vec<_>>()
        });
        let by_item = Csr::from_rows(self.property_of.len() as u32, rows);
        Features { by_item, properties: self.properties, property_of: self.property_of }
    }

    fn property(&mut self, name: &str) -> u32 {
        let known = self.properties.iter().position(|known| known == name);
        known.unwrap_or_else(|| {
            self.properties.push(name.to_owned());
            self.properties.len() - 1
        }) as u32
    }

    fn feature(&mut self, item: ItemIdx, property: u32, value: String) {
        let next = self.property_of.len() as u32;
        let id = *self.ids.entry((property, value)).or_insert(next);
        if id == next {
            self.property_of.push(property);
        }
        self.rows.entry(item.0).or_default().push(id);
    }

    fn number(&mut self, item: ItemIdx, property: u32, value: f64) {
        self.numbers.entry(property).or_default().push((value, item.0));
    }
}
