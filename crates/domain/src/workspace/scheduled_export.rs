//! Exports: what is written, in which form, and exports that are made again and again.

use serde::{Deserialize, Serialize};

use super::{Destination, ENGINE_DESTINATION, WorkspaceConfig};

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
    /// The values of computed traits, a row for each person and trait.
    ComputedTraits,
    /// The external ids that profiles have got or lost since the last run.
    IdentifierUpdates,
    /// The traits that sources have set since the last run.
    TraitUpdates,
    /// The profiles that were merged since the last run.
    MergeUpdates,
}

impl Exportable {
    /// All, in the order in which they are offered: tables as they stand, then logs.
    pub const ALL: [Self; 12] = [
        Self::Items,
        Self::People,
        Self::Interactions,
        Self::Audiences,
        Self::Recommendations,
        Self::Identifiers,
        Self::Traits,
        Self::Merges,
        Self::ComputedTraits,
        Self::IdentifierUpdates,
        Self::TraitUpdates,
        Self::MergeUpdates,
    ];

    /// Those that are written whole, which a single file can be made of.
    pub fn tables() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|what| !what.is_log())
    }

    /// Whether a run appends what is new, rather than writing everything as it stands.
    pub fn is_log(self) -> bool {
        matches!(self, Self::IdentifierUpdates | Self::TraitUpdates | Self::MergeUpdates)
    }

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
            Self::ComputedTraits => "computed_traits",
            Self::IdentifierUpdates => "identifier_updates",
            Self::TraitUpdates => "trait_updates",
            Self::MergeUpdates => "merge_updates",
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
            Self::ComputedTraits => "Computed traits, one a row",
            Self::IdentifierUpdates => "Log of external ids",
            Self::TraitUpdates => "Log of traits",
            Self::MergeUpdates => "Log of merged profiles",
        }
    }

    /// Checks the key of the one audience or trait that is exported.
    ///
    /// # Errors
    /// A sentence that names the mistake.
    pub fn check_only(self, only: &str, config: &WorkspaceConfig) -> Result<(), String> {
        let (kind, is_there) = match self {
            Self::Audiences => ("audience", config.audience(only).is_some()),
            Self::Recommendations => {
                ("trait of recommended items", config.trait_definition(only).is_some())
            }
            Self::ComputedTraits => {
                ("computed trait of people", config.computed_trait_of_people(only).is_some())
            }
            _ => {
                let what = self.word();
                return Err(format!(
                    "only is {only:?}: {what} are exported whole; audiences, recommendations and \
                     computed_traits can be limited to one"
                ));
            }
        };
        match is_there {
            true => Ok(()),
            false => Err(format!("only is {only:?}: there is no such {kind}")),
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
    /// The key of the one audience whose members are exported, of the one trait whose recommended
    /// items are, or of the one computed trait whose values are; all of them where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
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
pub(super) fn check_exports(config: &WorkspaceConfig) -> Result<(), String> {
    let exports = &config.exports;
    if exports.len() > SCHEDULED_EXPORTS_MAX {
        let n_exports = exports.len();
        return Err(format!("{n_exports} exports exceed the limit of {SCHEDULED_EXPORTS_MAX}"));
    }
    for (n, export) in exports.iter().enumerate() {
        export.check(config).map_err(|what| format!("export {:?}: {what}", export.name))?;
        if exports[..n].iter().any(|other| other.name == export.name) {
            return Err(format!("two exports are named {:?}", export.name));
        }
    }
    Ok(())
}

impl ScheduledExport {
    fn check(&self, config: &WorkspaceConfig) -> Result<(), String> {
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
        if let Some(only) = &self.only {
            self.what.check_only(only, config)?;
        }
        let is_place = |destination: &&Destination| destination.name == self.into;
        match config.destinations.iter().find(is_place) {
            Some(destination) if destination.name != ENGINE_DESTINATION => Ok(()),
            _ => Err(format!("into is {:?}: there is no such destination", self.into)),
        }
    }
}
