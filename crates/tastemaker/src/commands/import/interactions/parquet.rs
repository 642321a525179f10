//! Parquet files of interactions, row by row.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use domain::Timestamp;
use fs_err as fs;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as PhysicalType};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;

use super::row::{COLUMNS, Wrong};

/// Owned texts of a row.
type OwnedTexts = [String; COLUMNS.len()];

/// The names of the columns.
pub(super) fn columns(path: &Path) -> Result<Vec<String>> {
    let reader = open(path)?;
    Ok(schema(&reader).get_fields().iter().map(|field| field.name().to_owned()).collect())
}

/// Hands over every row with its number, from 1 on.
pub(super) fn each_row(
    path: &Path,
    take: &mut dyn FnMut(u64, Result<OwnedTexts, Wrong>) -> Result<()>,
) -> Result<()> {
    let reader = open(path)?;
    let schema = schema(&reader);
    let known = schema.get_fields().iter().filter(|field| COLUMNS.contains(&field.name()));
    let known: Vec<Arc<Type>> = known.cloned().collect();
    let known_units: Vec<Units> = known.iter().map(|field| units(field)).collect::<Result<_>>()?;
    let places: Vec<usize> = known
        .iter()
        .map(|field| COLUMNS.iter().position(|column| *column == field.name()).unwrap_or_default())
        .collect();
    let projection = Type::group_type_builder(schema.name()).with_fields(known).build()?;
    for (n, row) in (1..).zip(reader.get_row_iter(Some(projection))?) {
        let row = row.with_context(|| format!("cannot read {}", path.display()))?;
        let mut texts = OwnedTexts::default();
        let mut wrong = None;
        for ((place, units), (_, field)) in
            places.iter().zip(&known_units).zip(row.get_column_iter())
        {
            match text(field, *units) {
                Ok(text) => texts[*place] = text,
                Err(shown) => {
                    let detail = format!("column {}: {shown}", COLUMNS[*place]);
                    wrong = Some(("value is neither a text, a number nor a time", detail));
                }
            }
        }
        take(n, wrong.map_or(Ok(texts), Err))?;
    }
    Ok(())
}

fn open(path: &Path) -> Result<SerializedFileReader<std::fs::File>> {
    let file = fs::File::open(path)?.into_parts().0;
    SerializedFileReader::new(file)
        .with_context(|| format!("{} is no Parquet file", path.display()))
}

fn schema(reader: &SerializedFileReader<std::fs::File>) -> &Type {
    reader.metadata().file_metadata().schema()
}

/// The unit of the whole numbers of a time column.
#[derive(Clone, Copy)]
enum Units {
    /// The text of each row.
    Numbers,
    /// Nanoseconds since 1970.
    Nanoseconds,
}

/// Whether a column can be read: one value a row, of a type that is a text, a number or a time.
fn units(field: &Type) -> Result<Units> {
    let is_readable = field.is_primitive() && {
        let converted = field.get_basic_info().converted_type();
        use ConvertedType as C;
        match field.get_physical_type() {
            PhysicalType::BYTE_ARRAY => matches!(converted, C::NONE | C::UTF8 | C::ENUM | C::JSON),
            PhysicalType::INT32 => matches!(
                converted,
                C::NONE
                    | C::INT_8
                    | C::INT_16
                    | C::INT_32
                    | C::UINT_8
                    | C::UINT_16
                    | C::UINT_32
                    | C::DATE
            ),
            PhysicalType::INT64 => matches!(
                converted,
                C::NONE | C::INT_64 | C::UINT_64 | C::TIMESTAMP_MILLIS | C::TIMESTAMP_MICROS
            ),
            PhysicalType::FLOAT | PhysicalType::DOUBLE => converted == C::NONE,
            PhysicalType::INT96 => true,
            PhysicalType::BOOLEAN | PhysicalType::FIXED_LEN_BYTE_ARRAY => false,
        }
    };
    if !is_readable {
        bail!("column {} holds neither texts, numbers nor times", field.name());
    }
    Ok(match field.get_basic_info().logical_type_ref() {
        Some(LogicalType::Timestamp(time)) if matches!(time.unit, TimeUnit::NANOS) => {
            Units::Nanoseconds
        }
        _ => Units::Numbers,
    })
}

/// The value as a CSV file would have it.
fn text(field: &Field, units: Units) -> Result<String, String> {
    const NANOSECONDS_PER_MS: i64 = 1_000_000;
    const DAY_MS: i64 = 86_400_000;
    let time = |ms: i64| Timestamp(ms).to_string();
    Ok(match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::Bytes(bytes) => match std::str::from_utf8(bytes.data()) {
            Ok(text) => text.to_owned(),
            Err(_) => return Err("the text is not UTF-8".to_owned()),
        },
        Field::Long(number) => match units {
            Units::Numbers => number.to_string(),
            Units::Nanoseconds => time(number.div_euclid(NANOSECONDS_PER_MS)),
        },
        Field::Byte(number) => number.to_string(),
        Field::Short(number) => number.to_string(),
        Field::Int(number) => number.to_string(),
        Field::UByte(number) => number.to_string(),
        Field::UShort(number) => number.to_string(),
        Field::UInt(number) => number.to_string(),
        Field::ULong(number) => number.to_string(),
        Field::Float(number) => number.to_string(),
        Field::Double(number) => number.to_string(),
        Field::Date(days) => time(i64::from(*days) * DAY_MS),
        Field::TimestampMillis(ms) => time(*ms),
        Field::TimestampMicros(microseconds) => time(microseconds.div_euclid(1_000)),
        other => return Err(other.to_string()),
    })
}
