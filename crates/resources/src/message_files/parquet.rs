//! The rows of Parquet files.

use ::parquet::basic::{LogicalType, TimeUnit};
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::{Field, Row as ParquetRow};
use ::parquet::schema::types::Type;
use domain::Timestamp;
use serde_json::{Map, Value};
use web::error::ApiError;

use super::rows::{Row, Take};
use super::{MessageFile, unreadable};

const DAY_MS: i64 = 86_400_000;
const NANOSECONDS_PER_MS: i64 = 1_000_000;

/// Hands over each row of a file.
pub(super) fn each(file: &MessageFile, take: &mut Take<'_>) -> Result<(), ApiError> {
    let reader = open(file).map_err(|error| unreadable(&error))?;
    let metadata = reader.metadata().file_metadata();
    let n_rows = metadata.num_rows().max(1) as f64;
    let nanoseconds: Vec<bool> =
        metadata.schema().get_fields().iter().map(|f| is_in_ns(f)).collect();
    let rows = reader.get_row_iter(None).map_err(|error| unreadable(&error))?;
    for (line, row) in (1..).zip(rows) {
        let row = row.map_err(|error| unreadable(&error))?;
        take(Row { line, share: line as f64 / n_rows, cells: read_cells(&row, &nanoseconds) })?;
    }
    Ok(())
}

fn open(file: &MessageFile) -> Result<Box<dyn FileReader>, ParquetError> {
    Ok(match file {
        MessageFile::Memory(bytes) => Box::new(SerializedFileReader::new(bytes.clone())?),
        MessageFile::Path(path) => {
            Box::new(SerializedFileReader::new(fs_err::File::open(path)?.into_parts().0)?)
        }
    })
}

/// Whether a column has times in nanoseconds, which its values are not known by.
fn is_in_ns(field: &Type) -> bool {
    matches!(
        field.get_basic_info().logical_type_ref(),
        Some(LogicalType::Timestamp(time)) if matches!(time.unit, TimeUnit::NANOS)
    )
}

fn read_cells(row: &ParquetRow, nanoseconds: &[bool]) -> Result<Map<String, Value>, String> {
    let cells = row.get_column_iter().enumerate().map(|(n, (name, field))| {
        let value = match field {
            Field::Long(ns) if nanoseconds.get(n) == Some(&true) => {
                time(ns.div_euclid(NANOSECONDS_PER_MS))
            }
            field => read_value(field).map_err(|what| format!("{name} {what}"))?,
        };
        Ok((name.clone(), value))
    });
    cells.collect()
}

fn time(ms: i64) -> Value {
    Timestamp(ms).to_string().into()
}

/// A value as JSON has it; times as texts.
fn read_value(field: &Field) -> Result<Value, String> {
    Ok(match field {
        Field::Null => Value::Null,
        Field::Bool(value) => (*value).into(),
        Field::Byte(number) => (*number).into(),
        Field::Short(number) => (*number).into(),
        Field::Int(number) => (*number).into(),
        Field::Long(number) => (*number).into(),
        Field::UByte(number) => (*number).into(),
        Field::UShort(number) => (*number).into(),
        Field::UInt(number) => (*number).into(),
        Field::ULong(number) => (*number).into(),
        // As it is written in decimal: 0.1 and not 0.10000000149.
        Field::Float(number) => number.to_string().parse::<f64>().map_or(Value::Null, Value::from),
        Field::Double(number) => (*number).into(),
        Field::Str(text) => text.as_str().into(),
        Field::Bytes(bytes) => match std::str::from_utf8(bytes.data()) {
            Ok(text) => text.into(),
            Err(_) => return Err("is not UTF-8".to_owned()),
        },
        Field::Date(days) => time(i64::from(*days) * DAY_MS),
        Field::TimestampMillis(ms) => time(*ms),
        Field::TimestampMicros(microseconds) => time(microseconds.div_euclid(1_000)),
        Field::Group(row) => Value::Object(read_cells(row, &[])?),
        Field::ListInternal(list) => {
            let values: Result<Vec<Value>, String> =
                list.elements().iter().map(read_value).collect();
            values?.into()
        }
        Field::MapInternal(map) => {
            let read = |(key, value): &(Field, Field)| {
                let key = match key {
                    Field::Str(key) => key.clone(),
                    key => key.to_string(),
                };
                Ok((key, read_value(value)?))
            };
            let members: Result<Map<String, Value>, String> =
                map.entries().iter().map(read).collect();
            members?.into()
        }
        other => other.to_string().into(),
    })
}
