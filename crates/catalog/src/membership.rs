//! Which catalog items belong to. Ids are unique in a workspace; an item of the version in force is
//! in one catalog: in the one that its import named, else in [`ITEMS_CATALOG`].
//!
//! The name is a value of a column that only this crate sees. So a version has it with the items,
//! and it comes back with them.

use std::collections::BTreeMap;

use domain::{Column, ITEMS_CATALOG, ItemIdx, PropertyType, PropertyValue};
use rustc_hash::FxHashSet;
use store::{Batch, StoreError};

use crate::{Catalog, CatalogFile, ItemRow, Property};

/// The column with the name of the catalog; empty for [`ITEMS_CATALOG`]. Files and APIs have no
/// property of this name.
pub(crate) const CATALOG_COLUMN: &str = "$catalog";

/// The items of one catalog, quick to ask.
pub(crate) struct CatalogItems<'a> {
    cells: &'a [Option<reql::TextId>],
    /// None for [`ITEMS_CATALOG`].
    id: Option<reql::TextId>,
    has_items: bool,
}

impl CatalogItems<'_> {
    pub(crate) fn has(&self, item: ItemIdx) -> bool {
        self.has_items && self.cells.get(item.pos()).copied().flatten() == self.id
    }
}

impl CatalogFile {
    /// Whether it is about the catalog that items are in which no other names.
    pub fn is_of_items(&self) -> bool {
        self.catalog.as_deref().is_none_or(|catalog| catalog == ITEMS_CATALOG)
    }

    /// The name of the catalog whose items it takes the place of.
    pub fn catalog_name(&self) -> &str {
        self.catalog.as_deref().unwrap_or(ITEMS_CATALOG)
    }

    /// The columns and rows to stage, which say in which catalog the items are.
    pub fn into_staged(mut self) -> (Vec<Column>, Vec<ItemRow>) {
        if !self.is_of_items() {
            let name = self.catalog_name().to_owned();
            let column = Column { name: CATALOG_COLUMN.to_owned(), type_: PropertyType::String };
            self.columns.push(column);
            for row in &mut self.rows {
                row.values.push(Some(PropertyValue::String(name.clone())));
            }
        }
        (self.columns, self.rows)
    }
}

impl Catalog {
    /// The name of the catalog that an item is in.
    pub fn catalog_of(&self, item: ItemIdx) -> &str {
        match self.table().column(CATALOG_COLUMN) {
            Some(reql::Column::String(cells, texts)) => {
                let id = cells.get(item.pos()).copied().flatten();
                id.map_or(ITEMS_CATALOG, |id| texts.text(id))
            }
            _ => ITEMS_CATALOG,
        }
    }

    /// The items of a catalog; none has any of a name that no import gave.
    pub(crate) fn items_of(&self, catalog: &str) -> CatalogItems<'_> {
        let is_of_items = catalog == ITEMS_CATALOG;
        match self.table().column(CATALOG_COLUMN) {
            Some(reql::Column::String(cells, texts)) => {
                let id = texts.id(catalog).filter(|_| !is_of_items);
                CatalogItems { cells, id, has_items: is_of_items || id.is_some() }
            }
            _ => CatalogItems { cells: &[], id: None, has_items: is_of_items },
        }
    }

    /// How many available items each catalog has, by name. Takes time proportional to all items.
    pub fn count_by_catalog(&self) -> BTreeMap<String, u64> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        let items = (0..self.n_items() as u32).map(ItemIdx);
        for item in items.filter(|item| self.is_available(*item)) {
            *counts.entry(self.catalog_of(item)).or_default() += 1;
        }
        counts.into_iter().map(|(name, n)| (name.to_owned(), n)).collect()
    }

    /// The listed items of a catalog, in the order of their indices.
    pub(crate) fn listed_in<'a>(&'a self, catalog: &str) -> impl Iterator<Item = ItemIdx> + 'a {
        let of = self.items_of(catalog);
        let items = (0..self.n_items() as u32).map(ItemIdx);
        items.filter(move |item| self.is_listed(*item) && of.has(*item))
    }

    /// The listed items of all catalogs but one.
    fn listed_beside<'a>(&'a self, catalog: &str) -> impl Iterator<Item = ItemIdx> + 'a {
        let of = self.items_of(catalog);
        let items = (0..self.n_items() as u32).map(ItemIdx);
        items.filter(move |item| self.is_listed(*item) && !of.has(*item))
    }

    /// The properties that items of other catalogs than `catalog` have values of: those stay
    /// whatever a file of `catalog` has. Takes time proportional to these items.
    pub fn kept_properties(&self, catalog: &str) -> Vec<&Property> {
        self.table().used_by(self.listed_beside(catalog).map(|item| item.0))
    }

    /// The columns that the catalogs have once a file is in force: its own, and those that items
    /// of other catalogs have values of.
    pub fn columns_with(&self, file: &CatalogFile) -> Vec<Column> {
        let kept = self.kept_properties(file.catalog_name()).into_iter();
        let is_new =
            |property: &&Property| !file.columns.iter().any(|column| column.name == property.name);
        let kept = kept.filter(is_new);
        let kept =
            kept.map(|property| Column { name: property.name.clone(), type_: property.type_ });
        file.columns.iter().cloned().chain(kept).collect()
    }

    /// An item that a catalog file has and that is listed in another catalog.
    pub fn in_other_catalog(&self, file: &CatalogFile, item_id: &str) -> Option<&str> {
        let item = self.item(item_id).filter(|item| self.is_listed(*item))?;
        Some(self.catalog_of(item)).filter(|catalog| *catalog != file.catalog_name())
    }

    /// Adds the listed items of all catalogs but one to the version of an import, where it has not
    /// got them itself. Returns false where a property of theirs has another type there.
    pub(crate) fn carry_over(
        &self,
        batch: &mut Batch<'_>,
        version: u32,
        catalog: Option<&str>,
    ) -> Result<bool, StoreError> {
        let catalog = catalog.unwrap_or(ITEMS_CATALOG);
        let others: Vec<u32> = self.listed_beside(catalog).map(|item| item.0).collect();
        if others.is_empty() {
            return Ok(true);
        }
        let staged: FxHashSet<u32> =
            self.table().row_numbers(batch, version)?.into_iter().collect();
        let carried: Vec<u32> = others.into_iter().filter(|row| !staged.contains(row)).collect();
        self.table().carry(batch, version, &carried)
    }
}
