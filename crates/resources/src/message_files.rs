//! Files of messages, as jobs: CSV, JSON Lines and Parquet. Each row becomes a message of a source
//! and goes the way of all messages.

mod columns;
mod parquet;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::{Arrival, Envelope, Rejection, SourceControls, Timestamp, check_message, grouped};
use engine::installation::Actor;
use engine::{Engine, Entry, Outcome, SubmitError};
use fs_err::File;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use web::App;
use web::error::{ApiError, ErrorKind};
use web::jobs::{Job, JobControl, JobKind, JobOutcome, NewJob};
use web::workspaces::RequestedWorkspace;

use self::columns::Columns;
use crate::unknown_resource;

/// The rows whose messages are submitted at once, and the bytes of their texts beyond which no
/// further one joins.
const CHUNK_ROWS: u64 = 2_000;
const CHUNK_BYTES: usize = 2 * 1_024 * 1_024;
/// The most refused rows that a report has; all are counted.
const REFUSED_SHOWN_MAX: usize = 20;
/// The most unknown columns that a report names.
const UNKNOWN_COLUMNS_MAX: usize = 50;
/// How often a chunk is tried again while the journal takes nothing more, each time after a second.
const RETRIES_MAX: usize = 60;

/// The formats of files of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageFormat {
    /// A header and a row on each line, with commas, semicolons or tabs.
    Csv,
    /// A message on each line.
    Jsonl,
    /// Parquet, uncompressed or with Snappy or Zstandard.
    Parquet,
}

/// What the rows of a file mean.
#[derive(Debug, Clone, Deserialize, Serialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Options {
    /// The format of the file.
    #[param(inline)]
    pub format: MessageFormat,
    /// Columns by other names, each `MEMBER=COLUMN`: `properties.product_id=sku`.
    #[serde(default)]
    pub member: Vec<String>,
    /// Types of members, each `MEMBER=TYPE` with `text`, `number`, `boolean` or `json`.
    #[serde(default, rename = "type")]
    pub types: Vec<String>,
    /// What a member is where the row does not say, each `MEMBER=VALUE`: `type=track`.
    #[serde(default)]
    pub set: Vec<String>,
    /// Only checks the rows.
    #[serde(default)]
    pub dry_run: bool,
}

/// A file of messages.
#[derive(Debug, Clone)]
pub enum MessageFile {
    /// Its bytes.
    Memory(Bytes),
    /// Where it is.
    Path(PathBuf),
}

/// What became of the rows of a file.
#[derive(Debug, Clone, Default, Serialize, utoipa::ToSchema)]
pub struct MessageImport {
    /// The rows.
    pub n_rows: u64,
    /// Messages that were taken; of a dry run, those that would be.
    pub n_accepted: u64,
    /// How many of these a mapping failed on, or a limit was reached.
    pub n_applied_in_part: u64,
    /// Messages that had been taken before.
    pub n_duplicates: u64,
    /// Messages of suppressed people, which were not taken.
    pub n_suppressed: u64,
    /// Rows that are no messages.
    pub n_refused: u64,
    /// How many rows were refused for each reason.
    pub refused_by_reason: BTreeMap<String, u64>,
    /// The first refused rows, at most 20.
    pub first_refused: Vec<RefusedRow>,
    /// Columns that are no member of a message, at most 50: their values are ignored.
    pub unknown_columns: BTreeSet<String>,
}

/// A row that is no message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RefusedRow {
    /// The line of the file, of Parquet the row, from 1 on.
    pub line: u64,
    /// The code of the reason.
    pub reason: String,
    /// The reason in a sentence.
    pub detail: String,
}

impl MessageFile {
    fn open(&self) -> std::io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Self::Memory(bytes) => Box::new(bytes.as_ref()),
            Self::Path(path) => Box::new(File::open(path)?),
        })
    }

    /// The size, in bytes.
    fn n_bytes(&self) -> std::io::Result<u64> {
        match self {
            Self::Memory(bytes) => Ok(bytes.len() as u64),
            Self::Path(path) => Ok(fs_err::metadata(path)?.len()),
        }
    }
}

