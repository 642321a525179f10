//! Which items may be offered: what the catalog has, nobody has turned off, is in stock and valid.
//!
//! Columns have a meaning where [`CatalogSettings`] say so. A column that the catalog does not
//! have, one of a type that cannot mean it, and an empty cell say nothing.

use domain::{CatalogSettings, ItemIdx, PropertyType, Timestamp};
use reql::Column;

use crate::Catalog;
use crate::membership::CatalogItems;

/// Texts that say that an item is not available, in small letters and without anything else: those
/// of Google Merchant Center and of schema.org, and what people write.
const UNAVAILABLE: [&str; 6] =
    ["outofstock", "soldout", "discontinued", "unavailable", "false", "no"];

/// The items that may be offered at an instant.
pub struct OfferedItems<'a> {
    catalog: &'a Catalog,
    now: Timestamp,
    rules: Vec<OfferRule<'a>>,
    /// Only items of this catalog; none for all.
    of_catalog: Option<CatalogItems<'a>>,
}

/// Why an item is not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotOffered {
    /// The catalog in force does not list it.
    Withdrawn,
    /// Somebody has turned it off.
    Off,
    /// It is in another catalog.
    OtherCatalog,
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
        let rules = rules.into_iter().filter_map(rule).collect();
        OfferedItems { catalog: self, now, rules, of_catalog: None }
    }
}

impl Catalog {
    /// What is wrong with the columns that keep items out of lists: a sentence for each that items
    /// do not have, or that has a type which says nothing. None before there are columns.
    pub fn offer_problems(&self, settings: &CatalogSettings) -> Vec<String> {
        if self.table().properties().next().is_none() {
            return Vec::new();
        }
        let problem = |(setting, name): (&str, &str)| {
            let types: &[PropertyType] = match setting {
                "available" => &[PropertyType::Boolean, PropertyType::String],
                "stock" => &[PropertyType::Int, PropertyType::Double],
                _ => &[PropertyType::Timestamp],
            };
            match self.table().property(name) {
                None => Some(format!(
                    "catalog.{setting} is {name:?}, and items have no such property: it keeps no \
                     item out of lists"
                )),
                Some(property) if !types.contains(&property.type_) => {
                    let types: Vec<String> = types.iter().map(PropertyType::to_string).collect();
                    Some(format!(
                        "catalog.{setting} is {name:?}, which is {} and not {}: it keeps no item \
                         out of lists",
                        property.type_,
                        types.join(" or ")
                    ))
                }
                Some(_) => None,
            }
        };
        settings.offer_properties().filter_map(problem).collect()
    }
}

impl OfferedItems<'_> {
    /// Of these, the items of one catalog; all where none is named.
    pub fn of_catalog(mut self, catalog: Option<&str>) -> Self {
        self.of_catalog = catalog.map(|catalog| self.catalog.items_of(catalog));
        self
    }

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
        if self.of_catalog.as_ref().is_some_and(|of| !of.has(item)) {
            return Some(NotOffered::OtherCatalog);
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
