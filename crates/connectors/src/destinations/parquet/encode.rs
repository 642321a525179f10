//! Rows as a Parquet file.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::Timestamp;
use parquet::basic::{
    Compression, LogicalType, Repetition, TimeUnit, Type as PhysicalType, ZstdLevel,
};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use serde_json::{Map, Value};

/// How a column of a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// UTF-8; what is no text, as JSON.
    Text,
    Number,
    Flag,
    /// Milliseconds since 1970.
    Time,
}

/// A file with the rows, compressed with zstd. Every column may be null.
///
/// # Errors
/// If the rows cannot be written, which no rows are known to be.
pub(super) fn encode(rows: &[&Map<String, Value>]) -> Result<Vec<u8>> {
    let names: BTreeSet<&String> = rows.iter().flat_map(|row| row.keys()).collect();
    let columns: Vec<(&str, Form)> =
        names.into_iter().map(|name| (name.as_str(), form_of(name, rows))).collect();
    let fields = columns.iter().map(|(name, form)| field(name, *form).map(Arc::new));
    let schema = Type::group_type_builder("message").with_fields(fields.collect::<Result<_>>()?);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(concat!("Tastemaker ", env!("CARGO_PKG_VERSION")).to_owned())
        .build();
    let mut file = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut file, Arc::new(schema.build()?), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (name, form) in columns {
        let values = rows.iter().map(|row| row.get(name).filter(|value| !value.is_null()));
        let mut column = group.next_column()?.expect("the schema has the same columns");
        write(column.untyped(), form, values)?;
        column.close()?;
    }
    group.close()?;
    writer.close()?;
    Ok(file)
}

/// The form in which all values of a column can be written.
fn form_of(name: &str, rows: &[&Map<String, Value>]) -> Form {
    let values = || rows.iter().filter_map(|row| row.get(name)).filter(|value| !value.is_null());
    let is_named_time = name == "timestamp" || name.ends_with("_at");
    if is_named_time && values().all(|value| read_time(value).is_some()) {
        return Form::Time;
    }
    match values().next() {
        Some(Value::Number(_)) if values().all(Value::is_number) => Form::Number,
        Some(Value::Bool(_)) if values().all(Value::is_boolean) => Form::Flag,
        _ => Form::Text,
    }
}

fn read_time(value: &Value) -> Option<i64> {
    value.as_str().and_then(Timestamp::parse).map(|Timestamp(ms)| ms)
}

fn field(name: &str, form: Form) -> Result<Type> {
    let (physical, logical) = match form {
        Form::Text => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        Form::Number => (PhysicalType::DOUBLE, None),
        Form::Flag => (PhysicalType::BOOLEAN, None),
        Form::Time => {
            let unit = TimeUnit::MILLIS;
            let logical = LogicalType::timestamp(true, unit);
            (PhysicalType::INT64, Some(logical))
        }
    };
    Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
}

fn write<'v>(
    column: &mut ColumnWriter<'_>,
    form: Form,
    values: impl Iterator<Item = Option<&'v Value>> + Clone,
) -> Result<()> {
    let is_there: Vec<i16> = values.clone().map(|value| i16::from(value.is_some())).collect();
    let values = values.flatten();
    match column {
        ColumnWriter::ByteArrayColumnWriter(column) => {
            let text = |value: &Value| match value {
                Value::String(text) => ByteArray::from(text.as_str()),
                other => ByteArray::from(other.to_string().into_bytes()),
            };
            let texts: Vec<ByteArray> = values.map(text).collect();
            column.write_batch(&texts, Some(&is_there), None)?;
        }
        ColumnWriter::DoubleColumnWriter(column) => {
            let numbers: Vec<f64> = values.filter_map(Value::as_f64).collect();
            column.write_batch(&numbers, Some(&is_there), None)?;
        }
        ColumnWriter::BoolColumnWriter(column) => {
            let flags: Vec<bool> = values.filter_map(Value::as_bool).collect();
            column.write_batch(&flags, Some(&is_there), None)?;
        }
        ColumnWriter::Int64ColumnWriter(column) => {
            let times: Vec<i64> = values.filter_map(read_time).collect();
            column.write_batch(&times, Some(&is_there), None)?;
        }
        _ => unreachable!("no column of a file has another type: {form:?}"),
    }
    Ok(())
}
