//! The difference between a catalog file and the current version.

use domain::{Column, PropertyType};
use serde::Serialize;

use crate::{Catalog, ItemRow};

/// The changes that activating a file would make.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CatalogChanges {
    /// The number of items in the current version.
    pub n_before: u64,
    /// Items of the file that the current version does not list.
    pub n_new: u64,
    /// Items of both with at least one different value.
    pub n_changed: u64,
    /// Items of both with the same values.
    pub n_unchanged: u64,
    /// Items of the current version that the file omits.
    pub n_withdrawn: u64,
    /// Properties that are added, removed or change their type.
    pub properties: Vec<PropertyChange>,
}

/// The change of one property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PropertyChange {
    /// The property's name.
    pub name: String,
    /// Its type in the current version; none where it is new.
    pub from: Option<PropertyType>,
    /// Its type in the file; none where the file omits it.
    pub to: Option<PropertyType>,
}

impl CatalogChanges {
    /// The changes of the columns, with no row counted yet.
    pub fn from_columns(catalog: &Catalog, columns: &[Column]) -> Self {
        let known = |name: &str| catalog.table().property(name).map(|property| property.type_);
        let in_file = columns.iter().map(|column| PropertyChange {
            name: column.name.clone(),
            from: known(&column.name),
            to: Some(column.type_),
        });
        let omitted = catalog
            .table()
            .properties()
            .filter(|property| !columns.iter().any(|column| column.name == property.name));
        let omitted = omitted.map(|property| PropertyChange {
            name: property.name.clone(),
            from: Some(property.type_),
            to: None,
        });
        let properties = in_file.chain(omitted).filter(|change| change.from != change.to).collect();
        let n_before = catalog.n_listed() as u64;
        Self { n_before, n_withdrawn: n_before, properties, ..Self::default() }
    }

    /// Compares rows of the file with the current version and counts them.
    pub fn count(&mut self, catalog: &Catalog, columns: &[Column], rows: &[ItemRow]) {
        for row in rows {
            let Some(item) = catalog.item(&row.item_id).filter(|item| catalog.is_listed(*item))
            else {
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
