//! Reads files with one JSON object for each line.

use std::io::{BufRead, BufReader, Read};

use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

use super::{COLUMNS_MAX, ImportError, Raw, RawRow, RowError, RowKind, Table};

pub(super) fn read(reader: impl Read, kind: RowKind) -> Result<Table, ImportError> {
    let mut table = Table { columns: Vec::new(), rows: Vec::new(), n_rows: 0, errors: Vec::new() };
    let mut numbers: FxHashMap<String, usize> = FxHashMap::default();
    let mut reader = BufReader::new(reader);
    let (mut bytes, mut line) = (Vec::new(), 0);
    loop {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        line += 1;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        table.n_rows += 1;
        if table.rows.len() >= kind.rows_max() {
            return Err(kind.too_many_rows());
        }
        let mut object: Map<String, Value> = match serde_json::from_slice(&bytes) {
            Ok(object) => object,
            Err(error) => {
                table.errors.push(RowError {
                    row: line,
                    column: None,
                    reason: "not a JSON object".to_owned(),
                    detail: error.to_string(),
                });
                continue;
            }
        };
        let id = kind.id_columns().iter().find_map(|id| object.remove(*id));
        let item_id = match id {
            Some(Value::String(id)) => id,
            Some(Value::Number(id)) => id.to_string(),
            _ => String::new(),
        };
        let mut values: Vec<Raw> = table.columns.iter().map(|_| Raw::Absent).collect();
        for (name, value) in object {
            let n = *numbers.entry(name).or_insert_with_key(|name| {
                table.columns.push(name.clone());
                table.columns.len() - 1
            });
            if n >= COLUMNS_MAX {
                return Err(ImportError::TooLarge { what: "columns", limit: COLUMNS_MAX });
            }
            values.resize_with(values.len().max(n + 1), || Raw::Absent);
            if !value.is_null() {
                values[n] = Raw::Json(value);
            }
        }
        table.rows.push(RawRow { line, item_id, values });
    }
    // Rows before the first value of a column are shorter.
    for row in &mut table.rows {
        row.values.resize_with(table.columns.len(), || Raw::Absent);
    }
    Ok(table)
}
