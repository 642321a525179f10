//! A Parquet file, written group by group.

use std::io::Write;
use std::sync::Arc;

use domain::Timestamp;
use parquet::basic::{
    Compression, LogicalType, Repetition, TimeUnit, Type as PhysicalType, ZstdLevel,
};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
pub use parquet::errors::ParquetError;
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use serde_json::Value;

/// How the values of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParquetType {
    /// UTF-8; what is no text, as JSON.
    Text,
    /// JSON, also of texts.
    Json,
    /// A double.
    Number,
    /// A whole number of 64 bits.
    Int,
    /// True or false.
    Flag,
    /// Milliseconds since 1970, of ISO 8601 texts.
    Time,
}

/// A column of a file. Every value may be null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParquetColumn {
    /// The name, unlike all others.
    pub name: String,
    /// How its values are written.
    pub type_: ParquetType,
}

/// A file under way, compressed with zstd.
pub struct ParquetFile<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<ParquetColumn>,
}

impl<W: Write + Send> ParquetFile<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(to: W, columns: Vec<ParquetColumn>) -> Result<Self> {
        let fields = columns.iter().map(|column| field(column).map(Arc::new));
        let fields = fields.collect::<Result<_>>()?;
        let schema = Type::group_type_builder("message").with_fields(fields).build()?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("Tastemaker ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = SerializedFileWriter::new(to, Arc::new(schema), Arc::new(properties))?;
        Ok(Self { writer, columns })
    }

    /// Writes rows as a group. `values` gives those of a column, by its index, a row each. A value
    /// that its column does not take is written as null.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write_group<'v, I>(&mut self, values: impl Fn(usize) -> I) -> Result<()>
    where
        I: Iterator<Item = Option<&'v Value>>,
    {
        let mut group = self.writer.next_row_group()?;
        for n in 0..self.columns.len() {
            let mut column = group.next_column()?.expect("the schema has the same columns");
            write(column.untyped(), self.columns[n].type_, values(n))?;
            column.close()?;
        }
        group.close().map(drop)
    }

    /// How many bytes are written so far.
    pub fn n_bytes(&self) -> u64 {
        self.writer.bytes_written() as u64
    }

    /// Ends the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn close(self) -> Result<W> {
        self.writer.into_inner()
    }
}

fn field(column: &ParquetColumn) -> Result<Type> {
    let (physical, logical) = match column.type_ {
        ParquetType::Text => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        ParquetType::Json => (PhysicalType::BYTE_ARRAY, Some(LogicalType::Json)),
        ParquetType::Number => (PhysicalType::DOUBLE, None),
        ParquetType::Int => (PhysicalType::INT64, None),
        ParquetType::Flag => (PhysicalType::BOOLEAN, None),
        ParquetType::Time => {
            (PhysicalType::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS)))
        }
    };
    Type::primitive_type_builder(&column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
}

fn write<'v>(
    column: &mut ColumnWriter<'_>,
    type_: ParquetType,
    values: impl Iterator<Item = Option<&'v Value>>,
) -> Result<()> {
    let values = values.map(|value| value.filter(|value| !value.is_null()));
    match column {
        ColumnWriter::ByteArrayColumnWriter(column) => {
            let text = |value: &Value| match value {
                Value::String(text) if type_ != ParquetType::Json => ByteArray::from(text.as_str()),
                other => ByteArray::from(other.to_string().into_bytes()),
            };
            let (texts, is_there) = present(values.map(|value| value.map(text)));
            column.write_batch(&texts, Some(&is_there), None)?;
        }
        ColumnWriter::DoubleColumnWriter(column) => {
            let (numbers, is_there) = present(values.map(|value| value.and_then(Value::as_f64)));
            column.write_batch(&numbers, Some(&is_there), None)?;
        }
        ColumnWriter::BoolColumnWriter(column) => {
            let (flags, is_there) = present(values.map(|value| value.and_then(Value::as_bool)));
            column.write_batch(&flags, Some(&is_there), None)?;
        }
        ColumnWriter::Int64ColumnWriter(column) => {
            let read = if type_ == ParquetType::Int { Value::as_i64 } else { read_time };
            let (numbers, is_there) = present(values.map(|value| value.and_then(read)));
            column.write_batch(&numbers, Some(&is_there), None)?;
        }
        _ => unreachable!("no column of a file has another type"),
    }
    Ok(())
}

/// The values that are there, and for each row 1 where it has one and 0 where it has none.
fn present<T>(values: impl Iterator<Item = Option<T>>) -> (Vec<T>, Vec<i16>) {
    let mut is_there = Vec::new();
    let noted = values.inspect(|value| is_there.push(i16::from(value.is_some())));
    let there = noted.flatten().collect();
    (there, is_there)
}

/// The milliseconds since 1970 of an ISO 8601 text.
pub(crate) fn read_time(value: &Value) -> Option<i64> {
    value.as_str().and_then(Timestamp::parse).map(|Timestamp(ms)| ms)
}
