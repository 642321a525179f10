//! Which items may be offered: what the catalog has, nobody has turned off, is in stock and valid.
//!
//! Columns have a meaning where [`CatalogSettings`] say so. A column that the catalog does not
//! have, one of a type that cannot mean it, and an empty cell say nothing.

use domain::{CatalogSettings, ItemIdx, Timestamp};
use reql::Column;

use crate::Catalog;

/// Texts that say that an item is not available, in small letters and without anything else: those
/// of Google Merchant Center and of schema.org, and what people write.
const UNAVAILABLE: [&str; 6] =
    ["outofstock", "soldout", "discontinued", "unavailable", "false", "no"];

/// The items that may be offered at an instant.
pub struct OfferedItems<'a> {
    catalog: &'a Catalog,
    now: Timestamp,
    rules: Vec<OfferRule<'a>>,
}

/// Why an item is not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotOffered {
    /// The catalog in force does not list it.
    Withdrawn,
    /// Somebody has turned it off.
    Off,
    /// By the column that says whether it is available.
    Unavailable,
    /// By the column with its stock.
    OutOfStock,
    /// By the column with the instant from which on it is offered.
    NotYetValid,
    /// By the column with the instant from which on it is offered no more.
    NoLongerValid,
}

struct OfferRule<'a> {
    column: Column<'a>,
    reason: NotOffered,
}

impl Catalog {
    /// The items that may be offered at `now`.
    pub fn offered(&self, settings: &CatalogSettings, now: Timestamp) -> OfferedItems<'_> {
        let rules = [
            (&settings.available, NotOffered::Unavailable),
            (&settings.stock, NotOffered::OutOfStock),
            (&settings.valid_from, NotOffered::NotYetValid),
            (&settings.valid_until, NotOffered::NoLongerValid),
        ];
        let rule = |(property, reason): (&Option<String>, NotOffered)| {
            let column = self.table().column(property.as_deref()?)?;
            Some(OfferRule { column, reason })
        };
        OfferedItems { catalog: self, now, rules: rules.into_iter().filter_map(rule).collect() }
    }
}

impl OfferedItems<'_> {
    /// Whether lists may have an item.
    pub fn has(&self, item: ItemIdx) -> bool {
        self.reason_against(item).is_none()
    }

    /// The first reason why lists may not have an item; none where they may.
    pub fn reason_against(&self, item: ItemIdx) -> Option<NotOffered> {
        if !self.catalog.is_available(item) {
            return Some(NotOffered::Withdrawn);
        }
        if self.catalog.is_off(item) {
            return Some(NotOffered::Off);
        }
        let refusing = self.rules.iter().find(|rule| rule.refuses(item, self.now));
        refusing.map(|rule| rule.reason)
    }
}

impl OfferRule<'_> {
    fn refuses(&self, item: ItemIdx, now: Timestamp) -> bool {
        let row = item.pos();
        match (self.reason, &self.column) {
            (NotOffered::Unavailable, Column::Boolean(cells)) => cell(cells, row) == Some(false),
            (NotOffered::Unavailable, Column::String(cells, texts)) => {
                cell(cells, row).is_some_and(|id| is_unavailable(texts.text(id)))
            }
            (NotOffered::OutOfStock, Column::Int(cells)) => {
                cell(cells, row).is_some_and(|n| n <= 0)
            }
            (NotOffered::OutOfStock, Column::Double(cells)) => {
                cell(cells, row).is_some_and(|n| n <= 0.0)
            }
            (NotOffered::NotYetValid, Column::Timestamp(cells)) => {
                cell(cells, row).is_some_and(|from| now.0 < from)
            }
            (NotOffered::NoLongerValid, Column::Timestamp(cells)) => {
                cell(cells, row).is_some_and(|until| until <= now.0)
            }
            _ => false,
        }
    }
}

fn cell<T: Copy>(cells: &[Option<T>], row: usize) -> Option<T> {
    cells.get(row).copied().flatten()
}

fn is_unavailable(text: &str) -> bool {
    // An address of schema.org ends with the word.
    let word = text.rsplit('/').next().unwrap_or_default();
    let letters = || word.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase());
    UNAVAILABLE.iter().any(|unavailable| letters().eq(unavailable.chars()))
}
