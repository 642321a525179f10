//! A catalog file becomes rows of typed values, or a report of what is wrong with it.

mod csv;
mod infer;
mod jsonl;

use std::collections::BTreeMap;
use std::io::Read;

use domain::id::ID_BYTES_MAX;
use domain::{Column, PropertyType};
use rustc_hash::FxHashSet;
use serde::Serialize;

use crate::ItemRow;

/// The most items of one catalog.
pub const ITEMS_MAX: usize = 5_000_000;
/// The most properties of one catalog.
pub const COLUMNS_MAX: usize = 1_000;
/// The most text of one item, in bytes.
pub const ITEM_BYTES_MAX: usize = 256 * 1_024;
/// The most wrong rows that a report shows; all are counted.
pub const ROW_ERRORS_SHOWN_MAX: usize = 100;
/// The columns that may hold the item's id.
const ID_COLUMNS: [&str; 3] = ["item_id", "itemId", "id"];

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma separated values with a header; sets are written `a|b|c`.
    Csv,
    /// One JSON object a line; sets are arrays of strings.
    JsonLines,
}

impl Format {
    /// By the ending of a file's name.
    pub fn of_name(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            _ => None,
        }
    }
}

/// What the caller says about the file.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// Types of columns; the others are inferred.
    pub types: BTreeMap<String, PropertyType>,
    /// Leaves wrong rows out instead of refusing the file.
    pub skip_invalid: bool,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogFile {
    /// The properties, in the order of the file.
    pub columns: Vec<Column>,
    /// The items, in the order of the file.
    pub rows: Vec<ItemRow>,
}

/// What became of the rows of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// Rows in the file, without a header.
    pub n_rows: u64,
    /// Rows that are good.
    pub n_items: u64,
    /// Rows that are wrong.
    pub n_invalid: u64,
    /// The properties with their types.
    pub columns: Vec<Column>,
    /// How many rows are wrong for which reason.
    pub reasons: BTreeMap<String, u64>,
    /// The first wrong rows.
    pub errors: Vec<RowError>,
}

/// One wrong row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowError {
    /// The line of the file that the row starts on, from 1 on.
    pub row: u64,
    /// What is wrong, counted in the report.
    pub reason: &'static str,
    /// The particulars: column and value.
    pub detail: String,
}

/// Why a whole file is refused.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("cannot read the file")]
    Io(#[from] std::io::Error),
    /// The header or the options do not fit.
    #[error("{0}")]
    Header(String),
    /// There are wrong rows.
    #[error("{} of {} rows are wrong: nothing was imported", .0.n_invalid, .0.n_rows)]
    Rows(Box<ImportReport>),
    /// The file is over a limit.
    #[error("the file has more than {limit} {what}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

/// Reads a catalog file whole and checks it.
pub fn read_file(
    reader: impl Read,
    format: Format,
    options: &ImportOptions,
) -> Result<(CatalogFile, ImportReport), ImportError> {
    let mut table = match format {
        Format::Csv => csv::read(reader)?,
        Format::JsonLines => jsonl::read(reader)?,
    };
    if table.columns.len() > COLUMNS_MAX {
        return Err(ImportError::TooLarge { what: "columns", limit: COLUMNS_MAX });
    }
    if let Some(name) = options.types.keys().find(|name| !table.columns.contains(name)) {
        let known = table.columns.join(", ");
        return Err(ImportError::Header(format!(
            "a type is declared for column {name:?}, the file has: {known}"
        )));
    }
    let columns = infer::columns(&table, &options.types);
    let mut report = ImportReport { n_rows: table.n_rows, columns: columns.clone(), ..Default::default() };
    for error in table.errors.drain(..) {
        report.add(error);
    }
    let mut seen = FxHashSet::default();
    let mut rows = Vec::with_capacity(table.rows.len());
    for row in table.rows {
        match typed_row(&row, &columns, &mut seen) {
            Ok(typed) => rows.push(typed),
            Err(error) => report.add(error),
        }
    }
    report.n_items = rows.len() as u64;
    report.errors.sort_by_key(|error| error.row);
    if report.n_invalid > 0 && !options.skip_invalid {
        return Err(ImportError::Rows(Box::new(report)));
    }
    if rows.is_empty() {
        let what = "the file has no items: a catalog without any would withdraw all there are";
        return Err(ImportError::Header(what.to_owned()));
    }
    Ok((CatalogFile { columns, rows }, report))
}

impl ImportReport {
    fn add(&mut self, error: RowError) {
        self.n_invalid += 1;
        *self.reasons.entry(error.reason.to_owned()).or_default() += 1;
        if self.errors.len() < ROW_ERRORS_SHOWN_MAX {
            self.errors.push(error);
        }
    }
}

/// A file before its values are typed.
struct Table {
    columns: Vec<String>,
    rows: Vec<RawRow>,
    n_rows: u64,
    errors: Vec<RowError>,
}

struct RawRow {
    line: u64,
    item_id: String,
    /// In the order of the columns.
    values: Vec<Raw>,
}

/// A value as the file has it.
enum Raw {
    Absent,
    /// Of a CSV file: may be anything.
    Text(String),
    /// Of a JSON file: typed by itself.
    Json(serde_json::Value),
}

fn typed_row(row: &RawRow, columns: &[Column], seen: &mut FxHashSet<String>) -> Result<ItemRow, RowError> {
    let error = |reason, detail| RowError { row: row.line, reason, detail };
    if row.item_id.is_empty() {
        return Err(error("item_id is missing", "every row needs an item_id".to_owned()));
    }
    if row.item_id.len() > ID_BYTES_MAX {
        let detail = format!("it has {} bytes, the limit is {ID_BYTES_MAX}", row.item_id.len());
        return Err(error("item_id is too long", detail));
    }
    if !seen.insert(row.item_id.clone()) {
        return Err(error("item_id is repeated", format!("{:?} is in an earlier row", row.item_id)));
    }
    let values = columns.iter().zip(&row.values).map(|(column, raw)| {
        infer::typed(raw, column.type_).map_err(|shown| {
            let detail = format!("column {:?} is {}, the value is {shown}", column.name, column.type_);
            error("value is not of its column's type", detail)
        })
    });
    let typed = ItemRow { item_id: row.item_id.clone(), values: values.collect::<Result<_, _>>()? };
    if typed.text_bytes() > ITEM_BYTES_MAX {
        let detail = format!("{} bytes of text, the limit is {ITEM_BYTES_MAX}", typed.text_bytes());
        return Err(error("item is too large", detail));
    }
    Ok(typed)
}

/// Which column holds the id; the others are the properties.
fn id_column(names: &[String]) -> Result<usize, ImportError> {
    ID_COLUMNS
        .iter()
        .find_map(|id| names.iter().position(|name| name == id))
        .ok_or_else(|| ImportError::Header(format!("no column item_id; the file has: {}", names.join(", "))))
}
