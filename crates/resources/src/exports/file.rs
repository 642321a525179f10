//! The file of an export, under way.

use std::io::{BufWriter, Write};
use std::path::Path;

use connectors::{ParquetColumn, ParquetFile};
use domain::{ExportFormat, grouped};
use fs_err::File;
use serde_json::{Map, Value};
use web::error::ApiError;

use super::{EXPORT_BYTES_MAX, unwritable};
use crate::results::harmless;

/// The rows of a group of a Parquet file, and the most bytes of their texts.
const GROUP_ROWS: usize = 20_000;
const GROUP_BYTES_MAX: usize = 16 * 1_024 * 1_024;

/// A file under way.
pub(super) struct ExportFile {
    form: Form,
    columns: Vec<ParquetColumn>,
    n_rows: u64,
    n_bytes: u64,
}

enum Form {
    JsonLines(BufWriter<File>),
    Csv(BufWriter<File>),
    Parquet(Box<ParquetFile<BufWriter<File>>>, Group),
}

/// Rows that are not written yet.
#[derive(Default)]
struct Group {
    rows: Vec<Vec<Value>>,
    n_bytes: usize,
}

impl ExportFile {
    pub(super) fn create(
        path: &Path,
        format: ExportFormat,
        columns: Vec<ParquetColumn>,
    ) -> Result<Self, ApiError> {
        let file = BufWriter::new(File::create_new(path).map_err(unwritable)?);
        let form = match format {
            ExportFormat::Jsonl => Form::JsonLines(file),
            ExportFormat::Csv => Form::Csv(file),
            ExportFormat::Parquet => {
                let file = ParquetFile::create(file, columns.clone()).map_err(unwritable)?;
                Form::Parquet(Box::new(file), Group::default())
            }
        };
        let mut created = Self { form, columns, n_rows: 0, n_bytes: 0 };
        if matches!(created.form, Form::Csv(_)) {
            let head = created.columns.iter().map(|column| harmless(&column.name)).collect();
            created.put(&csv_line(head)?)?;
        }
        Ok(created)
    }

    pub(super) fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// The bytes that are written, without those of rows that wait for their group.
    pub(super) fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Writes a row with a value for each column.
    pub(super) fn write(&mut self, row: Vec<Value>) -> Result<(), ApiError> {
        self.n_rows += 1;
        match &mut self.form {
            Form::JsonLines(_) => {
                let names = self.columns.iter().map(|column| column.name.clone());
                let values = names.zip(row).filter(|(_, value)| !value.is_null());
                let object: Map<String, Value> = values.collect();
                self.put(format!("{}\n", Value::Object(object)).as_bytes())
            }
            Form::Csv(_) => self.put(&csv_line(row.into_iter().map(cell).collect())?),
            Form::Parquet(file, group) => {
                group.n_bytes += row.iter().map(text_bytes).sum::<usize>();
                group.rows.push(row);
                if group.rows.len() < GROUP_ROWS && group.n_bytes < GROUP_BYTES_MAX {
                    return Ok(());
                }
                write_group(file, group)?;
                self.n_bytes = file.n_bytes();
                self.check_size()
            }
        }
    }

    fn put(&mut self, line: &[u8]) -> Result<(), ApiError> {
        self.n_bytes += line.len() as u64;
        self.check_size()?;
        match &mut self.form {
            Form::JsonLines(file) | Form::Csv(file) => file.write_all(line).map_err(unwritable),
            Form::Parquet(..) => unreachable!("it has no lines"),
        }
    }

    fn check_size(&self) -> Result<(), ApiError> {
        if self.n_bytes > EXPORT_BYTES_MAX {
            let message = format!("the file would have over {} bytes", grouped(EXPORT_BYTES_MAX));
            return Err(ApiError::invalid(message));
        }
        Ok(())
    }

    /// Ends the file, and returns the numbers of its rows and bytes.
    pub(super) fn end(self) -> Result<(u64, u64), ApiError> {
        let mut file = match self.form {
            Form::JsonLines(file) | Form::Csv(file) => file,
            Form::Parquet(mut file, mut group) => {
                write_group(&mut file, &mut group)?;
                file.close().map_err(unwritable)?
            }
        };
        file.flush().map_err(unwritable)?;
        let n_bytes = file.get_ref().metadata().map_err(unwritable)?.len();
        Ok((self.n_rows, n_bytes))
    }
}

fn write_group(file: &mut ParquetFile<BufWriter<File>>, group: &mut Group) -> Result<(), ApiError> {
    let Group { rows, .. } = std::mem::take(group);
    if rows.is_empty() {
        return Ok(());
    }
    file.write_group(|n| rows.iter().map(move |row| row.get(n))).map_err(unwritable)
}

/// About as many bytes as a value takes in memory.
fn text_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(members) => members.iter().map(text_bytes).sum(),
        Value::Object(object) => {
            object.iter().map(|(key, value)| key.len() + text_bytes(value)).sum()
        }
        _ => size_of::<Value>(),
    }
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
