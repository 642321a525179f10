//! Parses catalog files into rows of typed values, or reports what is wrong with them.
//!
//! A column keeps the type that its property has in the catalog, unless another one is declared:
//! one invalid cell must not turn prices that scenarios compare into texts.

mod coordinates;
mod csv;
pub mod delimiter;
mod google_merchant;
pub mod header;
mod infer;
mod jsonl;

use std::collections::BTreeMap;
use std::io::Read;

use domain::id::{ID_BYTES_MAX, check_addressable};
use domain::{Column, PropertyType, counted, grouped};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use self::coordinates::Coordinates;
use crate::ItemRow;
use crate::locations::LOCATIONS_MAX;
use crate::membership::CATALOG_COLUMN;

/// The most items of one catalog.
pub const ITEMS_MAX: usize = 5_000_000;
/// The most properties of one catalog.
pub const COLUMNS_MAX: usize = 1_000;
/// The most text of one item, in bytes.
pub const ITEM_BYTES_MAX: usize = 256 * 1_024;
/// The most invalid rows and cells that a report lists; all are counted.
pub const ROW_ERRORS_SHOWN_MAX: usize = 100;

/// What the rows of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowKind {
    /// Items, each with an `item_id`.
    #[default]
    Items,
    /// Locations, each with a `location_id`, a latitude and a longitude.
    Locations,
}

impl RowKind {
    /// The columns that may hold the id; the first is the one that messages name.
    fn id_columns(self) -> &'static [&'static str] {
        match self {
            Self::Items => &["item_id", "itemId", "id"],
            Self::Locations => &["location_id", "locationId", "id"],
        }
    }

    fn id_column(self) -> &'static str {
        self.id_columns()[0]
    }

    fn id_with_article(self) -> &'static str {
        match self {
            Self::Items => "an item_id",
            Self::Locations => "a location_id",
        }
    }

    /// The most rows of one catalog.
    fn rows_max(self) -> usize {
        match self {
            Self::Items => ITEMS_MAX,
            Self::Locations => LOCATIONS_MAX,
        }
    }

    fn too_many_rows(self) -> ImportError {
        let what = match self {
            Self::Items => "items",
            Self::Locations => "locations",
        };
        ImportError::TooLarge { what, limit: self.rows_max() }
    }
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Values separated by commas, semicolons or tabs, with a header; sets are written `a|b|c`.
    Csv,
    /// One JSON object for each line; sets are arrays of strings.
    JsonLines,
    /// A product feed for Google Merchant Center: RSS 2.0 or Atom. Attributes that are repeated are
    /// sets.
    GoogleMerchant,
}

impl Format {
    /// The format by the extension of a file name; none for an unknown extension.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "csv" | "tsv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "xml" => Some(Self::GoogleMerchant),
            _ => None,
        }
    }
}

/// Options for [`read_file`].
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// What the rows are.
    pub rows: RowKind,
    /// Declared types, by column.
    pub types: BTreeMap<String, PropertyType>,
    /// Types of the catalog's properties, which columns keep where none is declared. Other types
    /// are inferred.
    pub known: BTreeMap<String, PropertyType>,
    /// Whether to skip invalid rows instead of refusing the file.
    pub skip_invalid: bool,
    /// Whether to import cells that do not fit the type of their column as empty.
    pub allow_bad_cells: bool,
    /// The catalog that the items are for; none for the one of all items that no catalog names.
    pub catalog: Option<String>,
}

/// Parses a declaration such as `price=double` into column and type.
///
/// # Errors
/// Names the expected form, or the known types.
pub fn parse_type(text: &str) -> Result<(String, PropertyType), String> {
    // A column name may contain '=', a type does not.
    let (column, type_) = text.rsplit_once('=').ok_or("write it as COLUMN=TYPE")?;
    Ok((column.to_owned(), type_.parse()?))
}

/// Parses the number of items that an import may withdraw.
///
/// # Errors
/// Says that the text is no number.
pub fn parse_confirm(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is no number of items"))
}

/// The content of a valid file.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogFile {
    /// The columns without that of the item id, in the order of the file.
    pub columns: Vec<Column>,
    /// The items, in the order of the file.
    pub rows: Vec<ItemRow>,
    /// The catalog whose items it takes the place of; none for the one of all items that no
    /// catalog names.
    pub catalog: Option<String>,
}

