//! Rows as a Parquet file.

use std::collections::BTreeSet;

use parquet::errors::Result;
use serde_json::{Map, Value};

use crate::parquet_file::{ParquetColumn, ParquetFile, ParquetType, read_time};

/// A file with the rows, which has the columns of all of them.
///
/// # Errors
/// If the rows cannot be written, which no rows are known to be.
pub(super) fn encode(rows: &[&Map<String, Value>]) -> Result<Vec<u8>> {
    let names: BTreeSet<&String> = rows.iter().flat_map(|row| row.keys()).collect();
    let names: Vec<&String> = names.into_iter().collect();
    let column =
        |name: &&String| ParquetColumn { name: (*name).clone(), type_: type_of(name, rows) };
    let mut file = ParquetFile::create(Vec::new(), names.iter().map(column).collect())?;
    file.write_group(|n| {
        rows.iter().map({
            let name = names[n];
            move |row| row.get(name)
        })
    })?;
    file.close()
}

/// The type that all values of a column have.
fn type_of(name: &str, rows: &[&Map<String, Value>]) -> ParquetType {
    let values = || rows.iter().filter_map(|row| row.get(name)).filter(|value| !value.is_null());
    let is_named_time = name == "timestamp" || name.ends_with("_at");
    if is_named_time && values().all(|value| read_time(value).is_some()) {
        return ParquetType::Time;
    }
    match values().next() {
        Some(Value::Number(_)) if values().all(Value::is_number) => ParquetType::Number,
        Some(Value::Bool(_)) if values().all(Value::is_boolean) => ParquetType::Flag,
        _ => ParquetType::Text,
    }
}
