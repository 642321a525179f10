//! The difference between a catalog file and the current version.

use domain::{Column, PropertyType};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::{Catalog, CatalogFile, ItemRow};

/// The most examples of each kind of change.
pub const CHANGE_EXAMPLES_MAX: usize = 20;

/// Some of the changes that activating a file would make, for people to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChangeExamples {
    /// Ids of new items, in the order of the file.
    pub added: Vec<String>,
    /// Values that change, in the order of the file.
    pub changed: Vec<ValueChange>,
    /// Ids of items that the file omits.
    pub withdrawn: Vec<String>,
}

/// The change of one value of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ValueChange {
    /// The id of the item.
    pub item_id: String,
    /// The name of the property.
    pub property: String,
    /// The value now; null where there is none.
    pub from: serde_json::Value,
    /// The value in the file.
    pub to: serde_json::Value,
}

impl ChangeExamples {
    fn is_full(&self) -> bool {
        self.added.len() >= CHANGE_EXAMPLES_MAX && self.changed.len() >= CHANGE_EXAMPLES_MAX
    }

    /// Adds examples from rows of a file. Returns false once there are enough.
    pub fn add_rows(&mut self, catalog: &Catalog, columns: &[Column], rows: &[ItemRow]) -> bool {
        for row in rows {
            let item = catalog.item(&row.item_id).filter(|item| catalog.is_listed(*item));
            match item {
                None if self.added.len() < CHANGE_EXAMPLES_MAX => {
                    self.added.push(row.item_id.clone());
                }
                None => {}
                Some(item) => {
                    for (column, to) in columns.iter().zip(&row.values) {
                        let from = catalog.table().value(item.0, &column.name);
                        if from != *to && self.changed.len() < CHANGE_EXAMPLES_MAX {
                            let json = |value: &Option<domain::PropertyValue>| {
                                value.as_ref().map_or(serde_json::Value::Null, |v| v.to_json())
                            };
                            self.changed.push(ValueChange {
                                item_id: row.item_id.clone(),
                                property: column.name.clone(),
                                from: json(&from),
                                to: json(to),
                            });
                        }
                    }
                }
            }
            if self.is_full() {
                return false;
            }
        }
        true
    }

    /// Adds items that a file omits.
    pub fn add_withdrawn(&mut self, catalog: &Catalog, file: &CatalogFile) {
        let in_file: FxHashSet<&str> = file.rows.iter().map(|row| row.item_id.as_str()).collect();
        let items = catalog.listed_in(file.catalog_name());
        let omitted = items.filter(|item| !in_file.contains(catalog.item_id(*item)));
        let ids = omitted.take(CHANGE_EXAMPLES_MAX);
        self.withdrawn.extend(ids.map(|item| catalog.item_id(item).to_owned()));
    }
}

/// The changes that activating a file would make to the items of its catalog.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CatalogChanges {
    /// The number of items of the catalog in the current version.
    pub n_before: u64,
    /// Items of the file that the current version does not list.
    pub n_new: u64,
    /// Items of both with at least one different value.
    pub n_changed: u64,
    /// Items of both with the same values.
    pub n_unchanged: u64,
    /// Items of the catalog that the file omits.
    pub n_withdrawn: u64,
    /// Properties that are added, removed or change their type.
    pub properties: Vec<PropertyChange>,
}

/// The change of one property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PropertyChange {
    /// The property's name.
    pub name: String,
    /// Its type in the current version; none where it is new.
    pub from: Option<PropertyType>,
    /// Its type in the file; none where the file omits it.
    pub to: Option<PropertyType>,
}

impl CatalogChanges {
    /// Whether nothing would be other than it is.
    pub fn is_empty(&self) -> bool {
        let Self { n_before: _, n_new, n_changed, n_unchanged: _, n_withdrawn, properties } = self;
        (*n_new, *n_changed, *n_withdrawn) == (0, 0, 0) && properties.is_empty()
    }

    /// The changes of the columns, with no row counted yet. A property that items of other catalogs
    /// have values of stays.
    pub fn from_columns(catalog: &Catalog, file: &CatalogFile) -> Self {
        let columns = catalog.columns_with(file);
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
        let n_before = catalog.listed_in(file.catalog_name()).count() as u64;
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
