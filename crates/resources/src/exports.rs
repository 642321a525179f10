//! Files of what a workspace has, as jobs.

use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Interaction, InteractionKind, ItemIdx, UserIdx, grouped};
use engine::installation::Actor;
use engine::{Engine, ExternalIdType, QueryError, Snapshot};
use fs_err::{self as fs, File};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use web::App;
use web::access::Who;
use web::error::ApiError;
use web::jobs::{Job, JobControl, JobFile, JobKind, JobOutcome, NewJob, Once};
use web::workspaces::RequestedWorkspace;

use crate::results::harmless;

/// The largest file that is made, in bytes.
pub const EXPORT_BYTES_MAX: u64 = 4 * 1_024 * 1_024 * 1_024;
/// How long an export may take.
pub const EXPORT_TIME_MAX: Duration = Duration::from_secs(3_600);
/// How many items or people are read while one snapshot is held.
const ROWS_PER_STEP: usize = 256;

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exportable {
    /// Everybody with the ids and the traits.
    People,
    /// The items of the catalog in force.
    Items,
    /// The interactions of everybody.
    Interactions,
}

impl Exportable {
    /// The word for it in APIs and names of files.
    pub fn word(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Items => "items",
            Self::Interactions => "interactions",
        }
    }
}

/// The form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// An object on each line.
    Jsonl,
    /// For spreadsheets. A text that one would take for a formula has an apostrophe before it.
    Csv,
}

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
    let folder = app.installation.data.exports_folder();
    let Who { kind, name } = Who::from(&started_by);
    let by = name.as_deref().unwrap_or_default();
    let what = format!("export of {} as {:?} by {kind} {by}", new.what.word(), new.format);
    let job = NewJob {
        once: Some(Once::UnderWay(what)),
        ..NewJob::new(workspace.id().clone(), JobKind::Export, started_by)
    };
    let (extension, media_type) = match new.format {
        ExportFormat::Jsonl => ("jsonl", "application/x-ndjson"),
        ExportFormat::Csv => ("csv", "text/csv; charset=utf-8"),
    };
    let file = JobFile {
        path: folder.join(format!("{}.{extension}", job.id)),
        name: format!("{}-{}.{extension}", workspace.id(), new.what.word()),
        media_type,
    };
    let export = move |control: &JobControl| {
        // Made here: it removes what is there when it goes, also after an error.
        fs::create_dir_all(&folder).map_err(unwritable)?;
        let mut output = Output::create(&file.path, new)?;
        output.write_all_rows(control, || Ok(handle.blocking().engine()?))?;
        let exported = output.end()?;
        Ok(JobOutcome { file: Some(file), ..JobOutcome::of(&exported) })
    };
    app.jobs.start(job, export)
}

/// The file under way.
struct Output {
    new: NewExport,
    file: BufWriter<File>,
    columns: Vec<String>,
    began: Instant,
    n_rows: u64,
    n_bytes: u64,
}

impl Output {
    fn create(path: &Path, new: NewExport) -> Result<Self, ApiError> {
        let file = BufWriter::new(File::create_new(path).map_err(unwritable)?);
        let began = Instant::now();
        Ok(Self { new, file, columns: Vec::new(), began, n_rows: 0, n_bytes: 0 })
    }

    /// The engine is looked up for each step: nobody waits for an export to close a workspace.
    fn write_all_rows(
        &mut self,
        control: &JobControl,
        engine: impl Fn() -> Result<Arc<Engine>, ApiError>,
    ) -> Result<(), ApiError> {
        let n_all = {
            let engine = engine()?;
            let views = engine.snapshot();
            self.columns = columns(&views, self.new.what);
            match self.new.what {
                Exportable::Items => views.catalog.n_items(),
                Exportable::People | Exportable::Interactions => views.profiles.ids().n_users(),
            }
        };
        if self.new.format == ExportFormat::Csv {
            let head = self.columns.iter().map(|name| harmless(name)).collect();
            self.write(&csv_line(head)?)?;
        }
        for from in (0..n_all).step_by(ROWS_PER_STEP) {
            control.check()?;
            let doing = format!("{} {} are written", grouped(self.n_rows), self.new.what.word());
            control.tell(from as f64 / n_all as f64, doing);
            let step = from as u32..(from + ROWS_PER_STEP).min(n_all) as u32;
            let rows = {
                let engine = engine()?;
                let views = engine.snapshot();
                self.read(&views, step)?
            };
            for row in rows {
                self.write_row(row)?;
            }
            if self.began.elapsed() > EXPORT_TIME_MAX {
                let minutes = EXPORT_TIME_MAX.as_secs() / 60;
                let message = format!("the export was ended after {minutes} minutes");
                return Err(ApiError::unavailable(message));
            }
        }
        Ok(())
    }

    fn read(&self, views: &Snapshot<'_>, step: Range<u32>) -> Result<Vec<Vec<Value>>, ApiError> {
        let users = || step.clone().map(UserIdx);
        let users = || users().filter(|user| views.profiles.ids().is_alive(*user));
        match self.new.what {
            Exportable::Items => {
                let items = step.clone().map(ItemIdx);
                let items = items.filter(|item| views.catalog.is_available(*item));
                Ok(items.map(|item| self.item(views, item)).collect())
            }
            Exportable::People => users().map(|user| person(views, user)).collect(),
            Exportable::Interactions => {
                let mut rows = Vec::new();
                for user in users() {
                    add_interactions(views, user, &mut rows)?;
                }
                Ok(rows)
            }
        }
    }