/// A summary of the rows of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ImportReport {
    /// The number of rows, without the header.
    pub n_rows: u64,
    /// The number of rows that are imported.
    pub n_items: u64,
    /// The number of invalid rows.
    pub n_invalid: u64,
    /// The number of cells that do not fit the type of their column.
    pub n_bad_cells: u64,
    /// The properties with their types.
    pub columns: Vec<Column>,
    /// The number of invalid rows and cells by reason.
    pub reasons: BTreeMap<String, u64>,
    /// The first [`ROW_ERRORS_SHOWN_MAX`] invalid rows and cells.
    pub errors: Vec<RowError>,
}

/// One invalid row or cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RowError {
    /// The line of the file at which the row starts, from 1 on.
    pub row: u64,
    /// The column of an invalid cell; none for an invalid row.
    pub column: Option<String>,
    /// The reason, by which the report counts.
    pub reason: String,
    /// Details such as column and value.
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
    /// There are invalid rows.
    #[error("{}", .0.refusal())]
    Rows(Box<ImportReport>),
    /// The file is over a limit.
    #[error("the file has more than {limit} {what}")]
    TooLarge {
        /// The unit of the limit: "items" or "columns".
        what: &'static str,
        /// The number that was exceeded.
        limit: usize,
    },
}

/// Reads a whole catalog file into memory and checks it.
///
/// # Errors
/// If the file cannot be read, is no catalog, or has invalid rows that `options` do not allow.
pub fn read_file(
    reader: impl Read,
    format: Format,
    options: &ImportOptions,
) -> Result<(CatalogFile, ImportReport), ImportError> {
    let mut table = match format {
        Format::Csv => csv::read(reader, options.rows)?,
        Format::JsonLines => jsonl::read(reader, options.rows)?,
        Format::GoogleMerchant => google_merchant::read(reader)?,
    };
    if table.columns.len() > COLUMNS_MAX {
        return Err(ImportError::TooLarge { what: "columns", limit: COLUMNS_MAX });
    }
    if let Some(name) = table.columns.iter().find(|name| *name == CATALOG_COLUMN) {
        return Err(ImportError::Header(format!("no column can be named {name:?}: rename it")));
    }
    if let Some(name) = options.types.keys().find(|name| !table.columns.contains(name)) {
        let known = table.columns.join(", ");
        return Err(ImportError::Header(format!(
            "a type is declared for column {name:?}, the file has: {known}"
        )));
    }
    let mut columns = infer::columns(&table, options);
    let coordinates = match options.rows {
        RowKind::Items => None,
        RowKind::Locations => Some(Coordinates::find(&mut columns)?),
    };
    let mut report =
        ImportReport { n_rows: table.n_rows, columns: columns.clone(), ..Default::default() };
    for error in table.errors.drain(..) {
        report.n_invalid += 1;
        report.add(error);
    }
    let mut seen = FxHashSet::default();
    let mut rows = Vec::with_capacity(table.rows.len());
    for row in table.rows {
        let mut bad_cells = Vec::new();
        let typed = parse_row(&row, &columns, options.rows, &mut seen, &mut bad_cells);
        let typed = typed.and_then(|typed| match &coordinates {
            Some(coordinates) => coordinates.check(&typed, row.line).map(|()| typed),
            None => Ok(typed),
        });
        let is_good = typed.is_ok() && (bad_cells.is_empty() || options.allow_bad_cells);
        report.n_invalid += u64::from(!is_good);
        report.n_bad_cells += bad_cells.len() as u64;
        bad_cells.into_iter().for_each(|error| report.add(error));
        match typed {
            Ok(typed) if is_good => rows.push(typed),
            Ok(_) => {}
            Err(error) => report.add(error),
        }
    }
    report.n_items = rows.len() as u64;
    report.errors.sort_by_key(|error| error.row);
    if report.n_invalid > 0 && (!options.skip_invalid || rows.is_empty()) {
        return Err(ImportError::Rows(Box::new(report)));
    }
    if rows.is_empty() {
        let what = match options.rows {
            RowKind::Items => {
                "the file has no items: a catalog without any would withdraw all there are"
            }
            RowKind::Locations => "the file has no locations: remove the catalog if that is meant",
        };
        return Err(ImportError::Header(what.to_owned()));
    }
    Ok((CatalogFile { columns, rows, catalog: options.catalog.clone() }, report))
}

