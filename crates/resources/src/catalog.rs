//! The catalog as a whole: files that replace it, its versions, and the way back.

use std::io::{Error as IoError, Read, Result as IoResult};
use std::sync::Arc;

use catalog::import::{ImportError, parse_confirm, parse_type};
use catalog::{CatalogChanges, CatalogFile, CatalogVersion, Format, ImportOptions, ImportReport};
use domain::{counted, grouped};
use engine::installation::Actor;
use engine::{
    Cancelled, CatalogCount, CatalogImportError, CatalogPreview, ConfirmedRemovals, Engine,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use web::App;
use web::error::{ApiError, ErrorKind};
use web::jobs::{Job, JobControl, JobKind, JobOutcome, NewJob, Once};
use web::workspaces::RequestedWorkspace;

use crate::progress::Progress;
use crate::unknown_resource;

/// The options of an import, by the names of those of `tastemaker import catalog`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Options {
    /// Declared types, each `COLUMN=TYPE`.
    #[serde(rename = "type")]
    pub types: Vec<String>,
    /// The catalog of products that the file is; `items` if absent.
    pub catalog: Option<String>,
    /// Leaves wrong rows out.
    pub skip_invalid: bool,
    /// Imports cells that do not fit the type of their column as empty.
    pub allow_bad_cells: bool,
    /// Only shows what would change.
    pub dry_run: bool,
    /// Imports as a job.
    pub job: bool,
    /// How many items the import may withdraw.
    pub confirm: Option<String>,
    /// Properties in use that it may drop.
    pub drop: Vec<String>,
}

impl Options {
    /// The same, with no removal confirmed.
    pub(crate) fn unconfirmed(&self) -> Self {
        Self { confirm: None, drop: Vec::new(), ..self.clone() }
    }

    fn parse(&self) -> Result<(ImportOptions, ConfirmedRemovals), ApiError> {
        let types = self.types.iter().map(|text| parse_type(text));
        let options = ImportOptions {
            types: types.collect::<Result<_, _>>().map_err(wrong("type"))?,
            catalog: self.catalog.clone(),
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
    fn open(&self) -> IoResult<Box<dyn Read + '_>>;

    /// The memory that it takes, in bytes.
    fn held_bytes(&self) -> usize;

    /// What makes a second import of it lead to the job of the first.
    fn once(&self) -> Option<Once> {
        None
    }

    /// Lets go of it once it is the catalog.
    fn discard(self);
}

impl<T: AsRef<[u8]> + Send + 'static> Source for T {
    fn open(&self) -> IoResult<Box<dyn Read + '_>> {
        Ok(Box::new(self.as_ref()))
    }

    fn held_bytes(&self) -> usize {
        self.as_ref().len()
    }

    fn discard(self) {}
}

/// An import that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Imported {
    /// The rows of the file.
    pub report: ImportReport,
    /// The changes.
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
    let options = options.clone();
    workspace.run(move |engine| preview_file(engine, &file, format, &options)).await
}

pub(crate) fn preview_file(
    engine: &Engine,
    file: &impl Source,
    format: Format,
    options: &Options,
) -> Result<CatalogPreview, ApiError> {
    let (options, confirmed) = options.parse()?;
    engine.preview_catalog(|| file.open(), format, &options, &confirmed).map_err(import_error)
}

/// Checks that the options confirm what an import with these changes removes.
///
/// # Errors
/// 400 for wrong options; 422 for the first removal that they do not confirm.
pub async fn check_removals(
    workspace: &RequestedWorkspace,
    changes: CatalogChanges,
    options: &Options,
) -> Result<(), ApiError> {
    let (_, confirmed) = options.parse()?;
    let check = move |engine: &Engine| {
        let checked = engine.check_removals(&changes, &confirmed);
        checked.map_err(|error| ApiError::import(error.to_string(), Value::Null))
    };
    workspace.run(check).await
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
        let read = engine.read_catalog(reader, format, &options);
        put_in_force(engine, read, &confirmed, &|_, _| Ok(()))
    };
    workspace.run(import).await
}

/// Starts an import as a job, whose result is an [`Imported`]. Until its last step nothing is
/// changed. A file that is spent by one import is not imported again: the job is that of the first.
///
/// # Errors
/// 400 for wrong options; 429 where too many jobs wait.
pub fn start_import(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    started_by: Actor,
    file: impl Source,
    format: Format,
    options: &Options,
) -> Result<Job, ApiError> {
    let (options, confirmed) = options.parse()?;
    let handle = workspace.handle().clone();
    let new = NewJob {
        n_bytes: file.held_bytes(),
        once: file.once(),
        ..NewJob::new(workspace.id().clone(), JobKind::Import, started_by)
    };
    let import = move |control: &JobControl| {
        let engine = handle.blocking().engine()?;
        control.tell(0.0, "reads the file");
        let imported = {
            let reader = file.open().map_err(|error| import_error(error.into()))?;
            let read = engine.read_catalog(Cancellable { reader, control }, format, &options);
            put_in_force(&engine, read, &confirmed, &|n_done, n_items| {
                let doing =
                    format!("{} of {} items are written", grouped(n_done), grouped(n_items));
                control.tell(n_done as f64 / n_items.max(1) as f64, doing);
                if control.is_cancelled() { Err(Cancelled) } else { Ok(()) }
            })
        };
        let imported = imported.map_err(|error| control.check().err().unwrap_or(error))?;
        file.discard();
        Ok(JobOutcome::of(&imported))
    };
    app.jobs.start(new, import)
}

