//! The catalog as a whole: files that replace it, its versions, and the way back.

use catalog::import::{ImportError, parse_confirm, parse_type};
use catalog::{CatalogChanges, CatalogVersion, Format, ImportOptions, ImportReport};
use engine::{CatalogImportError, CatalogPreview, ConfirmedRemovals, Engine};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

/// The options of an import, by the names of those of `tastemaker import catalog`.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Options {
    /// Declared types, each `COLUMN=TYPE`.
    #[serde(rename = "type")]
    pub types: Vec<String>,
    /// Leaves wrong rows out.
    pub skip_invalid: bool,
    /// Imports cells that do not fit the type of their column as empty.
    pub allow_bad_cells: bool,
    /// Only shows what would change.
    pub dry_run: bool,
    /// How many items the import may withdraw.
    pub confirm: Option<String>,
    /// Properties in use that it may drop.
    pub drop: Vec<String>,
}

impl Options {
    fn parse(&self) -> Result<(ImportOptions, ConfirmedRemovals), ApiError> {
        let types = self.types.iter().map(|text| parse_type(text));
        let options = ImportOptions {
            types: types.collect::<Result<_, _>>().map_err(wrong("type"))?,
            skip_invalid: self.skip_invalid,
            allow_bad_cells: self.allow_bad_cells,
            ..ImportOptions::default()
        };
        let n_withdrawn = self.confirm.as_deref().map(parse_confirm);
        let n_withdrawn = n_withdrawn.transpose().map_err(wrong("confirm"))?;
        Ok((options, ConfirmedRemovals { n_withdrawn, dropped: self.drop.clone() }))
    }
}

fn wrong(name: &str) -> impl Fn(String) -> ApiError {
    move |what| ApiError::invalid(format!("query parameter {name}: {what}"))
}

/// A file to import: how it is opened, more than once.
pub trait Source: Send + 'static {
    /// Reads it from the beginning.
    ///
    /// # Errors
    /// If it cannot be opened.
    fn open(&self) -> std::io::Result<Box<dyn std::io::Read + '_>>;
}

impl<T: AsRef<[u8]> + Send + 'static> Source for T {
    fn open(&self) -> std::io::Result<Box<dyn std::io::Read + '_>> {
        Ok(Box::new(self.as_ref()))
    }
}

/// An import that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Imported {
    /// The rows of the file.
    #[schema(value_type = Object)]
    pub report: ImportReport,
    /// The changes.
    #[schema(value_type = Object)]
    pub changes: CatalogChanges,
    /// The version that is in force now.
    pub catalog_version: u32,
}

/// Shows what an import would change, and why it would be refused. Changes nothing.
///
/// # Errors
/// 400 for wrong options; 422 if the file cannot be read or has no items.
pub async fn preview(
    workspace: &RequestedWorkspace,
    file: impl Source,
    format: Format,
    options: &Options,
) -> Result<CatalogPreview, ApiError> {
    let (options, confirmed) = options.parse()?;
    let preview = move |engine: &Engine| {
        engine.preview_catalog(|| file.open(), format, &options, &confirmed).map_err(import_error)
    };
    workspace.run(preview).await
}

/// Makes a file the catalog, whole or not at all.
///
/// # Errors
/// 400 for wrong options; 422, with the report, if the file is wrong or removals are not confirmed.
pub async fn import(
    workspace: &RequestedWorkspace,
    file: impl Source,
    format: Format,
    options: &Options,
) -> Result<Imported, ApiError> {
    let (options, confirmed) = options.parse()?;
    let import = move |engine: &Engine| {
        let reader = file.open().map_err(|error| import_error(error.into()))?;
        let (file, report) = engine.read_catalog(reader, format, &options).map_err(import_error)?;
        let changes =
            engine.import_catalog(file, &confirmed, &|_, _| {}).map_err(|error| match error {
                CatalogImportError::Submit(error) => error.into(),
                CatalogImportError::Withdraws { .. }
                | CatalogImportError::Drops { .. }
                | CatalogImportError::GivenUp => ApiError::import(error.to_string(), json!(report)),
            })?;
        Ok(Imported { report, changes, catalog_version: engine.counts().catalog_version })
    };
    workspace.run(import).await
}

fn import_error(error: ImportError) -> ApiError {
    let message = error.to_string();
    match error {
        ImportError::Rows(report) => ApiError::import(message, json!(report)),
        _ => ApiError::import(message, Value::Null),
    }
}

/// The versions of a catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Versions {
    /// The number of the one in force, 0 before the first import.
    pub current: u32,
    /// The one in force, then those that can be activated again, the latest first.
    #[schema(value_type = Vec<Object>)]
    pub versions: Vec<CatalogVersion>,
}

/// The version in force and those that can be activated again.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn versions(workspace: &RequestedWorkspace) -> Result<Versions, ApiError> {
    let list = |engine: &Engine| {
        let current = engine.counts().catalog_version;
        Ok(Versions { current, versions: engine.catalog_versions() })
    };
    workspace.run(list).await
}

/// Makes an earlier version the current one again.
///
/// # Errors
/// 404 if the version is not kept.
pub async fn activate(workspace: &RequestedWorkspace, version: u32) -> Result<Versions, ApiError> {
    let activate = move |engine: &Engine| {
        engine.activate_catalog(version)?;
        Ok(Versions { current: version, versions: engine.catalog_versions() })
    };
    workspace.run(activate).await
}

/// Reads the number of a version from a path.
///
/// # Errors
/// 400 for anything else.
pub fn parse_version(text: &str) -> Result<u32, ApiError> {
    text.parse().map_err(|_| {
        ApiError::invalid(format!("{text:?} is no catalog version: those are whole numbers"))
    })
}
