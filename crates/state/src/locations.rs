//! Catalogs of locations: how they are changed, and which items are near a point.

use catalog::{ItemRow, ItemsNear, LOCATION_CATALOGS_MAX, LocationCatalog, Point};
use domain::{Column, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Batch, StoreError};
use uuid::Uuid;

use crate::refusal::{CommandResult, Refusal};
use crate::views::Views;

/// A change of the catalogs of locations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum LocationCommand {
    /// An import starts. The catalog in force stays until its last step.
    Stage {
        /// The id of the import.
        import: Uuid,
        /// The name of the catalog.
        catalog: String,
        /// The columns, in the order of the values of each row.
        columns: Vec<Column>,
    },
    /// Locations of an import.
    Add {
        /// The import that was started.
        import: Uuid,
        /// At most [`crate::ITEMS_PER_ENTRY_MAX`].
        rows: Vec<ItemRow>,
    },
    /// An import is complete, and takes the place of the catalog of its name.
    Activate {
        /// The import that was started.
        import: Uuid,
    },
    /// Removes a catalog.
    Remove {
        /// The name of the catalog.
        catalog: String,
    },
}

impl Views {
    /// The items that are at a location of the catalog `catalog` within `km` kilometres of a point.
    ///
    /// # Errors
    /// Says what the workspace lacks: the catalog, or the property that names its locations.
    pub fn items_near(
        &self,
        catalog: &str,
        point: Point,
        km: f64,
    ) -> Result<ItemsNear<'_>, String> {
        let locations = self.locations.catalog(catalog).ok_or_else(|| {
            let known: Vec<&str> = self.locations.catalogs().map(LocationCatalog::name).collect();
            format!(
                "there is no catalog of locations {catalog:?}: there are [{}]",
                known.join(", ")
            )
        })?;
        let property = self.setup.config.catalog.location_property.get(catalog);
        let property = property.ok_or_else(|| {
            format!(
                "no property of items is said to hold locations of {catalog:?}: set \
                 catalog.location_property"
            )
        })?;
        Ok(locations.items_near(self.catalog.table(), property, point, km))
    }
}

/// Applies a change.
pub(crate) fn apply(
    views: &mut Views,
    batch: &mut Batch<'_>,
    command: LocationCommand,
    at: Timestamp,
) -> Result<CommandResult, StoreError> {
    let locations = &mut views.locations;
    let is_staged = match command {
        LocationCommand::Stage { import, catalog, columns } => {
            let n_catalogs = locations.catalogs().count();
            if locations.catalog(&catalog).is_none() && n_catalogs >= LOCATION_CATALOGS_MAX {
                return Ok(Err(Refusal::Invalid(format!(
                    "there are {n_catalogs} catalogs of locations, the limit is \
                     {LOCATION_CATALOGS_MAX}: remove one"
                ))));
            }
            locations.stage(batch, import, catalog, columns)?;
            true
        }
        LocationCommand::Add { import, rows } => locations.stage_rows(batch, import, rows),
        LocationCommand::Activate { import } => locations.activate(batch, import, at)?,
        LocationCommand::Remove { catalog } => {
            return Ok(match locations.remove(batch, &catalog)? {
                true => Ok(()),
                false => Err(Refusal::missing("catalog of locations", &catalog)),
            });
        }
    };
    let given_up = || {
        let what =
            "the import was given up, since others have begun after it: import the file again";
        Refusal::NotFound(what.to_owned())
    };
    Ok(is_staged.then_some(()).ok_or_else(given_up))
}
