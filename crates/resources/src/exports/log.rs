//! Logs of profiles: what is new in the journal since the last run is appended, as files of a
//! folder or bucket, or as rows of a table. A run that is cut short leaves whole parts behind it,
//! and the next one goes on behind them.

use std::path::Path;
use std::time::Instant;

use connectors::{ParquetColumn, Tables};
use domain::{ExportFormat, Exportable, ScheduledExport, counted, grouped};
use engine::{
    Archive, ExportPlace, LogMove, ProfileChange, ProfileLog, ProfileUpdate, ProfileUpdates,
};
use serde_json::Value;
use web::error::ApiError;
use web::jobs::JobFile;

use super::file::ExportFile;
use super::rows::{self, Row, text_or_null};
use super::{EXPORT_TIME_MAX, new_file, unavailable};
use crate::progress::Progress;
use crate::scheduled_runs::{Done, FindEngine};

/// The rows of a part, to a step: a file, or a transaction.
const PART_ROWS: u64 = 1_000_000;
/// The bytes of a part, to a group of rows.
const PART_BYTES: u64 = 512 * 1_024 * 1_024;

/// Appends what is new up to the present end of the journal.
pub(super) fn append(
    find_engine: &FindEngine<'_>,
    folder: &Path,
    export: &ScheduledExport,
    control: &dyn Progress,
) -> Result<Done, ApiError> {
    let (place, until, start, columns) = {
        let engine = find_engine()?;
        let place = engine.export_place(&export.into).map_err(unavailable)?;
        let columns = rows::columns(&engine.snapshot(), export.what);
        (place, engine.applied(), engine.journal_start(), columns)
    };
    let place = match place {
        ExportPlace::Files(files) => LogPlace::Files(files),
        ExportPlace::Tables(tables) => LogPlace::Table {
            log: format!("{}/{}/{}", find_engine()?.id(), export.name, export.what.word()),
            tables,
        },
    };
    let mut position = place.position(find_engine, export)?;
    let first = position.unwrap_or(0);
    if first > until {
        return Err(unavailable(format!(
            "the log was written up to entry {first}, and the journal ends at {until}: it is the log of \
             another copy of the workspace. Export under another name"
        )));
    }
    let (began, mut n_rows, mut n_parts) = (Instant::now(), 0, 0_u64);
    while position.unwrap_or(0) < until {
        let from = position.unwrap_or(0);
        let mut part = Part::create(folder, place.format(export), &columns, from)?;
        while part.next < until && !part.is_full() {
            control.check()?;
            check_time(began, part.next)?;
            let share = (part.next - first) as f64 / (until - first) as f64;
            let n_written = n_rows + part.output.n_rows();
            control.tell(share, format!("{} rows are written", grouped(n_written)));
            let engine = find_engine()?;
            part.add(engine.profile_updates(kind(export.what), first, part.next, until)?)?;
        }
        let next = part.next;
        let written = part.put(&place, export, &columns, position)?;
        find_engine()?.record_export_position(export, next)?;
        (position, n_rows, n_parts) = (Some(next), n_rows + written, n_parts + 1);
    }
    let mut outcome = format!("{}, up to entry {until}", place.describe(export));
    if n_parts > 1 {
        outcome += &format!(", in {}", counted(n_parts, "part", "parts"));
    }
    if start > first {
        outcome += &format!(", without the entries before {start}, which were cut");
    }
    Ok(Done { outcome, n_rows, n_skipped: 0 })
}

fn check_time(began: Instant, next: u64) -> Result<(), ApiError> {
    if began.elapsed() <= EXPORT_TIME_MAX {
        return Ok(());
    }
    let minutes = EXPORT_TIME_MAX.as_secs() / 60;
    Err(unavailable(format!(
        "it was ended after {minutes} minutes, before entry {next}; the next run goes on behind the \
         last part that is whole"
    )))
}

fn kind(what: Exportable) -> ProfileLog {
    match what {
        Exportable::IdentifierUpdates => ProfileLog::Identifiers,
        Exportable::MergeUpdates => ProfileLog::Merges,
        _ => ProfileLog::Traits,
    }
}