/// Reads until its job is cancelled.
pub(crate) struct Cancellable<'a, R> {
    pub(crate) reader: R,
    pub(crate) control: &'a dyn Progress,
}

impl<R: Read> Read for Cancellable<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        match self.control.is_cancelled() {
            true => Err(IoError::other(Cancelled)),
            false => self.reader.read(buffer),
        }
    }
}

/// Makes a file that was read the catalog of a workspace.
pub(crate) fn put_in_force(
    engine: &Engine,
    read: Result<(CatalogFile, ImportReport), ImportError>,
    confirmed: &ConfirmedRemovals,
    progress: &dyn Fn(u64, u64) -> Result<(), Cancelled>,
) -> Result<Imported, ApiError> {
    let (file, report) = read.map_err(import_error)?;
    let changes = engine
        .import_catalog(file, confirmed, progress)
        .map_err(|error| removal_error(error, json!(report)))?;
    Ok(Imported { report, changes, catalog_version: engine.counts().catalog_version })
}

fn removal_error(error: CatalogImportError, detail: Value) -> ApiError {
    match error {
        CatalogImportError::Submit(error) => error.into(),
        CatalogImportError::Withdraws { .. }
        | CatalogImportError::Drops { .. }
        | CatalogImportError::Catalog(_)
        | CatalogImportError::Cancelled(_)
        | CatalogImportError::GivenUp => ApiError::import(error.to_string(), detail),
    }
}

pub(crate) fn import_error(error: ImportError) -> ApiError {
    let message = error.to_string();
    match error {
        ImportError::Rows(report) => ApiError::import(message, json!(report)),
        _ => ApiError::import(message, Value::Null),
    }
}

/// The rows that a refused file is refused for, with their reasons; none where it is refused as a
/// whole.
pub fn refused_rows(error: &ApiError) -> Option<ImportReport> {
    ImportReport::deserialize(error.detail()?).ok()
}

/// The versions of a catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Versions {
    /// The number of the one in force, 0 before the first import.
    pub current: u32,
    /// The one in force, then those that can be activated again, the latest first. Each is all
    /// catalogs of products as they were.
    pub versions: Vec<CatalogVersion>,
    /// The catalogs of products with their items now, `items` first.
    pub catalogs: Vec<CatalogCount>,
}

impl Versions {
    fn new(engine: &Engine) -> Self {
        Self {
            current: engine.counts().catalog_version,
            versions: engine.catalog_versions(),
            catalogs: engine.catalog_counts().to_vec(),
        }
    }
}

/// What the removal of a catalog's items may remove.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Removal {
    /// How many items may be withdrawn.
    pub confirm: Option<String>,
    /// Properties in use that may go with them.
    pub drop: Vec<String>,
}

/// Withdraws all items of a catalog of products. The name stays until the settings leave it out.
///
/// # Errors
/// 404 where there is no such catalog; 422 if the removal is not confirmed.
pub async fn remove_items(
    workspace: &RequestedWorkspace,
    name: String,
    removal: Removal,
) -> Result<CatalogChanges, ApiError> {
    let options = Options { confirm: removal.confirm, drop: removal.drop, ..Options::default() };
    let (_, confirmed) = options.parse()?;
    let remove = move |engine: &Engine| {
        let counts = engine.catalog_counts();
        if !counts.iter().any(|count| count.name == name) {
            let names: Vec<&str> = counts.iter().map(|count| count.name.as_str()).collect();
            return Err(unknown_resource("catalog", &name, &names));
        }
        let removed = engine.remove_catalog_items(&name, &confirmed);
        removed.map_err(|error| unconfirmed(&name, error))
    };
    workspace.run(remove).await
}

/// The error of removing a catalog's items, which has no file.
fn unconfirmed(name: &str, error: CatalogImportError) -> ApiError {
    let what = match error {
        CatalogImportError::Withdraws { n_withdrawn, .. } => format!(
            "it would withdraw the {} of the catalog {name:?}, so nothing was removed: confirm the \
             number (confirm={n_withdrawn})",
            counted(n_withdrawn, "item", "items")
        ),
        CatalogImportError::Drops { uses } => {
            let (mut used, mut confirm) = (Vec::new(), Vec::new());
            for (property, users) in uses {
                used.push(format!("{property:?} by {}", users.join(" and ")));
                confirm.push(format!("drop={property}"));
            }
            format!(
                "properties go with the catalog {name:?} that are in use, so nothing was removed: \
                 {}: confirm that they go ({})",
                used.join("; "),
                confirm.join(", ")
            )
        }
        other => return removal_error(other, Value::Null),
    };
    ApiError::new(ErrorKind::NotConfirmed, what)
}

/// The version in force and those that can be activated again.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn versions(workspace: &RequestedWorkspace) -> Result<Versions, ApiError> {
    workspace.run(|engine: &Engine| Ok(Versions::new(engine))).await
}

/// Makes an earlier version the current one again.
///
/// # Errors
/// 404 if the version is not kept.
pub async fn activate(workspace: &RequestedWorkspace, version: u32) -> Result<Versions, ApiError> {
    let activate = move |engine: &Engine| {
        engine.activate_catalog(version)?;
        Ok(Versions::new(engine))
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