/// Starts the import of a file as a job, whose result is a [`MessageImport`]. A job that is
/// cancelled keeps what was taken; the same file again adds the rest.
///
/// # Errors
/// 400 for wrong options; 404 for an unknown source; 403 for one that is off; 429 where too many
/// jobs wait.
pub fn start(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    started_by: Actor,
    source: String,
    file: Bytes,
    options: &Options,
) -> Result<Job, ApiError> {
    let import = Import::new(&workspace.config()?.sources, source, options)?;
    let (handle, received_at) = (workspace.handle().clone(), app.access.now());
    let new = NewJob {
        n_bytes: file.len(),
        ..NewJob::new(workspace.id().clone(), JobKind::Messages, started_by)
    };
    let work = move |control: &JobControl| {
        control.tell(0.0, "reads the file");
        let mut submit = |entries: Vec<Entry>| {
            // Looked up each time: the workspace may be closed and opened again meanwhile.
            submit_patiently(&*handle.blocking().engine()?, entries, &|| control.check())
        };
        let mut progress = |share: f64, report: &MessageImport| {
            let doing = format!(
                "{} rows, {} of them refused",
                grouped(report.n_rows),
                grouped(report.n_refused)
            );
            control.tell(share, doing);
            control.check()
        };
        let file = MessageFile::Memory(file);
        let imported = import.run(&file, received_at, &mut submit, &mut progress)?;
        Ok(JobOutcome::of(&imported))
    };
    app.jobs.start(new, work)
}

/// Submits entries, and waits as long as too many of others wait for the journal.
///
/// # Errors
/// If the journal does not take them, and those of `check`, which is asked each second.
pub fn submit_patiently(
    engine: &Engine,
    entries: Vec<Entry>,
    check: &dyn Fn() -> Result<(), ApiError>,
) -> Result<Vec<Outcome>, ApiError> {
    for _ in 0..RETRIES_MAX {
        check()?;
        match engine.submit_blocking(entries.clone()) {
            Err(SubmitError::QueueFull { .. }) => std::thread::sleep(Duration::from_secs(1)),
            done => return Ok(done?),
        }
    }
    Ok(engine.submit_blocking(entries)?)
}

/// An import whose options are right.
pub struct Import {
    source: String,
    /// What the source allows.
    controls: SourceControls,
    format: MessageFormat,
    columns: Columns,
    is_dry_run: bool,
    /// Tells apart what the same file means with other options.
    meaning: String,
}

/// Takes entries, and gives an outcome for each.
type Submit<'a> = dyn FnMut(Vec<Entry>) -> Result<Vec<Outcome>, ApiError> + 'a;
/// Learns the share of the file that is done, and may end the import.
type Progress<'a> = dyn FnMut(f64, &MessageImport) -> Result<(), ApiError> + 'a;

impl Import {
    /// Checks the options, and that there is the source.
    ///
    /// # Errors
    /// 400 for wrong options; 404 for an unknown source; 403 for one that is off.
    pub fn new(
        sources: &[domain::Source],
        name: String,
        options: &Options,
    ) -> Result<Self, ApiError> {
        let Some(source) = sources.iter().find(|source| source.name == name) else {
            let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
            return Err(unknown_resource("source", &name, &names));
        };
        if !source.enabled {
            let message = format!("source {name:?} is switched off");
            return Err(ApiError::new(ErrorKind::SourceDisabled, message));
        }
        let meaning = json!([name, options.member, options.types, options.set]).to_string();
        Ok(Self {
            controls: SourceControls::new(source),
            source: name,
            format: options.format,
            columns: Columns::parse(options)?,
            is_dry_run: options.dry_run,
            meaning,
        })
    }

    /// Reads the file twice: for what the ids of its messages follow from, and row by row.
    ///
    /// # Errors
    /// 422, with the report so far, where the file cannot be read; those of `submit` and
    /// `progress`.
    pub fn run(
        &self,
        file: &MessageFile,
        received_at: Timestamp,
        submit: &mut Submit<'_>,
        progress: &mut Progress<'_>,
    ) -> Result<MessageImport, ApiError> {
        let content = self.hash(file).map_err(|error| unreadable(&error))?;
        let mut batch = Batch {
            import: self,
            received_at,
            content,
            entries: Vec::new(),
            n_bytes: 0,
            report: MessageImport::default(),
        };
        rows::each(file, self.format, &mut |row| {
            batch.add(row.line, row.cells);
            if batch.is_full() {
                batch.submit(submit)?;
                progress(row.share, &batch.report)?;
            }
            Ok(())
        })?;
        batch.submit(submit)?;
        Ok(batch.report)
    }

