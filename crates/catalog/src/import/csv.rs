//! Reads separated values: RFC 4180 with any of three delimiters.

use std::io::Read;

use super::{
    ImportError, Raw, RawRow, RowError, RowKind, Table, delimiter, find_id_column, header,
};

pub(super) fn read(reader: impl Read, kind: RowKind) -> Result<Table, ImportError> {
    let (delimiter, reader) = delimiter::detect(reader)?;
    let mut tail = LastByte { reader, last: 0 };
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(&mut tail);
    let names = header::read_names(&mut reader).map_err(whole_file)?;
    if let Some(name) =
        names.iter().enumerate().find_map(|(n, name)| names[..n].contains(name).then_some(name))
    {
        return Err(ImportError::Header(format!("two columns are named {name:?}")));
    }
    let id = find_id_column(&names, kind)?;
    let mut table =
        Table { columns: names.clone(), rows: Vec::new(), n_rows: 0, errors: Vec::new() };
    table.columns.remove(id);

    let (mut record, mut last) = (csv::ByteRecord::new(), csv::ByteRecord::new());
    while reader.read_byte_record(&mut record).map_err(whole_file)? {
        last.clone_from(&record);
        table.n_rows += 1;
        if table.rows.len() >= kind.rows_max() {
            return Err(kind.too_many_rows());
        }
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != names.len() {
            let detail = format!("{} fields, the header has {}", record.len(), names.len());
            table.errors.push(RowError {
                row: line,
                column: None,
                reason: "wrong number of fields".to_owned(),
                detail,
            });
            continue;
        }
        let mut fields = Vec::with_capacity(names.len());
        let mut wrong = None;
        for (name, field) in names.iter().zip(record.iter()) {
            match std::str::from_utf8(field) {
                Ok(text) => fields.push(text.to_owned()),
                Err(_) => wrong = Some(format!("column {name:?}")),
            }
        }
        if let Some(detail) = wrong {
            table.errors.push(RowError {
                row: line,
                column: None,
                reason: "text is not UTF-8".to_owned(),
                detail,
            });
            continue;
        }
        let item_id = fields.remove(id);
        let values = fields
            .into_iter()
            .map(|text| if text.is_empty() { Raw::Absent } else { Raw::Text(text) })
            .collect();
        table.rows.push(RawRow { line, item_id, values });
    }
    let line = last.position().map_or(0, csv::Position::line);
    let ends_in_lines = last.iter().next_back().is_some_and(|field| field.contains(&b'\n'));
    drop(reader);
    // The CSV reader accepts a quote that the end of the file closes, so this is detected by the
    // last byte.
    if ends_in_lines && tail.last != b'"' {
        return Err(ImportError::Header(format!("row {line}: a quote is opened and never closed")));
    }
    Ok(table)
}

/// Passes bytes through and keeps the last one that is not white space.
struct LastByte<R> {
    reader: R,
    last: u8,
}

impl<R: Read> Read for LastByte<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.reader.read(buffer)?;
        if let Some(last) = buffer[..n].iter().rev().find(|byte| !byte.is_ascii_whitespace()) {
            self.last = *last;
        }
        Ok(n)
    }
}

fn whole_file(error: csv::Error) -> ImportError {
    let text = header::describe_error(&error);
    match error.into_kind() {
        csv::ErrorKind::Io(error) => ImportError::Io(error),
        _ => ImportError::Header(text),
    }
}