    fn item(&self, views: &Snapshot<'_>, item: ItemIdx) -> Vec<Value> {
        let mut values: Map<String, Value> = views
            .catalog
            .table()
            .values(item.0)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_json()))
            .collect();
        let id = Value::from(views.catalog.item_id(item));
        let values =
            self.columns[1..].iter().map(|name| values.remove(name).unwrap_or(Value::Null));
        std::iter::once(id).chain(values).collect()
    }

    fn write_row(&mut self, row: Vec<Value>) -> Result<(), ApiError> {
        self.n_rows += 1;
        let line = match self.new.format {
            ExportFormat::Jsonl => {
                let values = self.columns.iter().cloned().zip(row);
                let object: Map<String, Value> =
                    values.filter(|(_, value)| !value.is_null()).collect();
                format!("{}\n", Value::Object(object)).into_bytes()
            }
            ExportFormat::Csv => csv_line(row.into_iter().map(cell).collect())?,
        };
        self.write(&line)
    }

    fn write(&mut self, line: &[u8]) -> Result<(), ApiError> {
        self.n_bytes += line.len() as u64;
        if self.n_bytes > EXPORT_BYTES_MAX {
            let message = format!("the file would have over {} bytes", grouped(EXPORT_BYTES_MAX));
            return Err(ApiError::invalid(message));
        }
        self.file.write_all(line).map_err(unwritable)
    }

    fn end(mut self) -> Result<Exported, ApiError> {
        self.file.flush().map_err(unwritable)?;
        let Self { new: NewExport { what, format }, n_rows, n_bytes, .. } = self;
        Ok(Exported { what, format, n_rows, n_bytes })
    }
}

fn columns(views: &Snapshot<'_>, what: Exportable) -> Vec<String> {
    let fixed: &[&str] = match what {
        Exportable::Items => &["item_id"],
        Exportable::People => &["user_ids", "anonymous_ids", "traits"],
        Exportable::Interactions => &[
            "user_id",
            "anonymous_id",
            "item_id",
            "kind",
            "timestamp",
            "value",
            "amount",
            "price",
            "profit",
            "recomm_id",
        ],
    };
    let fixed = fixed.iter().map(|name| (*name).to_owned());
    match what {
        Exportable::Items => {
            let properties = views.catalog.table().properties();
            fixed.chain(properties.map(|property| property.name.clone())).collect()
        }
        Exportable::People | Exportable::Interactions => fixed.collect(),
    }
}

fn person(views: &Snapshot<'_>, user: UserIdx) -> Result<Vec<Value>, ApiError> {
    let identifiers = views.identifiers(user)?;
    let ids = |type_: ExternalIdType| -> Value {
        let own = identifiers.iter().filter(|id| id.type_ == type_);
        own.map(|id| id.value.clone()).collect()
    };
    let traits = views.stored_traits(user)?.into_iter();
    let traits = traits.map(|(key, stored)| {
        // It was checked when it was set.
        let value = serde_json::from_str(&stored.json).unwrap_or(Value::Null);
        (key, value)
    });
    let traits: Map<String, Value> = traits.collect();
    Ok(vec![ids(ExternalIdType::UserId), ids(ExternalIdType::AnonymousId), traits.into()])
}

/// Those of a person, by the first id.
fn add_interactions(
    views: &Snapshot<'_>,
    user: UserIdx,
    rows: &mut Vec<Vec<Value>>,
) -> Result<(), ApiError> {
    let mut name = None;
    for kind in InteractionKind::ALL {
        let stored = views.interactions.by_user(views.store(), user, kind);
        for stored in stored.map_err(QueryError::from)? {
            if name.is_none() {
                name = views.find_user_name(user)?;
            }
            let Some((type_, id)) = &name else { return Ok(()) };
            let item_id = views.catalog.item_id(stored.item).to_owned();
            let interaction = stored.into_interaction(id, &item_id);
            let Interaction { timestamp, value, amount, price, profit, recomm_id, .. } =
                interaction;
            let id_if = |wanted| (*type_ == wanted).then(|| id.clone());
            rows.push(vec![
                Value::from(id_if(ExternalIdType::UserId)),
                Value::from(id_if(ExternalIdType::AnonymousId)),
                Value::from(item_id),
                Value::from(kind.word()),
                Value::from(timestamp.map(|at| at.to_string())),
                Value::from(value),
                Value::from(amount),
                Value::from(price),
                Value::from(profit),
                Value::from(recomm_id),
            ]);
        }
    }
    Ok(())
}

fn cell(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => harmless(&text),
        // As sets are written in files of items.
        Value::Array(members) => {
            let text = |member: Value| match member {
                Value::String(text) => text,
                other => other.to_string(),
            };
            harmless(&members.into_iter().map(text).collect::<Vec<_>>().join("|"))
        }
        other => other.to_string(),
    }
}

fn csv_line(cells: Vec<String>) -> Result<Vec<u8>, ApiError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| {
        tracing::error!(%error, "a row could not be written as CSV");
        ApiError::internal()
    };
    writer.write_record(cells).map_err(failed)?;
    writer.into_inner().map_err(|_| ApiError::internal())
}

fn unwritable(error: std::io::Error) -> ApiError {
    ApiError::unavailable(format!("the file cannot be written: {error}"))
}
