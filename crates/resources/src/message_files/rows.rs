//! The rows of CSV and JSON Lines files.

use std::io::{BufRead, BufReader, Read};

use catalog::import::{delimiter, header};
use serde_json::{Map, Value};
use web::error::ApiError;

use super::{MessageFile, MessageFormat, parquet, unreadable};

/// The size of the read buffer, in bytes.
const BUFFER_BYTES: usize = 1 << 20;
/// The longest line of JSON Lines, in bytes.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// A row of a file.
pub(super) struct Row {
    /// The line, of Parquet the number of the row, from 1 on.
    pub(super) line: u64,
    /// The share of the file that was read up to here, from 0 to 1.
    pub(super) share: f64,
    /// The values by their columns, or what is wrong with the row.
    pub(super) cells: Result<Map<String, Value>, String>,
}

/// Takes rows, and may end the reading.
pub(super) type Take<'a> = dyn FnMut(Row) -> Result<(), ApiError> + 'a;

/// Hands over each row of a file.
pub(super) fn each(
    file: &MessageFile,
    format: MessageFormat,
    take: &mut Take<'_>,
) -> Result<(), ApiError> {
    match format {
        MessageFormat::Csv => each_of_csv(file, take),
        MessageFormat::Jsonl => each_of_json_lines(file, take),
        MessageFormat::Parquet => parquet::each(file, take),
    }
}

fn each_of_csv(file: &MessageFile, take: &mut Take<'_>) -> Result<(), ApiError> {
    let n_bytes = file.n_bytes().map_err(|error| unreadable(&error))?;
    let reader = BufReader::with_capacity(BUFFER_BYTES, file.open().map_err(|e| unreadable(&e))?);
    let (delimiter, reader) = delimiter::detect(reader).map_err(|error| unreadable(&error))?;
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(reader);
    let names = header::read_names(&mut reader)
        .map_err(|error| unreadable(&header::describe_error(&error)))?;
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(|error| unreadable(&error))? {
        let (line, byte) = record.position().map_or((0, 0), |at| (at.line(), at.byte()));
        let share = byte as f64 / n_bytes.max(1) as f64;
        take(Row { line, share, cells: read_cells(&names, &record) })?;
    }
    Ok(())
}

/// The cells that are not empty, as texts.
fn read_cells(names: &[String], record: &csv::ByteRecord) -> Result<Map<String, Value>, String> {
    if record.len() > names.len() {
        let (n_cells, n_names) = (record.len(), names.len());
        return Err(format!("the row has {n_cells} cells, the header has {n_names}"));
    }
    let mut cells = Map::new();
    for (name, bytes) in names.iter().zip(record).filter(|(_, bytes)| !bytes.is_empty()) {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| format!("{name} is not UTF-8: save the file as UTF-8"))?;
        cells.insert(name.clone(), text.into());
    }
    Ok(cells)
}

fn each_of_json_lines(file: &MessageFile, take: &mut Take<'_>) -> Result<(), ApiError> {
    let n_bytes = file.n_bytes().map_err(|error| unreadable(&error))?;
    let mut reader =
        BufReader::with_capacity(BUFFER_BYTES, file.open().map_err(|error| unreadable(&error))?);
    let (mut bytes, mut n_read) = (Vec::new(), 0);
    for line in 1.. {
        bytes.clear();
        let limited = reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes);
        let n = limited.map_err(|error| unreadable(&error))? as u64;
        if n == 0 {
            return Ok(());
        }
        if n == LINE_BYTES_MAX && bytes.last() != Some(&b'\n') {
            let why = format!("line {line} is longer than {LINE_BYTES_MAX} bytes");
            return Err(unreadable(&why));
        }
        n_read += n;
        if !bytes.trim_ascii().is_empty() {
            let cells = serde_json::from_slice::<Map<String, Value>>(&bytes);
            let cells = cells.map_err(|error| format!("the line is no JSON object: {error}"));
            take(Row { line, share: n_read as f64 / n_bytes.max(1) as f64, cells })?;
        }
    }
    Ok(())
}