    fn hash(&self, file: &MessageFile) -> std::io::Result<Sha256> {
        let mut hash = Sha256::new_with_prefix(&self.meaning);
        let (mut reader, mut buffer) = (file.open()?, vec![0; 64 * 1_024]);
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(hash),
                n => hash.update(&buffer[..n]),
            }
        }
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> ApiError {
    ApiError::import(format!("the file cannot be read: {error}"), Value::Null)
}

/// Messages that are submitted together.
struct Batch<'a> {
    import: &'a Import,
    /// When the messages arrived: all of a file at once.
    received_at: Timestamp,
    /// The hash of the file and of what its rows mean.
    content: Sha256,
    entries: Vec<Entry>,
    n_bytes: usize,
    report: MessageImport,
}

impl Batch<'_> {
    /// Also after many rows that were refused: the job must see whether it is cancelled.
    fn is_full(&self) -> bool {
        self.n_bytes >= CHUNK_BYTES || self.report.n_rows.is_multiple_of(CHUNK_ROWS)
    }

    /// Adds a row, or reports why it is no message.
    fn add(&mut self, line: u64, cells: Result<Map<String, Value>, String>) {
        self.report.n_rows += 1;
        let columns = &self.import.columns;
        let message = cells.and_then(|cells| {
            let unknown = &mut self.report.unknown_columns;
            columns.message(cells, &mut |column| {
                if unknown.len() < UNKNOWN_COLUMNS_MAX {
                    unknown.insert(column.to_owned());
                }
            })
        });
        let checked = message.map_err(|detail| ("row_invalid", detail)).and_then(|mut message| {
            let row = self.report.n_rows;
            message.entry("messageId").or_insert_with(|| derive_id(&self.content, row).into());
            self.check(&message).map_err(|rejection| (rejection.reason.code(), rejection.detail))
        });
        match checked {
            Ok(entry) => self.entries.push(entry),
            Err((reason, detail)) => {
                let report = &mut self.report;
                report.n_refused += 1;
                *report.refused_by_reason.entry(reason.to_owned()).or_default() += 1;
                if report.first_refused.len() < REFUSED_SHOWN_MAX {
                    report.first_refused.push(RefusedRow {
                        line,
                        reason: reason.to_owned(),
                        detail,
                    });
                }
            }
        }
    }

    fn check(&mut self, message: &Map<String, Value>) -> Result<Entry, Box<Rejection>> {
        let text = json!(message).to_string();
        self.n_bytes += text.len();
        let arrival =
            Arrival { received_at: self.received_at, source: &self.import.source, peer_ip: None };
        let message = check_message(&text, None, &Envelope::default(), &arrival)?;
        Ok(Entry::Message(Box::new(self.import.controls.check(message, &text)?)))
    }

    fn submit(&mut self, submit: &mut Submit<'_>) -> Result<(), ApiError> {
        let entries = std::mem::take(&mut self.entries);
        self.n_bytes = 0;
        if self.import.is_dry_run || entries.is_empty() {
            self.report.n_accepted += entries.len() as u64;
            return Ok(());
        }
        for outcome in submit(entries)? {
            match outcome {
                Outcome::Duplicate => self.report.n_duplicates += 1,
                Outcome::Suppressed => self.report.n_suppressed += 1,
                Outcome::AppliedInPart => {
                    self.report.n_accepted += 1;
                    self.report.n_applied_in_part += 1;
                }
                _ => self.report.n_accepted += 1,
            }
        }
        Ok(())
    }
}

/// The id of the message of a row: the same for the same file, options and source.
fn derive_id(content: &Sha256, row: u64) -> String {
    let mut hash = content.clone();
    hash.update(row.to_be_bytes());
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("file-{hex}")
}
