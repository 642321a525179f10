#![doc = include_str!("../README.md")]

mod changes;
mod columns;
pub mod import;
mod items;
mod keys;
mod locations;
mod membership;
mod off;
mod offer;
mod table;
mod texts;
mod versions;

pub use changes::{
    CHANGE_EXAMPLES_MAX, CatalogChanges, ChangeExamples, PropertyChange, ValueChange,
};
pub use import::{CatalogFile, Format, ImportOptions, ImportReport, RowError, RowKind, read_file};
pub use items::{Catalog, ItemRow, NamedBy};
pub use keys::{KEYSPACES, LOCATION_KEYSPACES, user_table};
pub use locations::{
    ItemsNear, LATITUDE, LOCATION_CATALOGS_MAX, LOCATIONS_MAX, LONGITUDE, LocationCatalog,
    Locations, Near, Point,
};
pub use offer::{NotOffered, OfferedItems};
pub use table::{Property, PropertyTable};
pub use versions::{CatalogVersion, PREVIOUS_VERSIONS_MAX, STAGED_VERSIONS_MAX};
