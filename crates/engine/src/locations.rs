//! Catalogs of locations: imported from files, as a whole or not at all, and removed.

use std::io::Read;

use catalog::import::ImportError;
use catalog::{CatalogFile, Format, ImportOptions, ImportReport, RowKind, read_file};
use recommender::Cancelled;
use state::{LocationCommand, Refusal};

use crate::import::split_rows;
use crate::list_maker::new_id;
use crate::{Command, Engine, Outcome, SubmitError};

/// Errors of changes of a catalog of locations.
#[derive(Debug, thiserror::Error)]
pub enum LocationsError {
    /// The fold has refused it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The caller has cancelled it.
    #[error("the import was cancelled, so nothing was imported")]
    Cancelled(#[from] Cancelled),
    /// The journal did not take an entry.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl Engine {
    /// Reads a file of locations; columns keep the types that they have in the catalog, where
    /// `options` declare no others.
    ///
    /// # Errors
    /// As [`catalog::read_file`].
    pub fn read_locations(
        &self,
        catalog: &str,
        reader: impl Read,
        format: Format,
        options: ImportOptions,
    ) -> Result<(CatalogFile, ImportReport), ImportError> {
        let known = {
            let views = self.snapshot();
            let columns = views.locations.catalog(catalog).map(|catalog| catalog.columns());
            let columns = columns.into_iter().flatten();
            columns.map(|column| (column.name.clone(), column.type_)).collect()
        };
        read_file(reader, format, &ImportOptions { known, rows: RowKind::Locations, ..options })
    }

    /// Puts a file in force in place of a catalog of locations, or as a new one. A crash in between
    /// leaves the old one. `progress` gets the number of written and of all locations before each
    /// step, and may cancel: until the last one nothing is changed.
    ///
    /// # Errors
    /// If there are too many catalogs, the import is cancelled, or nothing can be written.
    pub fn import_locations(
        &self,
        catalog: &str,
        file: CatalogFile,
        progress: &dyn Fn(u64, u64) -> Result<(), Cancelled>,
    ) -> Result<(), LocationsError> {
        let _one_at_a_time = self.import_lock.lock();
        let (import, n_all, mut n_done) = (new_id(self.now()), file.rows.len() as u64, 0);
        progress(0, n_all)?;
        let (catalog, columns) = (catalog.to_owned(), file.columns);
        self.change_locations(LocationCommand::Stage { import, catalog, columns })?;
        for rows in split_rows(file.rows) {
            n_done += rows.len() as u64;
            self.change_locations(LocationCommand::Add { import, rows })?;
            progress(n_done, n_all)?;
        }
        self.change_locations(LocationCommand::Activate { import })
    }

    /// Removes a catalog of locations.
    ///
    /// # Errors
    /// If there is none of this name, or nothing can be written.
    pub fn remove_locations(&self, catalog: &str) -> Result<(), LocationsError> {
        self.change_locations(LocationCommand::Remove { catalog: catalog.to_owned() })
    }

    fn change_locations(&self, command: LocationCommand) -> Result<(), LocationsError> {
        match self.submit_command(Command::Locations(Box::new(command)))? {
            Outcome::Refused(refusal) => Err(refusal.into()),
            _ => Ok(()),
        }
    }
}
