#![doc = include_str!("../README.md")]

mod columns;
pub mod import;
mod items;
mod keys;
mod table;
mod texts;

pub use import::{CatalogFile, Format, ImportOptions, ImportReport, RowError, read_file};
pub use items::{Catalog, CatalogVersion, ItemRow, NamedBy};
pub use keys::{KEYSPACES, user_table};
pub use table::{Property, PropertyTable};
