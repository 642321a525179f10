//! Where exports go: the folder or bucket, or the database, of a destination.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::archive::text_of;
use crate::destinations::postgresql::{self, Postgresql};
use crate::parquet_file::ParquetColumn;
use crate::{Archive, ArchiveError, Outgoing, SettingsError, kind};

/// The kinds of destinations whose places take exports.
pub const EXPORT_KINDS: [&str; 2] = ["parquet", "postgresql"];

/// Where exports go.
pub enum ExportPlace {
    /// A folder or a bucket.
    Files(Archive),
    /// The tables of a database.
    Tables(Box<Tables>),
}

/// The move of a log in a table from one position to the next.
#[derive(Debug, Clone, Copy)]
pub struct LogMove<'a> {
    /// The name of the log, beside all others that are written into this schema.
    pub log: &'a str,
    /// The position before; none of a log that has none yet.
    pub from: Option<u64>,
    /// The position after.
    pub to: u64,
}

/// The tables of a database.
pub struct Tables {
    database: Postgresql,
    outgoing: Arc<Outgoing>,
}

impl ExportPlace {
    /// The place of a destination of this kind, by its settings.
    ///
    /// # Errors
    /// If one is missing or wrong, or destinations of the kind have no place for exports.
    pub fn of_settings(
        kind_name: &str,
        settings: &BTreeMap<String, Value>,
        outgoing: &Arc<Outgoing>,
    ) -> Result<Self, SettingsError> {
        match kind_name {
            "parquet" => Ok(Self::Files(Archive::of_settings(settings, outgoing)?)),
            "postgresql" => {
                let kind = kind(kind_name).expect("it is one of the kinds");
                let settings = kind.settings.read(settings)?;
                let database = postgresql::of_settings(&settings, outgoing)?;
                Ok(Self::Tables(Box::new(Tables { database, outgoing: Arc::clone(outgoing) })))
            }
            _ => {
                let what = format!(
                    "is {kind_name:?}, and exports go to a destination of kind {}",
                    EXPORT_KINDS.join(" or ")
                );
                Err(SettingsError::new("kind", what))
            }
        }
    }
}

impl Tables {
    /// For people: where the rows are.
    pub fn describe(&self, table: &str) -> String {
        self.database.describe(table)
    }

    /// Up to where a log is in a table: what was kept with its rows. None before the first.
    ///
    /// # Errors
    /// If the database does not say.
    pub fn position(&self, table: &str, log: &str) -> Result<Option<u64>, ArchiveError> {
        let failed = |failure| ArchiveError { file: self.describe(table), text: text_of(failure) };
        let position = self.database.position(log);
        self.outgoing.runtime().block_on(position).map_err(failed)
    }

    /// Appends the rows of a file of JSON lines with these columns to a table, and moves the log
    /// from one position to the next, in one transaction. Waits for it.
    ///
    /// # Errors
    /// If it is not known to be done, or the log is at another position. [`Tables::position`] says
    /// then which it is.
    pub fn append(
        &self,
        table: &str,
        columns: &[ParquetColumn],
        rows: &Path,
        moved: &LogMove<'_>,
    ) -> Result<(), ArchiveError> {
        let failed = |text| ArchiveError { file: self.describe(table), text };
        let file = fs_err::File::open(rows).map_err(|error| failed(error.to_string()))?;
        let mut rows = BufReader::new(file);
        let appended = self.database.append(table, columns, &mut rows, moved);
        self.outgoing.runtime().block_on(appended).map_err(|failure| failed(text_of(failure)))
    }

    /// Replaces all rows of a table by those of a file of JSON lines with these columns, in one
    /// transaction. Waits for it.
    ///
    /// # Errors
    /// If it is not known to be done; the table may have either rows then.
    pub fn replace(
        &self,
        table: &str,
        columns: &[ParquetColumn],
        rows: &Path,
    ) -> Result<(), ArchiveError> {
        let failed = |text| ArchiveError { file: self.describe(table), text };
        let file = fs_err::File::open(rows).map_err(|error| failed(error.to_string()))?;
        let mut rows = BufReader::new(file);
        let replaced = self.database.replace(table, columns, &mut rows);
        self.outgoing.runtime().block_on(replaced).map_err(|failure| failed(text_of(failure)))
    }
}
