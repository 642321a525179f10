#![doc = include_str!("../README.md")]

pub mod import;
mod items;
mod keys;

pub use import::{CatalogFile, Format, ImportOptions, ImportReport, RowError, read_file};
pub use items::{Catalog, CatalogVersion, ItemRow, NamedBy};
pub use keys::KEYSPACES;
