#![doc = include_str!("../README.md")]

mod changes;
mod columns;
pub mod import;
mod items;
mod keys;
mod table;
mod texts;

pub use changes::{CatalogChanges, PropertyChange};
pub use import::{CatalogFile, Format, ImportOptions, ImportReport, RowError, read_file};
pub use items::{
    Catalog, CatalogVersion, ItemRow, NamedBy, PREVIOUS_VERSIONS_MAX, STAGED_VERSIONS_MAX,
};
pub use keys::{KEYSPACES, user_table};
pub use table::{Property, PropertyTable};
