//! Exports that are made again and again, into a folder, a bucket or a database.

use std::path::Path;
use std::sync::Arc;

use domain::{ExportFormat, ScheduledExport};
use engine::installation::Actor;
use engine::{ConfigChange, Engine, Expected, ExportPlace, Resource, Scheduled, ScheduledRun};
use serde::Serialize;
use web::App;
use web::error::ApiError;
use web::jobs::{Job, JobControl};
use web::workspaces::{RequestedWorkspace, WorkspaceHandle};

use super::rows::Selection;
use super::{log, new_file, unavailable, write_file};
use crate::configuration::{parse_named, put_resource, remove_resource};
use crate::progress::Progress;
use crate::scheduled_runs::{Done, FindEngine, ScheduledWork, run_recorded};
use crate::{Revised, unknown_resource};

/// A scheduled export with its last run.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ExportReport {
    /// The export.
    #[serde(flatten)]
    pub export: ScheduledExport,
    /// The last run that ended; none before the first one.
    pub last_run: Option<ScheduledRun>,
}

/// The scheduled exports of a workspace.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn list(workspace: &RequestedWorkspace) -> Result<Vec<ExportReport>, ApiError> {
    let list = |engine: &Engine| {
        let mut runs = engine.scheduled_runs(Scheduled::Exports)?;
        let exports = engine.config().exports.clone().into_iter();
        let report = |export: ScheduledExport| {
            let last_run = runs.remove(&export.name);
            ExportReport { export, last_run }
        };
        Ok(exports.map(report).collect())
    };
    workspace.run(list).await
}

/// A scheduled export.
///
/// # Errors
/// 404 where there is none of the name.
pub async fn read(
    workspace: &RequestedWorkspace,
    name: String,
) -> Result<Revised<ExportReport>, ApiError> {
    let read = move |engine: &Engine| {
        let (config, revisions) = engine.revised_config();
        let export = config.export(&name).cloned().ok_or_else(|| unknown(engine, &name))?;
        let last_run = engine.scheduled_runs(Scheduled::Exports)?.remove(&name);
        let revision = revisions.revision(&Resource::Export(name));
        Ok(Revised { value: ExportReport { export, last_run }, revision })
    };
    workspace.run(read).await
}

/// Reads a scheduled export from JSON, with or without its name, which must not be another one.
///
/// # Errors
/// If it is none.
pub fn parse(name: &str, body: &[u8]) -> Result<ScheduledExport, ApiError> {
    parse_named("export", "name", name, body, &["last_run"], |export: &ScheduledExport| {
        &export.name
    })
}

/// Makes or replaces a scheduled export. The answer has it as it is stored, and whether it is new.
///
/// # Errors
/// If it does not fit the workspace, or the revision is another than expected.
pub async fn put(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    export: ScheduledExport,
    expected: Expected,
) -> Result<(Revised<ScheduledExport>, bool), ApiError> {
    let change = ConfigChange::put_export(&export);
    put_resource(app, workspace, change, expected, |_| export).await
}

/// Removes a scheduled export. What it has made stays.
///
/// # Errors
/// 404 where there is none of the name.
pub async fn delete(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    expected: Expected,
) -> Result<(), ApiError> {
    remove_resource(app, workspace, ConfigChange::RemoveExport { name }, expected).await
}

/// Makes a scheduled export now, as a job whose result is a [`ScheduledRun`]. Where one is under
/// way, by a caller or by the server, it is that job.
///
/// # Errors
/// 404 where there is none of the name; 429 where too many jobs wait.
pub async fn start(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    started_by: Actor,
) -> Result<Job, ApiError> {
    let (app, handle) = (Arc::clone(app), workspace.handle().clone());
    let of_work = handle.clone();
    let start = move |engine: &Engine| {
        let config = engine.config();
        let export = config.export(&name).cloned().ok_or_else(|| unknown(engine, &name))?;
        let folder = app.installation.data.job_files_folder();
        let work = move |control: &JobControl| {
            make(&|| Ok(handle.blocking().engine()?), &folder, &export, control)
        };
        scheduled_work(name, of_work).start(&app, started_by, work)
    };
    workspace.run(start).await
}

/// Makes a scheduled export that is due, as a job that callers can cancel, on a thread of the
/// server. Nothing is done where a job of a caller makes it.
///
/// # Errors
/// If it is not known to be made. The record says so.
pub fn run_due(app: &Arc<App>, handle: &WorkspaceHandle, name: &str) -> Result<(), ApiError> {
    let Some(export) = handle.blocking().engine()?.config().export(name).cloned() else {
        return Ok(());
    };
    let folder = app.installation.data.job_files_folder();
    let work =
        |control: &JobControl| make(&|| Ok(handle.blocking().engine()?), &folder, &export, control);
    scheduled_work(name.to_owned(), handle.clone()).run_due(app, work)
}

/// Makes a scheduled export where no server runs, with its file in `folder` meanwhile, and records
/// the run.
///
/// # Errors
/// If there is none of the name, or it cannot be made. The record says so.
pub fn run_here(
    find_engine: &FindEngine<'_>,
    folder: &Path,
    name: &str,
    progress: &dyn Progress,
) -> Result<ScheduledRun, ApiError> {
    let engine = find_engine()?;
    let export = engine.config().export(name).cloned().ok_or_else(|| unknown(&engine, name))?;
    let work = || make(find_engine, folder, &export, progress);
    run_recorded(Scheduled::Exports, name, find_engine, progress, work)
}

fn scheduled_work(name: String, workspace: WorkspaceHandle) -> ScheduledWork {
    ScheduledWork { what: Scheduled::Exports, name, workspace }
}

/// Puts the rows of an export where they go. Returns their place and number.
fn make(
    find_engine: &FindEngine<'_>,
    folder: &Path,
    export: &ScheduledExport,
    control: &dyn Progress,
) -> Result<Done, ApiError> {
    match export.what.is_log() {
        true => log::append(find_engine, folder, export, control),
        false => make_table(find_engine, folder, export, control),
    }
}

/// Makes a file of all rows as they stand and puts it where it goes.
fn make_table(
    find_engine: &FindEngine<'_>,
    folder: &Path,
    export: &ScheduledExport,
    control: &dyn Progress,
) -> Result<Done, ApiError> {
    let started = find_engine()?;
    let (now, place) = (started.now(), started.export_place(&export.into).map_err(unavailable)?);
    drop(started);
    let format = match place {
        ExportPlace::Files(_) => export.format,
        ExportPlace::Tables(_) => ExportFormat::Jsonl,
    };
    let file = new_file(folder, format)?;
    let selection = Selection { what: export.what, only: export.only.as_deref() };
    let written = write_file(&file.path, selection, format, control, find_engine)?;
    control.tell(1.0, "is put where it goes".to_owned());
    let put = match place {
        ExportPlace::Files(files) => {
            let at = now.to_string().replace(':', "-");
            let name = format!("{}/{at}.{}", export.name, format.extension());
            files.put(&name, &file.path).map(|()| files.describe(&name))
        }
        ExportPlace::Tables(tables) => tables
            .replace(&export.name, &written.columns, &file.path)
            .map(|()| tables.describe(&export.name)),
    };
    let outcome = put.map_err(|error| unavailable(error.to_string()))?;
    Ok(Done { outcome, n_rows: written.n_rows, n_skipped: 0 })
}

fn unknown(engine: &Engine, name: &str) -> ApiError {
    let config = engine.config();
    let names: Vec<&str> = config.exports.iter().map(|export| export.name.as_str()).collect();
    unknown_resource("export", name, &names)
}
