//! The changes that an import makes.

use domain::{Column, PropertyType};
use serde::Serialize;

use crate::{Catalog, ItemRow};

/// The changes between the current catalog and a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CatalogChanges {
    /// Items of the current version.
    pub n_before: u64,
    /// Items that the current version does not list.
    pub n_new: u64,
    /// Items with another value of some property.
    pub n_changed: u64,
    /// Items of the current version that stay as they are.
    pub n_unchanged: u64,
    /// Items of the current version that the file leaves out.
    pub n_withdrawn: u64,
    /// Properties that come, go or get another type.
    pub properties: Vec<PropertyChange>,
}

/// How a property changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PropertyChange {
    /// The property.
    pub name: String,
    /// Its type in the current version; none where it is new.
    pub from: Option<PropertyType>,
    /// Its type in the file; none where the file leaves it out.
    pub to: Option<PropertyType>,
}

impl CatalogChanges {
    /// Begins with what the columns of a file change.
    pub fn from_columns(catalog: &Catalog, columns: &[Column]) -> Self {
        let known = |name: &str| catalog.table().property(name).map(|property| property.type_);
        let of_file = columns.iter().map(|column| PropertyChange {
            name: column.name.clone(),
            from: known(&column.name),
            to: Some(column.type_),
        });
        let left_out = catalog
            .table()
            .properties()
            .filter(|property| !columns.iter().any(|column| column.name == property.name));
        let left_out = left_out.map(|property| PropertyChange {
            name: property.name.clone(),
            from: Some(property.type_),
            to: None,
        });
        let properties = of_file.chain(left_out).filter(|change| change.from != change.to).collect();
        let n_before = catalog.n_listed() as u64;
        Self { n_before, n_withdrawn: n_before, properties, ..Self::default() }
    }

    /// Counts rows of the file.
    pub fn count(&mut self, catalog: &Catalog, columns: &[Column], rows: &[ItemRow]) {
        for row in rows {
            let Some(item) = catalog.item(&row.item_id).filter(|item| catalog.is_listed(*item)) else {
                self.n_new += 1;
                continue;
            };
            self.n_withdrawn = self.n_withdrawn.saturating_sub(1);
            match catalog.table().holds(item.0, columns, &row.values) {
                true => self.n_unchanged += 1,
                false => self.n_changed += 1,
            }
        }
    }
}
