//! A file of interactions: CSV with any usual delimiter, JSON Lines, or Parquet, by the ending of
//! its name.

use std::borrow::Cow;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use catalog::import::{delimiter, header};
use domain::{Interaction, Timestamp};
use fs_err as fs;
use serde_json::{Map, Value};

use super::parquet;
use super::row::{COLUMNS, Texts, Wrong, end_of_tomorrow, interaction};

/// The size of the read buffer, in bytes.
const BUFFER_BYTES: usize = 1 << 20;

/// A file whose columns are known.
pub(crate) struct InteractionFile {
    path: PathBuf,
    format: Format,
    /// Columns that are none of [`COLUMNS`]; of JSON Lines those of the first line.
    pub(super) unknown: Vec<String>,
    /// The first instant that is too late for a timestamp.
    end: Timestamp,
}

enum Format {
    Csv {
        delimiter: u8,
        /// Where each of [`COLUMNS`] is.
        places: [Option<usize>; COLUMNS.len()],
    },
    JsonLines,
    Parquet,
}

/// An invalid row: its line or number, the reason, and the detail.
pub(crate) type RowError = (u64, &'static str, String);

/// A consumer of rows, each with its number from 1 on, as an interaction or as an error.
type Take<'a> = dyn FnMut(u64, Result<Interaction, RowError>) -> Result<()> + 'a;

impl InteractionFile {
    /// Reads the columns of a file.
    ///
    /// # Errors
    /// If it is no regular file, cannot be read, or lacks a column that is needed.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        // From a pipe the first reading would take everything, and the others find nothing.
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            bail!(
                "{} is no regular file, and it is read more than once: write the interactions to a file first",
                path.display()
            );
        }
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let (format, names) = match ending.as_str() {
            "parquet" => (Format::Parquet, parquet::columns(path)?),
            "jsonl" | "ndjson" => (Format::JsonLines, json_columns(path)?),
            _ => csv_columns(path)?,
        };
        if let Some(missing) =
            COLUMNS[..2].iter().find(|column| !names.iter().any(|name| name == *column))
        {
            bail!("{} has no column {missing}; it has: {}", path.display(), names.join(", "));
        }
        let unknown = names.into_iter().filter(|name| !COLUMNS.contains(&name.as_str())).collect();
        Ok(Self { path: path.to_owned(), format, unknown, end: end_of_tomorrow(engine::now()) })
    }

    /// Passes every row to `take`, with its number from 1 on, as an interaction or as an error.
    pub(crate) fn each_row(
        &self,
        mut take: impl FnMut(u64, Result<Interaction, RowError>) -> Result<()>,
    ) -> Result<()> {
        match &self.format {
            Format::Csv { delimiter, places } => self.each_of_csv(*delimiter, places, &mut take),
            Format::JsonLines => self.each_of_json_lines(&mut take),
            Format::Parquet => parquet::each_row(&self.path, &mut |n, texts| {
                let row = texts
                    .and_then(|texts| interaction(&texts.each_ref().map(String::as_str), self.end));
                take(n, at(n, row))
            }),
        }
    }

    fn unreadable(&self) -> String {
        format!("cannot read {}", self.path.display())
    }

    fn each_of_csv(
        &self,
        delimiter: u8,
        places: &[Option<usize>; COLUMNS.len()],
        take: &mut Take<'_>,
    ) -> Result<()> {
        let file = BufReader::with_capacity(BUFFER_BYTES, fs::File::open(&self.path)?);
        let mut reader =
            csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(file);
        let mut record = csv::ByteRecord::new();
        let mut n = 0;
        while reader.read_byte_record(&mut record).with_context(|| self.unreadable())? {
            n += 1;
            let line = record.position().map_or(0, csv::Position::line);
            let row = csv_texts(places, &record).and_then(|texts| interaction(&texts, self.end));
            take(n, at(line, row))?;
        }
        Ok(())
    }

    fn each_of_json_lines(&self, take: &mut Take<'_>) -> Result<()> {
        let file = BufReader::with_capacity(BUFFER_BYTES, fs::File::open(&self.path)?);
        let mut n = 0;
        for (line, bytes) in (1..).zip(file.split(b'\n')) {
            let bytes = bytes.with_context(|| self.unreadable())?;
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            n += 1;
            let row = match serde_json::from_slice::<Map<String, Value>>(&bytes) {
                Ok(object) => json_texts(&object)
                    .and_then(|texts| interaction(&texts.each_ref().map(|text| &**text), self.end)),
                Err(error) => Err(("not a JSON object", error.to_string())),
            };
            take(n, at(line, row))?;
        }
        Ok(())
    }
}

/// The row with its place in the file, where it is wrong.
fn at(line: u64, row: Result<Interaction, Wrong>) -> Result<Interaction, RowError> {
    row.map_err(|(reason, detail)| (line, reason, detail))
}

fn csv_columns(path: &Path) -> Result<(Format, Vec<String>)> {
    let (delimiter, file) = delimiter::detect(fs::File::open(path)?)?;
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(file);
    let names = header::read_names(&mut reader)
        .map_err(|error| anyhow!("{}: {}", path.display(), header::describe_error(&error)))?;
    let places = COLUMNS.map(|column| names.iter().position(|name| name == column));
    Ok((Format::Csv { delimiter, places }, names))
}

fn csv_texts<'a>(
    places: &[Option<usize>; COLUMNS.len()],
    record: &'a csv::ByteRecord,
) -> Result<Texts<'a>, Wrong> {
    let mut texts = [""; COLUMNS.len()];
    for (n, text) in texts.iter_mut().enumerate() {
        let bytes = places[n].and_then(|place| record.get(place)).unwrap_or_default();
        *text = std::str::from_utf8(bytes)
            .map_err(|_| ("text is not UTF-8", format!("column {}", COLUMNS[n])))?;
    }
    Ok(texts)
}

/// The keys of the first line.
fn json_columns(path: &Path) -> Result<Vec<String>> {
    let mut first = String::new();
    let file = fs::File::open(path)?;
    BufReader::new(file.take(BUFFER_BYTES as u64)).read_line(&mut first)?;
    let object: Map<String, Value> = serde_json::from_str(&first)
        .with_context(|| format!("{}: line 1 is not a JSON object", path.display()))?;
    Ok(object.into_iter().map(|(name, _)| name).collect())
}

fn json_texts(object: &Map<String, Value>) -> Result<[Cow<'_, str>; COLUMNS.len()], Wrong> {
    let mut texts = [const { Cow::Borrowed("") }; COLUMNS.len()];
    for (text, column) in texts.iter_mut().zip(COLUMNS) {
        *text = match object.get(column) {
            None | Some(Value::Null) => continue,
            Some(Value::String(text)) => Cow::Borrowed(text.as_str()),
            Some(Value::Number(number)) => Cow::Owned(number.to_string()),
            Some(other) => {
                let shown: String = other.to_string().chars().take(80).collect();
                return Err((
                    "value is neither a text nor a number",
                    format!("column {column}: {shown}"),
                ));
            }
        };
    }
    Ok(texts)
}
