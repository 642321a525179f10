//! Items as weighted feature vectors, from their properties.
//!
//! Features are members of sets, categories, words of texts, and tenths of the range of numbers.
//! The weight of a feature is its inverse document frequency, `ln(items / items with it)`. Each
//! item's vector has length 1, so the dot product of two vectors is their cosine.

use std::collections::BTreeMap;

use domain::{ItemIdx, PropertyValue};
use linalg::Csr;
use rustc_hash::FxHashMap;

/// The most features of one item.
const FEATURES_PER_ITEM_MAX: usize = 128;
/// A text of at most this many words is a category as well.
const CATEGORY_WORDS_MAX: usize = 4;
/// The minimum length of a word, in characters.
const WORD_CHARS_MIN: usize = 3;
/// Numbers are divided into this many buckets of equal size, by rank.
const NUMBER_BUCKETS: usize = 10;

/// The feature vectors of all items.
#[derive(Debug, Clone)]
pub struct Features {
    /// Items x features; rows have length 1 or are empty.
    by_item: Csr,
    properties: Vec<String>,
    /// For each feature the index of its property in `properties`.
    feature_properties: Vec<u32>,
}

/// Collects the properties of items, then computes [`Features`].
#[derive(Default)]
pub struct FeaturesBuilder {
    properties: Vec<String>,
    ids: FxHashMap<(u32, String), u32>,
    property_of: Vec<u32>,
    rows: BTreeMap<u32, Vec<u32>>,
    /// By property: (number, item). Their buckets are known only after the last item.
    numbers: BTreeMap<u32, Vec<(f64, u32)>>,
}

impl Features {
    /// Features of `n_items` items without properties.
    pub fn empty(n_items: usize) -> Self {
        FeaturesBuilder::default().finish(n_items)
    }

    /// The matrix items x features. Rows have length 1 or are empty.
    pub fn by_item(&self) -> &Csr {
        &self.by_item
    }

    /// The memory in use, in bytes.
    pub fn n_bytes(&self) -> usize {
        let per_value = size_of::<u32>() + size_of::<f32>();
        let matrix_bytes =
            self.by_item.n_rows() * size_of::<u64>() + self.by_item.n_values() * per_value;
        size_of::<Self>() + matrix_bytes + self.feature_properties.len() * size_of::<u32>()
    }

    /// The cosine of two items' feature vectors, from 0 to 1; 0 for an unknown item.
    pub fn cosine(&self, a: ItemIdx, b: ItemIdx) -> f32 {
        if a.pos() >= self.by_item.n_rows() || b.pos() >= self.by_item.n_rows() {
            return 0.0;
        }
        let (columns, values) = self.by_item.row(a.pos());
        let parts = columns
            .iter()
            .zip(values)
            .map(|(&column, value)| value * self.by_item.get(b.pos(), column));
        parts.sum::<f32>().clamp(0.0, 1.0)
    }

    /// Calls `visit` with each other item whose cosine to `item` is above 0. O(features of all
    /// items).
    pub(crate) fn visit_similar_items(&self, item: ItemIdx, mut visit: impl FnMut(u32, f32)) {
        if item.pos() >= self.by_item.n_rows() {
            return;
        }
        let (columns, values) = self.by_item.row(item.pos());
        let mut own = vec![0f32; self.by_item.n_columns()];
        columns.iter().zip(values).for_each(|(&column, value)| own[column as usize] = *value);
        for other in (0..self.by_item.n_rows()).filter(|other| *other != item.pos()) {
            let (columns, values) = self.by_item.row(other);
            let parts =
                columns.iter().zip(values).map(|(&column, value)| own[column as usize] * value);
            let cosine: f32 = parts.sum();
            if cosine > 0.0 {
                visit(other as u32, cosine);
            }
        }
    }

