//! Catalog files, CSV and JSON lines.

use std::collections::{BTreeMap, BTreeSet};

use catalog::import::{COLUMNS_MAX, ITEM_BYTES_MAX, ImportError, ROW_ERRORS_SHOWN_MAX};
use catalog::{CatalogFile, Format, ImportOptions, ImportReport, read_file};
use domain::id::ID_BYTES_MAX;
use domain::{PropertyType, PropertyValue};
use serde_json::{Map, Value};

use crate::closeness::is_close;

/// Texts with a meaning in a catalog file.
pub const DICTIONARY: &[&str] = &[
    "item_id,",
    "itemId",
    "id,",
    "price",
    "\n",
    "\r\n",
    "\"",
    "\"\"",
    ",",
    "|",
    "a|b|c",
    "007",
    "-0",
    "1e308",
    "1e400",
    "9223372036854775808",
    "true",
    "false",
    "null",
    "2021-09-01",
    "2021-09-01T10:00:00Z",
    "\u{feff}",
    ";",
    "\t",
    "{\"item_id\":\"",
    "\"}\n",
    "[\"a\",\"b\"]",
    "[]",
    "{}",
    "\":",
    ",\"",
    "<item><g:id>",
    "</g:id>",
    "</item>",
    "<entry>",
    "&#65;",
    "<![CDATA[",
];

/// The first byte selects the format, whether invalid rows are skipped and bad cells are allowed,
/// and the type of a column `x`. The others are the file.
pub fn run(bytes: &[u8]) {
    let Some((choice, file)) = bytes.split_first() else { return };
    let format = match choice {
        _ if choice & 128 != 0 => Format::GoogleMerchant,
        _ if choice & 1 == 0 => Format::Csv,
        _ => Format::JsonLines,
    };
    let declared = PropertyType::ALL.get(usize::from(choice >> 2) % 16).copied();
    let options = ImportOptions {
        types: declared.map(|type_| ("x".to_owned(), type_)).into_iter().collect(),
        skip_invalid: choice & 2 != 0,
        allow_bad_cells: choice & 64 != 0,
        ..ImportOptions::default()
    };
    match read_file(file, format, &options) {
        Ok((read, report)) => {
            assert!(report.n_invalid == 0 || options.skip_invalid, "wrong rows passed");
            check_report(&report, options.allow_bad_cells);
            check_rows(&read, &report);
            check_reads_the_same(&read);
        }
        Err(ImportError::Rows(report)) => {
            let none_is_left = report.n_items == 0;
            assert!(
                report.n_invalid > 0 && (!options.skip_invalid || none_is_left),
                "refused for rows without a wrong one"
            );
            check_report(&report, options.allow_bad_cells);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check_report(report: &ImportReport, allows_bad_cells: bool) {
    let n_told: u64 = report.reasons.values().sum();
    assert_eq!(report.n_items + report.n_invalid, report.n_rows);
    assert!(n_told >= report.n_invalid && n_told >= report.n_bad_cells);
    assert!(!allows_bad_cells || n_told == report.n_invalid + report.n_bad_cells);
    assert_eq!(report.errors.len(), ROW_ERRORS_SHOWN_MAX.min(n_told as usize));
    assert!(
        report.errors.is_sorted_by_key(|error| error.row) && report.columns.len() <= COLUMNS_MAX
    );
}

fn check_rows(file: &CatalogFile, report: &ImportReport) {
    assert_eq!((file.rows.len() as u64, &file.columns), (report.n_items, &report.columns));
    let names: BTreeSet<&str> = file.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names.len(), file.columns.len(), "columns of one name");
    let ids: BTreeSet<&str> = file.rows.iter().map(|row| row.item_id.as_str()).collect();
    assert_eq!(ids.len(), file.rows.len(), "items of one id");
    for row in &file.rows {
        assert!(
            (1..=ID_BYTES_MAX).contains(&row.item_id.len()) && row.text_bytes() <= ITEM_BYTES_MAX
        );
        assert_eq!(row.values.len(), file.columns.len(), "values of item {:?}", row.item_id);
        for (column, value) in file.columns.iter().zip(&row.values) {
            if let Some(value) = value {
                assert_eq!(property_type(value), column.type_, "column {:?}", column.name);
            }
        }
    }
}

fn property_type(value: &PropertyValue) -> PropertyType {
    match value {
        PropertyValue::Int(_) => PropertyType::Int,
        PropertyValue::Double(double) => {
            assert!(double.is_finite(), "a number beyond all numbers");
            PropertyType::Double
        }
        PropertyValue::String(_) => PropertyType::String,
        PropertyValue::Boolean(_) => PropertyType::Boolean,
        PropertyValue::Timestamp(_) => PropertyType::Timestamp,
        PropertyValue::Set(_) => PropertyType::Set,
        PropertyValue::Image(_) => PropertyType::Image,
        PropertyValue::ImageList(_) => PropertyType::ImageList,
    }
}

/// The rows survive a round trip through JSON lines with declared types.
fn check_reads_the_same(file: &CatalogFile) {
    // A property with one of these names would be read as the item id.
    if file.columns.iter().any(|column| ["item_id", "itemId", "id"].contains(&column.name.as_str()))
    {
        return;
    }
    let mut text = String::new();
    for row in &file.rows {
        let mut object = Map::from_iter([("item_id".to_owned(), Value::from(row.item_id.clone()))]);
        for (column, value) in file.columns.iter().zip(&row.values) {
            let value = value.as_ref().map_or(Value::Null, PropertyValue::to_json);
            object.insert(column.name.clone(), value);
        }
        text += &Value::Object(object).to_string();
        text.push('\n');
    }
    let types: BTreeMap<_, _> =
        file.columns.iter().map(|column| (column.name.clone(), column.type_)).collect();
    let options = ImportOptions { types, ..ImportOptions::default() };
    match read_file(text.as_bytes(), Format::JsonLines, &options) {
        Ok((again, _)) => {
            // Columns come in the order of their names.
            for (before, after) in file.rows.iter().zip(&again.rows) {
                assert_eq!(before.item_id, after.item_id);
                for (n, column) in file.columns.iter().enumerate() {
                    let place = again.columns.iter().position(|other| other.name == column.name);
                    let after = place.and_then(|place| after.values[place].as_ref());
                    let before = before.values[n].as_ref();
                    let is_same = match (before, after) {
                        (
                            Some(PropertyValue::Double(before)),
                            Some(PropertyValue::Double(after)),
                        ) => is_close(*before, *after),
                        (before, after) => before == after,
                    };
                    assert!(is_same, "column {:?}: {before:?} became {after:?}", column.name);
                }
            }
        }
        Err(error) => panic!("accepted and then refused: {error:?}\n{text}"),
    }
}
