//! Exports: what is written, in which form, and exports that are made again and again.

use serde::{Deserialize, Serialize};

use super::{Destination, ENGINE_DESTINATION};

/// The most scheduled exports of a workspace.
pub const SCHEDULED_EXPORTS_MAX: usize = 50;
/// The longest time between two runs, in hours: four weeks.
pub const EXPORT_HOURS_MAX: u32 = 28 * 24;
/// The longest name, in characters: also the name of a table.
const NAME_CHARS_MAX: usize = 60;
/// The time between two runs unless told otherwise, in hours.
const EVERY_HOURS_DEFAULT: u32 = 24;

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exportable {
    /// Everybody with the ids and the traits, a row each.
    People,
    /// The items of the catalog in force.
    Items,
    /// The interactions of everybody.
    Interactions,
    /// The members of audiences, a row for each member of each.
    Audiences,
    /// What people are recommended by the traits of recommended items, a row for each item.
    Recommendations,
    /// The external ids of everybody, a row each.
    Identifiers,
    /// The traits that sources have set, a row each.
    Traits,
    /// Which profiles were merged into which.
    Merges,
}

impl Exportable {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 8] = [
        Self::Items,
        Self::People,
        Self::Interactions,
        Self::Audiences,
        Self::Recommendations,
        Self::Identifiers,
        Self::Traits,
        Self::Merges,
    ];

    /// The word for it in APIs and names of files.
    pub fn word(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Items => "items",
            Self::Interactions => "interactions",
            Self::Audiences => "audiences",
            Self::Recommendations => "recommendations",
            Self::Identifiers => "identifiers",
            Self::Traits => "traits",
            Self::Merges => "merges",
        }
    }

    /// What it is, for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Items => "Items of the catalog",
            Self::People => "People with ids and traits",
            Self::Interactions => "Interactions",
            Self::Audiences => "Members of audiences",
            Self::Recommendations => "Recommended items",
            Self::Identifiers => "External ids, one a row",
            Self::Traits => "Traits, one a row",
            Self::Merges => "Merged profiles",
        }
    }
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// An object on each line.
    Jsonl,
    /// For spreadsheets. A text that one would take for a formula has an apostrophe before it.
    Csv,
    /// For warehouses: columns with types, compressed.
    #[default]
    Parquet,
}

impl ExportFormat {
    /// The ending of names of files, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// An export that is made again and again, into the folder, bucket or database of a destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduledExport {
    /// The name: also of the folder of its files, or of the table in a database.
    pub name: String,
    /// What is exported.
    pub what: Exportable,
    /// The form of its files. A table has no use for it.
    #[serde(default)]
    pub format: ExportFormat,
    /// The destination into whose place it goes: one of kind `parquet`, which has a folder or a
    /// bucket, or `postgresql`. The destination need not be on.
    pub into: String,
    /// The time between two runs, in hours, 1 to 672. Runs are due at whole multiples of it since
    /// 1970, so that one each 24 hours is due at 00:00 UTC.
    #[serde(default = "every_hours_by_default")]
    pub every_hours: u32,
    /// Whether it is not made for the time being.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

fn every_hours_by_default() -> u32 {
    EVERY_HOURS_DEFAULT
}

/// Checks the scheduled exports of a workspace.
///
/// # Errors
/// A sentence that names the export and the mistake.
pub(super) fn check_exports(
    exports: &[ScheduledExport],
    destinations: &[Destination],
) -> Result<(), String> {
    if exports.len() > SCHEDULED_EXPORTS_MAX {
        let n_exports = exports.len();
        return Err(format!("{n_exports} exports exceed the limit of {SCHEDULED_EXPORTS_MAX}"));
    }
    for (n, export) in exports.iter().enumerate() {
        export.check(destinations).map_err(|what| format!("export {:?}: {what}", export.name))?;
        if exports[..n].iter().any(|other| other.name == export.name) {
            return Err(format!("two exports are named {:?}", export.name));
        }
    }
    Ok(())
}

impl ScheduledExport {
    fn check(&self, destinations: &[Destination]) -> Result<(), String> {
        let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if !(1..=NAME_CHARS_MAX).contains(&self.name.len()) || !self.name.bytes().all(is_part) {
            return Err(format!(
                "name must be 1 to {NAME_CHARS_MAX} characters of a-z, 0-9 and '_'"
            ));
        }
        if !(1..=EXPORT_HOURS_MAX).contains(&self.every_hours) {
            let hours = self.every_hours;
            return Err(format!("every_hours is {hours}, it must be 1 to {EXPORT_HOURS_MAX}"));
        }
        let is_place = |destination: &&Destination| destination.name == self.into;
        match destinations.iter().find(is_place) {
            Some(destination) if destination.name != ENGINE_DESTINATION => Ok(()),
            _ => Err(format!("into is {:?}: there is no such destination", self.into)),
        }
    }
}