impl ImportReport {
    fn add(&mut self, error: RowError) {
        *self.reasons.entry(error.reason.clone()).or_default() += 1;
        if self.errors.len() < ROW_ERRORS_SHOWN_MAX {
            self.errors.push(error);
        }
    }

    /// The message for a file with invalid rows: the count, and the ways out with the names of the
    /// options. Where no row is good, to skip the others leaves nothing.
    pub fn refusal(&self) -> String {
        let cells = "import bad cells as empty (allow_bad_cells), or declare another type for a \
                     column (type=COLUMN=TYPE)";
        let skip = "skip invalid rows (skip_invalid)";
        let ways_out = match (self.n_bad_cells > 0, self.n_items > 0) {
            (false, true) => format!("correct the file, or {skip}"),
            (false, false) => "correct the file".to_owned(),
            (true, true) => format!("correct the file, {skip}, {cells}"),
            (true, false) => format!("correct the file, {cells}"),
        };
        format!("{}: {ways_out}", describe_invalid(self.n_invalid, self.n_rows))
    }
}

/// The message that a file of items or interactions was refused for invalid rows.
pub fn describe_invalid(n_invalid: u64, n_rows: u64) -> String {
    let are = if n_invalid == 1 { "is" } else { "are" };
    format!(
        "{} of {} {are} invalid, so nothing was imported",
        grouped(n_invalid),
        counted(n_rows, "row", "rows")
    )
}

/// A file whose values have no types yet.
struct Table {
    columns: Vec<String>,
    rows: Vec<RawRow>,
    n_rows: u64,
    errors: Vec<RowError>,
}

struct RawRow {
    line: u64,
    item_id: String,
    /// Values in the order of the columns.
    values: Vec<Raw>,
}

/// A value before it is typed.
enum Raw {
    Absent,
    /// A cell of a CSV file, which has no type.
    Text(String),
    /// A value of a JSON file.
    Json(serde_json::Value),
}

/// Parses the values of a row. Cells that do not fit are added to `bad_cells` and become empty.
fn parse_row(
    row: &RawRow,
    columns: &[Column],
    kind: RowKind,
    seen: &mut FxHashSet<String>,
    bad_cells: &mut Vec<RowError>,
) -> Result<ItemRow, RowError> {
    let id = kind.id_column();
    let error = |reason: String, detail| RowError { row: row.line, column: None, reason, detail };
    if row.item_id.is_empty() {
        return Err(error(
            format!("{id} is missing"),
            format!("every row needs {}", kind.id_with_article()),
        ));
    }
    if row.item_id.len() > ID_BYTES_MAX {
        let detail = format!("it has {} bytes, the limit is {ID_BYTES_MAX}", row.item_id.len());
        return Err(error(format!("{id} is too long"), detail));
    }
    if let Err(what) = check_addressable(&row.item_id) {
        return Err(error(format!("{id} cannot be used"), format!("it {what}")));
    }
    if !seen.insert(row.item_id.clone()) {
        return Err(error(
            format!("{id} is repeated"),
            format!("{:?} is in an earlier row", row.item_id),
        ));
    }
    let values = columns.iter().zip(&row.values).map(|(column, raw)| {
        infer::typed(raw, column.type_).unwrap_or_else(|excerpt| {
            let detail =
                format!("column {:?} is {}, the value is {excerpt}", column.name, column.type_);
            let bad_cell = error("value is not of its column's type".to_owned(), detail);
            bad_cells.push(RowError { column: Some(column.name.clone()), ..bad_cell });
            None
        })
    });
    let typed = ItemRow { item_id: row.item_id.clone(), values: values.collect() };
    if typed.text_bytes() > ITEM_BYTES_MAX {
        let detail = format!("{} bytes of text, the limit is {ITEM_BYTES_MAX}", typed.text_bytes());
        return Err(error("item is too large".to_owned(), detail));
    }
    Ok(typed)
}

/// The index of the column with the item id; the other columns are properties.
fn find_id_column(names: &[String], kind: RowKind) -> Result<usize, ImportError> {
    let mut ids = kind.id_columns().iter();
    let id = kind.id_column();
    ids.find_map(|id| names.iter().position(|name| name == id)).ok_or_else(|| {
        ImportError::Header(match names.iter().all(String::is_empty) {
            true => {
                format!("the file is empty: its first line names the columns, one of them {id}")
            }
            false => format!("no column {id}; the file has: {}", names.join(", ")),
        })
    })
}
