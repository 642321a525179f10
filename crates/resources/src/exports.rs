//! Files of what a workspace has, as jobs.

mod file;
mod rows;
pub mod scheduled;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use connectors::ParquetColumn;
use domain::{ExportFormat, Exportable, grouped};
use engine::Engine;
use engine::installation::Actor;
use fs_err as fs;
use serde::{Deserialize, Serialize};
use web::App;
use web::access::Who;
use web::error::ApiError;
use web::jobs::{Job, JobControl, JobFile, JobKind, JobOutcome, NewJob, Once};
use web::workspaces::RequestedWorkspace;

use self::file::ExportFile;
use crate::progress::Progress;

/// The largest file that is made, in bytes.
pub const EXPORT_BYTES_MAX: u64 = 4 * 1_024 * 1_024 * 1_024;
/// How long an export may take.
pub const EXPORT_TIME_MAX: Duration = Duration::from_secs(3_600);
/// How many items or people are read while one snapshot is held.
const ROWS_PER_STEP: usize = 256;

/// An export that is asked for.
#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExport {
    /// What is exported.
    pub what: Exportable,
    /// The form of the file.
    pub format: ExportFormat,
}

/// The result of an export.
#[derive(Debug, Clone, Serialize)]
pub struct Exported {
    /// What was exported.
    pub what: Exportable,
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
/// 429 where too many jobs wait.
pub fn start(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    started_by: Actor,
    new: NewExport,
) -> Result<Job, ApiError> {
    let handle = workspace.handle().clone();
    let folder = app.installation.data.job_files_folder();
    let Who { kind, name } = Who::from(&started_by);
    let by = name.as_deref().unwrap_or_default();
    let what = format!("export of {} as {:?} by {kind} {by}", new.what.word(), new.format);
    let job = NewJob {
        once: Some(Once::UnderWay(what)),
        ..NewJob::new(workspace.id().clone(), JobKind::Export, started_by)
    };
    let extension = new.format.extension();
    let file = JobFile {
        path: folder.join(format!("{}.{extension}", job.id)),
        name: format!("{}-{}.{extension}", workspace.id(), new.what.word()),
        media_type: media_type(new.format),
    };
    let export = move |control: &JobControl| {
        // Made here: it removes what is there when it goes, also after an error.
        fs::create_dir_all(&folder).map_err(unwritable)?;
        let engine = || Ok(handle.blocking().engine()?);
        let NewExport { what, format } = new;
        let written = write_file(&file.path, what, format, control, engine)?;
        let WrittenFile { n_rows, n_bytes, .. } = written;
        let exported = Exported { what, format, n_rows, n_bytes };
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
    what: Exportable,
    format: ExportFormat,
    control: &dyn Progress,
    engine: impl Fn() -> Result<Arc<Engine>, ApiError>,
) -> Result<WrittenFile, ApiError> {
    let began = Instant::now();
    let columns = rows::columns(&engine()?.snapshot(), what);
    let mut output = ExportFile::create(path, format, columns.clone())?;
    let n_all = rows::n_all(&engine()?.snapshot(), what);
    for from in (0..n_all).step_by(ROWS_PER_STEP) {
        control.check()?;
        let doing = format!("{} {} are written", grouped(output.n_rows()), what.word());
        control.tell(from as f64 / n_all as f64, doing);
        let step = from as u32..(from + ROWS_PER_STEP).min(n_all) as u32;
        for row in rows::read(&*engine()?, what, &columns, step)? {
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
