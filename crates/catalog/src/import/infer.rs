//! Infers the types of columns and parses values.

use domain::{Column, PropertyType, PropertyValue, Timestamp};
use serde_json::Value;

use super::{ImportOptions, Raw, Table};

/// The least share of values with a `|` for a CSV column to hold sets.
const SET_SHARE_MIN: f64 = 0.05;
/// The least share of values of a type for a CSV column to have it; the others are bad cells.
const TYPE_SHARE_MIN: f64 = 0.9;

/// Each column with its declared type, else its type in the catalog, else the narrowest type that
/// fits its values.
pub(super) fn columns(table: &Table, options: &ImportOptions) -> Vec<Column> {
    let names = table.columns.iter().enumerate();
    names
        .map(|(n, name)| {
            let values = || table.rows.iter().map(move |row| &row.values[n]);
            let fixed = options.types.get(name).or_else(|| options.known.get(name));
            let type_ = fixed.copied().unwrap_or_else(|| infer(values));
            Column { name: name.clone(), type_ }
        })
        .collect()
}

/// Infers a type. Sets come first, since `1|2` is no number; any value is a text.
fn infer<'a, I: Iterator<Item = &'a Raw>>(values: impl Fn() -> I) -> PropertyType {
    let present = || values().filter(|value| !matches!(value, Raw::Absent));
    if present().next().is_none() {
        return PropertyType::String;
    }
    let is_set = |value: &Raw| match value {
        Raw::Text(text) => text.contains('|'),
        Raw::Json(value) => value.is_array(),
        Raw::Absent => false,
    };
    let n_sets = present().filter(|value| is_set(value)).count();
    let is_json = present().any(|value| matches!(value, Raw::Json(_)));
    // A single title with a bar does not turn titles into sets.
    if n_sets > 0 && (is_json || n_sets as f64 >= SET_SHARE_MIN * present().count() as f64) {
        return PropertyType::Set;
    }
    let narrow =
        [PropertyType::Int, PropertyType::Double, PropertyType::Boolean, PropertyType::Timestamp];
    narrow
        .into_iter()
        .find(|type_| present().all(|value| looks_like(value, *type_)))
        .unwrap_or_else(|| {
            if is_json { json_majority(present()) } else { csv_majority(&narrow, &present) }
        })
}

/// The type of nearly all values, else text. None of the others may parse as the type at all: a 007
/// among numbers turns the column into texts.
fn csv_majority<'a, I: Iterator<Item = &'a Raw>>(
    narrow: &[PropertyType],
    present: &impl Fn() -> I,
) -> PropertyType {
    let n_like = |type_: PropertyType| present().filter(|value| looks_like(value, type_)).count();
    // The first of those with the most values: whole numbers before numbers.
    let most = narrow.iter().rev().copied().max_by_key(|type_| n_like(*type_));
    let is_nearly_all = |type_: &PropertyType| {
        n_like(*type_) as f64 >= TYPE_SHARE_MIN * present().count() as f64
            && present().all(|value| looks_like(value, *type_) || typed(value, *type_).is_err())
    };
    most.filter(is_nearly_all).unwrap_or(PropertyType::String)
}

/// Whether a value has the canonical form of a type. Stricter than [`typed`]: 007 would change when
/// it is written again, so it is no number here.
fn looks_like(value: &Raw, type_: PropertyType) -> bool {
    match value {
        Raw::Absent => true,
        Raw::Text(text) => {
            let digits = text.trim_start_matches('-');
            let padded = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
            let starts_as_number =
                digits.starts_with(|first: char| first.is_ascii_digit() || first == '.');
            match type_ {
                PropertyType::Int => !padded && starts_as_number && text.parse::<i64>().is_ok(),
                PropertyType::Double => {
                    !padded && starts_as_number && text.parse::<f64>().is_ok_and(f64::is_finite)
                }
                PropertyType::Boolean => matches!(text.as_str(), "true" | "false"),
                PropertyType::Timestamp => {
                    let dated = text.len() >= 10
                        && text.as_bytes()[4] == b'-'
                        && text.as_bytes()[7] == b'-';
                    dated && Timestamp::parse(text).is_some()
                }
                PropertyType::String
                | PropertyType::Set
                | PropertyType::Image
                | PropertyType::ImageList => true,
            }
        }
        Raw::Json(value) => match type_ {
            PropertyType::Int => value.is_i64(),
            PropertyType::Double => value.is_number(),
            PropertyType::Boolean => value.is_boolean(),
            PropertyType::Timestamp => false,
            PropertyType::String
            | PropertyType::Set
            | PropertyType::Image
            | PropertyType::ImageList => true,
        },
    }
}

/// The most frequent type of mixed JSON values; the others are bad cells.
fn json_majority<'a>(values: impl Iterator<Item = &'a Raw>) -> PropertyType {
    let (mut n_double, mut n_boolean, mut n_other) = (0u64, 0u64, 0u64);
    for value in values {
        match value {
            Raw::Json(Value::Number(_)) => n_double += 1,
            Raw::Json(Value::Bool(_)) => n_boolean += 1,
            _ => n_other += 1,
        }
    }
    if n_other >= n_double.max(n_boolean) {
        PropertyType::String
    } else if n_double >= n_boolean {
        PropertyType::Double
    } else {
        PropertyType::Boolean
    }
}

/// Parses a value as a type. The error is an excerpt of the value for reports.
pub(super) fn typed(raw: &Raw, type_: PropertyType) -> Result<Option<PropertyValue>, String> {
    let typed = match raw {
        Raw::Absent => return Ok(None),
        Raw::Text(text) => match type_ {
            PropertyType::Int => text.trim().parse().ok().map(PropertyValue::Int),
            PropertyType::Double => {
                text.trim().parse().ok().filter(|n: &f64| n.is_finite()).map(PropertyValue::Double)
            }
            PropertyType::Boolean => boolean(text.trim()).map(PropertyValue::Boolean),
            PropertyType::Timestamp => Timestamp::parse(text).map(PropertyValue::Timestamp),
            PropertyType::String => Some(PropertyValue::String(text.clone())),
            PropertyType::Set => Some(PropertyValue::Set(parts(text))),
            PropertyType::Image => Some(PropertyValue::Image(text.clone())),
            PropertyType::ImageList => Some(PropertyValue::ImageList(parts(text))),
        },
        Raw::Json(value) => PropertyValue::from_json(type_, value).ok().flatten(),
    };
    typed.map(Some).ok_or_else(|| match raw {
        Raw::Text(text) => format!("{:?}", text.chars().take(80).collect::<String>()),
        Raw::Json(value) => value.to_string().chars().take(80).collect(),
        Raw::Absent => String::new(),
    })
}

/// The members of a set or list in CSV.
fn parts(text: &str) -> Vec<String> {
    text.split('|').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}
