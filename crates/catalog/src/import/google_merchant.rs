//! Reads the product feeds that shops make for Google Merchant Center: RSS 2.0 or Atom, with an
//! element for each attribute of a product.

use std::io::{self, BufRead, BufReader, Read};

use indexmap::IndexMap;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use rustc_hash::FxHashMap;
use serde_json::Value;

use super::{COLUMNS_MAX, ITEM_BYTES_MAX, ITEMS_MAX, ImportError, Raw, RawRow, RowError, Table};

/// The elements that are a product, of RSS and of Atom.
const PRODUCTS: [&[u8]; 2] = [b"item", b"entry"];
/// How deep elements may stand in each other.
const DEPTH_MAX: usize = 32;
/// Attributes with an amount and a currency, such as `19.90 EUR`. The currency becomes a column of
/// its own.
const AMOUNTS: [&str; 3] = ["price", "sale_price", "cost_of_goods_sold"];

/// A product under way.
struct Product {
    line: u64,
    depth: usize,
    /// The texts of its elements by name, without the prefix.
    fields: IndexMap<String, Vec<String>>,
    n_bytes: usize,
}

/// A file under way.
struct Feed {
    table: Table,
    columns: FxHashMap<String, usize>,
    depth: usize,
    product: Option<Product>,
    /// The name and the text of the element of the product that is open.
    field: Option<(String, String)>,
}

pub(super) fn read(reader: impl Read) -> Result<Table, ImportError> {
    let table = Table { columns: Vec::new(), rows: Vec::new(), n_rows: 0, errors: Vec::new() };
    let mut feed =
        Feed { table, columns: FxHashMap::default(), depth: 0, product: None, field: None };
    let mut reader = Reader::from_reader(Lines { reader: BufReader::new(reader), line: 1 });
    reader.config_mut().expand_empty_elements = true;
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let read = reader.read_event_into(&mut buffer);
        let line = reader.get_ref().line;
        let wrong = |what: String| ImportError::Header(format!("line {line}: {what}"));
        match read {
            Ok(Event::Start(element)) => feed.open(&element, line).map_err(wrong)?,
            Ok(Event::End(_)) => feed.close()?,
            Ok(Event::Text(text)) => feed.add(&text.xml10_content().map_err(not_utf8)?),
            Ok(Event::CData(text)) => feed.add(&text.xml10_content().map_err(not_utf8)?),
            Ok(Event::GeneralRef(entity)) => feed.add(&resolve(&entity).map_err(wrong)?),
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(quick_xml::Error::Io(error)) => {
                return Err(ImportError::Io(io::Error::new(error.kind(), error.to_string())));
            }
            Err(error) => return Err(wrong(error.to_string())),
        }
    }
    if feed.depth > 0 {
        return Err(ImportError::Header("the file ends within an element".to_owned()));
    }
    if feed.table.n_rows == 0 {
        let what = "the file has no products: they are elements <item> (RSS) or <entry> (Atom)";
        return Err(ImportError::Header(what.to_owned()));
    }
    // Rows before the first value of a column are shorter.
    for row in &mut feed.table.rows {
        row.values.resize_with(feed.table.columns.len(), || Raw::Absent);
    }
    Ok(feed.table)
}

fn not_utf8(_: quick_xml::encoding::EncodingError) -> ImportError {
    ImportError::Header(
        "the file is not UTF-8, or is compressed: save it as plain UTF-8".to_owned(),
    )
}

/// The text of `&amp;` or `&#8364;`.
fn resolve(entity: &BytesRef<'_>) -> Result<String, String> {
    if let Some(character) = entity.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(character.to_string());
    }
    let name = String::from_utf8_lossy(entity);
    let text = resolve_predefined_entity(&name);
    text.map(str::to_owned).ok_or_else(|| format!("XML has no entity &{name};"))
}