/// Where a log is written.
enum LogPlace {
    /// As files that are named by their first entry: a part that is written again after a crash
    /// takes the place of the earlier one.
    Files(Archive),
    /// As rows of a table, in one transaction with the position of the log.
    Table { tables: Box<Tables>, log: String },
}

impl LogPlace {
    fn format(&self, export: &ScheduledExport) -> ExportFormat {
        match self {
            Self::Files(_) => export.format,
            Self::Table { .. } => ExportFormat::Jsonl,
        }
    }

    /// Up to where the log is written; none before its first part.
    fn position(
        &self,
        find_engine: &FindEngine<'_>,
        export: &ScheduledExport,
    ) -> Result<Option<u64>, ApiError> {
        match self {
            Self::Files(_) => Ok(find_engine()?.export_position(export)?),
            Self::Table { tables, log } => {
                let position = tables.position(&export.name, log);
                position.map_err(|error| unavailable(error.to_string()))
            }
        }
    }

    fn describe(&self, export: &ScheduledExport) -> String {
        match self {
            Self::Files(files) => files.describe(&export.name),
            Self::Table { tables, .. } => tables.describe(&export.name),
        }
    }
}

/// A part of a log, under way.
struct Part {
    file: JobFile,
    output: ExportFile,
    from: u64,
    /// The first entry that it has not read.
    next: u64,
}

impl Part {
    fn create(
        folder: &Path,
        format: ExportFormat,
        columns: &[ParquetColumn],
        from: u64,
    ) -> Result<Self, ApiError> {
        let file = new_file(folder, format)?;
        let output = ExportFile::create(&file.path, format, columns.to_vec())?;
        Ok(Self { file, output, from, next: from })
    }

    fn is_full(&self) -> bool {
        self.output.n_rows() >= PART_ROWS || self.output.n_bytes() >= PART_BYTES
    }

    fn add(&mut self, ProfileUpdates { updates, next }: ProfileUpdates) -> Result<(), ApiError> {
        for update in updates {
            self.output.write(row(update))?;
        }
        self.next = next;
        Ok(())
    }

    /// Puts the part where it goes; no file where it has no rows. Returns the number of rows.
    fn put(
        self,
        place: &LogPlace,
        export: &ScheduledExport,
        columns: &[ParquetColumn],
        position: Option<u64>,
    ) -> Result<u64, ApiError> {
        let (n_rows, _) = self.output.end()?;
        let put = match place {
            LogPlace::Files(_) if n_rows == 0 => Ok(()),
            LogPlace::Files(files) => {
                let (what, extension) = (export.what.word(), export.format.extension());
                let name = format!("{}/{what}-{:020}.{extension}", export.name, self.from);
                files.put(&name, &self.file.path)
            }
            LogPlace::Table { tables, log } => {
                let moved = LogMove { log, from: position, to: self.next };
                tables.append(&export.name, columns, &self.file.path, &moved)
            }
        };
        put.map_err(|error| unavailable(error.to_string()))?;
        Ok(n_rows)
    }
}

/// The row of a change, with the columns of its log.
fn row(update: ProfileUpdate) -> Row {
    let ProfileUpdate { offset, user, at, source, message_id, change } = update;
    let mut row: Row = vec![offset.into(), user.0.into()];
    match change {
        ProfileChange::IdentifierAdded(type_, value) => {
            row.extend(["added".into(), type_.word().into(), value.into()]);
        }
        ProfileChange::IdentifierRemoved(type_, value) => {
            row.extend(["removed".into(), type_.word().into(), value.into()]);
        }
        ProfileChange::TraitSet { name, value } => row.extend([name.into(), value]),
        ProfileChange::Merged { merged, id } => {
            let (type_, value) = id.unzip();
            let type_ = type_.map(|type_| type_.word().to_owned());
            row.extend([merged.0.into(), type_.into(), Value::from(value)]);
        }
    }
    row.extend([at.to_string().into(), text_or_null(source), text_or_null(message_id)]);
    row
}
