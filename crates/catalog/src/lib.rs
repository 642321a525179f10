#![doc = include_str!("../README.md")]

mod changes;
mod columns;
pub mod import;
mod items;
mod keys;
mod off;
mod table;
mod texts;
mod versions;

pub use changes::{
    CHANGE_EXAMPLES_MAX, CatalogChanges, ChangeExamples, PropertyChange, ValueChange,
};
pub use import::{CatalogFile, Format, ImportOptions, ImportReport, RowError, read_file};
pub use items::{Catalog, ItemRow, NamedBy};
pub use keys::{KEYSPACES, user_table};
pub use table::{Property, PropertyTable};
pub use versions::{CatalogVersion, PREVIOUS_VERSIONS_MAX, STAGED_VERSIONS_MAX};