impl Feed {
    fn open(&mut self, element: &BytesStart<'_>, line: u64) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("elements stand in each other more than {DEPTH_MAX} deep"));
        }
        let name = element.local_name();
        match &self.product {
            None if PRODUCTS.contains(&name.as_ref()) => {
                let depth = self.depth;
                let fields = IndexMap::new();
                self.product = Some(Product { line, depth, fields, n_bytes: 0 });
            }
            Some(product) if self.depth == product.depth + 1 => {
                let name = String::from_utf8_lossy(name.as_ref()).into_owned();
                // Atom has the address of a link as an attribute.
                let href = element.try_get_attribute("href").map_err(|error| error.to_string())?;
                let href = href.map(|href| href.normalized_value(XmlVersion::Implicit1_0));
                let href = href.transpose().map_err(|error| error.to_string())?;
                self.field = Some((name, href.unwrap_or_default().into_owned()));
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds text to the element that is open. What stands in its own elements, such as those of
    /// `shipping`, is no value of a property.
    fn add(&mut self, text: &str) {
        let Some(product) = &mut self.product else { return };
        if self.depth != product.depth + 1 {
            return;
        }
        if let Some((_, field)) = &mut self.field {
            product.n_bytes = product.n_bytes.saturating_add(text.len());
            if product.n_bytes <= ITEM_BYTES_MAX {
                field.push_str(text);
            }
        }
    }

    fn close(&mut self) -> Result<(), ImportError> {
        self.depth -= 1;
        let Some(product) = &mut self.product else { return Ok(()) };
        if self.depth == product.depth {
            if let Some((name, text)) = self.field.take() {
                let text = text.trim();
                if !text.is_empty() {
                    product.fields.entry(name).or_default().push(text.to_owned());
                }
            }
        } else if self.depth < product.depth
            && let Some(product) = self.product.take()
        {
            self.add_row(product)?;
        }
        Ok(())
    }

    fn add_row(&mut self, mut product: Product) -> Result<(), ImportError> {
        let table = &mut self.table;
        table.n_rows += 1;
        if table.rows.len() >= ITEMS_MAX {
            return Err(ImportError::TooLarge { what: "items", limit: ITEMS_MAX });
        }
        let line = product.line;
        if product.n_bytes > ITEM_BYTES_MAX {
            let detail =
                format!("{} bytes of text, the limit is {ITEM_BYTES_MAX}", product.n_bytes);
            let reason = "item is too large".to_owned();
            table.errors.push(RowError { row: line, column: None, reason, detail });
            return Ok(());
        }
        let item_id = product.fields.shift_remove("id").and_then(|mut ids| ids.pop());
        let mut values: Vec<Raw> = table.columns.iter().map(|_| Raw::Absent).collect();
        let mut put = |name: &str, value: Raw| {
            let n = *self.columns.entry(name.to_owned()).or_insert_with(|| {
                table.columns.push(name.to_owned());
                table.columns.len() - 1
            });
            if n >= COLUMNS_MAX {
                return Err(ImportError::TooLarge { what: "columns", limit: COLUMNS_MAX });
            }
            values.resize_with(values.len().max(n + 1), || Raw::Absent);
            values[n] = value;
            Ok(())
        };
        for (name, mut texts) in product.fields {
            if texts.len() > 1 {
                let texts = texts.into_iter().map(Value::from).collect();
                put(&name, Raw::Json(texts))?;
                continue;
            }
            let text = texts.pop().unwrap_or_default();
            match split_amount(&name, &text) {
                Some((amount, currency)) => {
                    put(&name, Raw::Text(amount.to_owned()))?;
                    put(&format!("{name}_currency"), Raw::Text(currency.to_owned()))?;
                }
                // Here a bar is none between the members of a set.
                None if text.contains('|') => put(&name, Raw::Json(text.into()))?,
                None => put(&name, Raw::Text(text))?,
            }
        }
        let item_id = item_id.unwrap_or_default();
        table.rows.push(RawRow { line, item_id, values });
        Ok(())
    }
}

/// The amount and the currency of `19.90 EUR`.
fn split_amount<'t>(name: &str, text: &'t str) -> Option<(&'t str, &'t str)> {
    let (amount, currency) = text.split_once(' ')?;
    let currency = currency.trim();
    let is_currency = currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase());
    (AMOUNTS.contains(&name) && is_currency && amount.parse::<f64>().is_ok())
        .then_some((amount, currency))
}

/// Counts the lines of what is consumed.
struct Lines<R> {
    reader: R,
    line: u64,
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Lines<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        // What is consumed is still in the buffer, so this reads nothing.
        if let Ok(bytes) = self.reader.fill_buf() {
            let n_lines = bytes[..n].iter().filter(|byte| **byte == b'\n').count();
            self.line += n_lines as u64;
        }
        self.reader.consume(n);
    }
}