    /// The property of the feature that contributes most to two items' cosine. None where they
    /// share no feature.
    pub fn shared_property(&self, a: ItemIdx, b: ItemIdx) -> Option<&str> {
        if a.pos() >= self.by_item.n_rows() || b.pos() >= self.by_item.n_rows() {
            return None;
        }
        let (columns, values) = self.by_item.row(a.pos());
        let shared = columns
            .iter()
            .zip(values)
            .map(|(&column, value)| (column, value * self.by_item.get(b.pos(), column)));
        let strongest =
            shared.filter(|(_, part)| *part > 0.0).max_by(|a, b| a.1.total_cmp(&b.1))?.0;
        Some(&self.properties[self.feature_properties[strongest as usize] as usize])
    }
}

impl FeaturesBuilder {
    /// Adds the properties of an item.
    pub fn add(&mut self, item: ItemIdx, properties: &[(&str, PropertyValue)]) {
        for (name, value) in properties {
            let property = self.intern_property(name);
            match value {
                PropertyValue::Set(members) => {
                    members
                        .iter()
                        .for_each(|member| self.add_feature(item, property, member.to_lowercase()));
                }
                PropertyValue::String(text) => {
                    let text = text.to_lowercase();
                    let words: Vec<&str> = text
                        .split(|c: char| !c.is_alphanumeric())
                        .filter(|word| !word.is_empty())
                        .collect();
                    if words.len() <= CATEGORY_WORDS_MAX {
                        self.add_feature(item, property, text.clone());
                    }
                    if words.len() > 1 {
                        let long_words =
                            words.iter().filter(|word| word.chars().count() >= WORD_CHARS_MIN);
                        long_words
                            .for_each(|word| self.add_feature(item, property, format!("~{word}")));
                    }
                }
                PropertyValue::Boolean(value) => {
                    self.add_feature(item, property, value.to_string())
                }
                PropertyValue::Int(value) => self.add_number(item, property, *value as f64),
                PropertyValue::Double(value) => self.add_number(item, property, *value),
                // Timestamps and addresses of images carry no similarity.
                PropertyValue::Timestamp(_)
                | PropertyValue::Image(_)
                | PropertyValue::ImageList(_) => {}
            }
        }
    }

    /// Computes the features of `n_items` items.
    pub fn finish(mut self, n_items: usize) -> Features {
        for (property, mut values) in std::mem::take(&mut self.numbers) {
            values.sort_by(|a, b| a.0.total_cmp(&b.0));
            let n = values.len();
            let mut bucket = 0;
            for (rank, (value, item)) in values.iter().enumerate() {
                // Equal numbers share a bucket.
                if rank == 0 || values[rank - 1].0 != *value {
                    bucket = rank * NUMBER_BUCKETS / n;
                }
                self.add_feature(ItemIdx(*item), property, format!("#{bucket}"));
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
            // A feature of a single item contributes to no similarity.
            let shared = row.iter().filter(|&&feature| n_items_with[feature as usize] > 1);
            let weights: Vec<(u32, f32)> = shared
                .map(|&feature| {
                    (feature, (n_items as f32 / n_items_with[feature as usize] as f32).ln())
                })
                .filter(|(_, weight)| *weight > 0.0)
                .collect();
            let length = weights.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
            weights
                .into_iter()
                .map(move |(feature, weight)| (feature, weight / length))
                .collect::<Vec<_>>()
        });
        let by_item = Csr::from_rows(self.property_of.len() as u32, rows);
        Features { by_item, properties: self.properties, feature_properties: self.property_of }
    }

    fn intern_property(&mut self, name: &str) -> u32 {
        let known = self.properties.iter().position(|known| known == name);
        known.unwrap_or_else(|| {
            self.properties.push(name.to_owned());
            self.properties.len() - 1
        }) as u32
    }

    fn add_feature(&mut self, item: ItemIdx, property: u32, value: String) {
        let next = self.property_of.len() as u32;
        let id = *self.ids.entry((property, value)).or_insert(next);
        if id == next {
            self.property_of.push(property);
        }
        self.rows.entry(item.0).or_default().push(id);
    }

    fn add_number(&mut self, item: ItemIdx, property: u32, value: f64) {
        self.numbers.entry(property).or_default().push((value, item.0));
    }
}
