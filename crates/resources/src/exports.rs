//! Files of what a workspace has, as jobs.

mod file;
mod log;
mod rows;
pub mod scheduled;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use connectors::ParquetColumn;
use domain::{ExportFormat, Exportable, grouped, listed};
use engine::Engine;
use engine::installation::Actor;
use fs_err as fs;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use web::App;
use web::access::Who;
use web::error::ApiError;
use web::jobs::{Job, JobControl, JobFile, JobKind, JobOutcome, NewJob, Once};
use web::workspaces::RequestedWorkspace;

use self::file::ExportFile;
use self::rows::Selection;
use crate::progress::Progress;

/// The largest file that is made, in bytes.
pub const EXPORT_BYTES_MAX: u64 = 4 * 1_024 * 1_024 * 1_024;
/// How long an export may take.
pub const EXPORT_TIME_MAX: Duration = Duration::from_secs(3_600);
/// How many items or people are read while one snapshot is held.
const ROWS_PER_STEP: usize = 256;

/// An export that is asked for.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExport {
    /// What is exported. Logs are scheduled exports only.
    pub what: Exportable,
    /// The key of the one audience or trait whose rows are exported; all where it is not said.
    #[serde(default)]
    pub only: Option<String>,
    /// The form of the file.
    pub format: ExportFormat,
}

/// The result of an export.
#[derive(Debug, Clone, Serialize)]
pub struct Exported {
    /// What was exported.
    pub what: Exportable,
    /// The one audience or trait whose rows were exported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    /// The form of the file.
    pub format: ExportFormat,
    /// The number of items, people or interactions.
    pub n_rows: u64,
    /// The size of the file, in bytes.
    pub n_bytes: u64,
}

/// Starts an export as a job, whose result is an [`Exported`] and a file. What changes meanwhile
/// may be in it or not. Whoever asks again for what is still being made gets the job that makes it.
///
/// # Errors
/// If it is a log, or there is no such audience or trait; 429 where too many jobs wait.
pub fn start(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    started_by: Actor,
    new: NewExport,
) -> Result<Job, ApiError> {
    if new.what.is_log() {
        let words: Vec<&str> = Exportable::tables().map(Exportable::word).collect();
        let message = format!(
            "{} is a log, which a scheduled export appends to; a file can be made of {}",
            new.what.word(),
            listed(&words, "or")
        );
        return Err(ApiError::invalid(message).at("/what"));
    }
    if let Some(only) = &new.only {
        let checked = new.what.check_only(only, &*workspace.config()?);
        checked.map_err(|what| ApiError::invalid(what).at("/only"))?;
    }
    let handle = workspace.handle().clone();
    let folder = app.installation.data.job_files_folder();
    let Who { kind, name } = Who::from(&started_by);
    let by = name.as_deref().unwrap_or_default();
    let part = new.only.as_deref().map(|only| format!("-{only}")).unwrap_or_default();
    let what = format!("export of {}{part} as {:?} by {kind} {by}", new.what.word(), new.format);
    let job = NewJob {
        once: Some(Once::UnderWay(what)),
        ..NewJob::new(workspace.id().clone(), JobKind::Export, started_by)
    };
    let extension = new.format.extension();
    let file = JobFile {
        path: folder.join(format!("{}.{extension}", job.id)),
        name: format!("{}-{}{part}.{extension}", workspace.id(), new.what.word()),
        media_type: media_type(new.format),
    };
    let export = move |control: &JobControl| {
        // Made here: it removes what is there when it goes, also after an error.
        fs::create_dir_all(&folder).map_err(unwritable)?;
        let engine = || Ok(handle.blocking().engine()?);
        let NewExport { what, only, format } = new;
        let selection = Selection { what, only: only.as_deref() };
        let written = write_file(&file.path, selection, format, control, engine)?;
        let WrittenFile { n_rows, n_bytes, .. } = written;
        let exported = Exported { what, only, format, n_rows, n_bytes };
        Ok(JobOutcome { file: Some(file), ..JobOutcome::of(&exported) })
    };
    app.jobs.start(job, export)
}

fn media_type(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Jsonl => "application/x-ndjson",
        ExportFormat::Csv => "text/csv; charset=utf-8",
        ExportFormat::Parquet => "application/vnd.apache.parquet",
    }
}

/// A file that is written.
struct WrittenFile {
    columns: Vec<ParquetColumn>,
    n_rows: u64,
    n_bytes: u64,
}

/// Writes a file that is not there yet. The engine is looked up for each step: nobody waits for an
/// export to close a workspace.
fn write_file(
    path: &Path,
    selection: Selection<'_>,
    format: ExportFormat,
    control: &dyn Progress,
    engine: impl Fn() -> Result<Arc<Engine>, ApiError>,
) -> Result<WrittenFile, ApiError> {
    let (began, what) = (Instant::now(), selection.what);
    let columns = rows::columns(&engine()?.snapshot(), what);
    let mut output = ExportFile::create(path, format, columns.clone())?;
    let n_all = rows::n_all(&engine()?.snapshot(), what);
    for from in (0..n_all).step_by(ROWS_PER_STEP) {
        control.check()?;
        let doing = format!("{} {} are written", grouped(output.n_rows()), what.word());
        control.tell(from as f64 / n_all as f64, doing);
        let step = from as u32..(from + ROWS_PER_STEP).min(n_all) as u32;
        for row in rows::read(&*engine()?, selection, &columns, step)? {
            output.write(row)?;
        }
        if began.elapsed() > EXPORT_TIME_MAX {
            let minutes = EXPORT_TIME_MAX.as_secs() / 60;
            let message = format!("the export was ended after {minutes} minutes");
            return Err(ApiError::unavailable(message));
        }
    }
    let (n_rows, n_bytes) = output.end()?;
    Ok(WrittenFile { columns, n_rows, n_bytes })
}

fn unwritable(error: impl std::fmt::Display) -> ApiError {
    ApiError::unavailable(format!("the file cannot be written: {error}"))
}

/// A file that is not there yet, and that is removed when this goes.
fn new_file(folder: &Path, format: ExportFormat) -> Result<JobFile, ApiError> {
    fs::create_dir_all(folder).map_err(unwritable)?;
    Ok(JobFile {
        path: folder.join(format!("{}.{}", Uuid::new_v4(), format.extension())),
        name: String::new(),
        media_type: media_type(format),
    })
}

fn unavailable(what: String) -> ApiError {
    ApiError::unavailable(format!("export: {what}"))
}
