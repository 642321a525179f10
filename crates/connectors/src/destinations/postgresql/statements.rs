//! The statements, made of names that are quoted and values that are a parameter.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The longest name of a table or column that PostgreSQL keeps, in bytes.
const NAME_BYTES_MAX: usize = 63;
/// The column by which repeats are known.
pub(super) const KEY: &str = "message_id";

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) schema: String,
    pub(super) name: String,
}

impl Table {
    /// Quoted, with its schema.
    pub(super) fn quoted(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.name))
    }
}

/// What is wrong with a name, behind what it names.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    match name.len() {
        0 => Err("is empty".to_owned()),
        1..=NAME_BYTES_MAX if !name.contains('\0') => Ok(()),
        1..=NAME_BYTES_MAX => Err("has a zero byte".to_owned()),
        n => Err(format!("has {n} bytes, the limit is {NAME_BYTES_MAX}")),
    }
}

pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The columns of rows: all that any of them has, with the first value that is not null.
pub(super) fn columns<'r>(
    rows: impl IntoIterator<Item = &'r Map<String, Value>>,
) -> BTreeMap<&'r str, &'r Value> {
    let mut columns = BTreeMap::new();
    for (name, value) in rows.into_iter().flatten() {
        let first = columns.entry(name.as_str()).or_insert(value);
        if first.is_null() {
            *first = value;
        }
    }
    columns
}

/// Inserts the rows that the parameter has as a JSON list. The table's types decide how values are
/// read. Rows that are there already are left.
pub(super) fn insert(table: &Table, columns: &BTreeMap<&str, &Value>) -> String {
    let names: Vec<String> = columns.keys().map(|name| quote(name)).collect();
    let (names, table) = (names.join(", "), table.quoted());
    format!(
        "INSERT INTO {table} ({names}) SELECT {names} \
         FROM jsonb_populate_recordset(NULL::{table}, $1::text::jsonb) ON CONFLICT DO NOTHING"
    )
}

/// Creates what is missing of a table.
pub(super) fn create(table: &Table, columns: &BTreeMap<&str, &Value>) -> String {
    let quoted = table.quoted();
    let mut statements =
        format!("CREATE TABLE IF NOT EXISTS {quoted} ({} text PRIMARY KEY);", quote(KEY));
    for (name, value) in columns.iter().filter(|(name, _)| **name != KEY) {
        let type_ = type_of(name, value);
        statements +=
            &format!("ALTER TABLE {quoted} ADD COLUMN IF NOT EXISTS {} {type_};", quote(name));
    }
    statements
}

/// The type of a new column.
fn type_of(name: &str, value: &Value) -> &'static str {
    let is_time = name == "timestamp" || name.ends_with("_at");
    match value {
        Value::Number(_) => "double precision",
        Value::Bool(_) => "boolean",
        Value::Array(_) | Value::Object(_) => "jsonb",
        Value::String(text) if is_time && domain::Timestamp::parse(text).is_some() => "timestamptz",
        Value::String(_) | Value::Null => "text",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_quoted_and_types_are_those_of_the_values() {
        let rows = [
            json!({"message_id": "m", "a\"b": 1, "at": "2026-01-01T00:00:00Z", "on": null}),
            json!({"message_id": "n", "seen_at": "2026-01-01T00:00:00Z", "on": true, "l": []}),
        ];
        let columns = columns(rows.iter().map(|row| row.as_object().unwrap()));
        let table = Table { schema: "public".to_owned(), name: "x\"; DROP".to_owned() };
        assert_eq!(
            insert(&table, &columns),
            "INSERT INTO \"public\".\"x\"\"; DROP\" (\"a\"\"b\", \"at\", \"l\", \"message_id\", \
             \"on\", \"seen_at\") SELECT \"a\"\"b\", \"at\", \"l\", \"message_id\", \"on\", \
             \"seen_at\" FROM jsonb_populate_recordset(NULL::\"public\".\"x\"\"; DROP\", \
             $1::text::jsonb) ON CONFLICT DO NOTHING"
        );
        let types: Vec<_> = columns.iter().map(|(name, value)| type_of(name, value)).collect();
        assert_eq!(types, ["double precision", "text", "jsonb", "text", "boolean", "timestamptz"]);
    }
}
