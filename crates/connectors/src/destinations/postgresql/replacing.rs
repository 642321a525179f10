//! All rows of a table are replaced by others, in one transaction: whoever reads it sees those of
//! before or those of after. The table stays, with its rights and what is built on it.

use std::io::BufRead;

use activation::Failure;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::Postgresql;
use super::statements::{Table, check_name, quote};
use crate::parquet_file::{ParquetColumn, ParquetType};

/// The most bytes of the rows of a statement.
const STATEMENT_BYTES_MAX: usize = 4 * 1_024 * 1_024;

impl Postgresql {
    /// For people: where the rows are.
    pub(crate) fn describe(&self, table: &str) -> String {
        format!("{}.{table}", self.schema)
    }

    /// Replaces all rows of a table by those of JSON lines, which have these columns. What is
    /// missing of the table is created if the settings allow it.
    ///
    /// # Errors
    /// If it is not known to be done; the table may have either rows then.
    pub(crate) async fn replace(
        &self,
        table: &str,
        columns: &[ParquetColumn],
        rows: &mut dyn BufRead,
    ) -> Result<(), Failure> {
        for name in columns.iter().map(|column| column.name.as_str()).chain([table]) {
            check_name(name).map_err(|what| Failure::Permanent {
                reason: "name".to_owned(),
                text: format!("the name {name:?} {what}"),
            })?;
        }
        let table = Table { schema: self.schema.clone(), name: table.to_owned() };
        // A client that is dropped within the transaction leaves nothing of it.
        let client = self.connections.take().await?;
        self.replace_with(&client, &table, columns, rows).await?;
        self.connections.put(client);
        Ok(())
    }

    async fn replace_with(
        &self,
        client: &Client,
        table: &Table,
        columns: &[ParquetColumn],
        rows: &mut dyn BufRead,
    ) -> Result<(), Failure> {
        let creation = if self.creates_tables { create(table, columns) } else { String::new() };
        let begin = format!("BEGIN; {creation} DELETE FROM {};", table.quoted());
        self.connections.within(client.batch_execute(&begin)).await?;
        let names: Vec<String> = columns.iter().map(|column| quote(&column.name)).collect();
        let (names, quoted) = (names.join(", "), table.quoted());
        let insert = format!(
            "INSERT INTO {quoted} ({names}) SELECT {names} \
             FROM jsonb_populate_recordset(NULL::{quoted}, $1::text::jsonb)"
        );
        while let Some(list) = next_list(rows)? {
            let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&list, Type::TEXT)];
            self.connections.within(client.execute_typed(&insert, &parameters)).await?;
        }
        self.connections.within(client.batch_execute("COMMIT")).await
    }
}

/// The next lines as a JSON list; none at the end.
fn next_list(rows: &mut dyn BufRead) -> Result<Option<String>, Failure> {
    let mut list = String::from("[");
    while list.len() < STATEMENT_BYTES_MAX {
        let start = list.len();
        let read = rows.read_line(&mut list).map_err(|error| Failure::Permanent {
            reason: "unreadable".to_owned(),
            text: format!("the rows cannot be read: {error}"),
        })?;
        if read == 0 {
            list.truncate(start);
            break;
        }
        list.truncate(list.trim_end().len());
        list.push(',');
    }
    if list.len() == 1 {
        return Ok(None);
    }
    list.pop();
    list.push(']');
    Ok(Some(list))
}

fn create(table: &Table, columns: &[ParquetColumn]) -> String {
    let quoted = table.quoted();
    let mut statements = format!("CREATE TABLE IF NOT EXISTS {quoted} ();");
    for column in columns {
        let type_ = match column.type_ {
            ParquetType::Number => "double precision",
            ParquetType::Int => "bigint",
            ParquetType::Flag => "boolean",
            ParquetType::Time => "timestamptz",
            ParquetType::Text => "text",
            ParquetType::Json => "jsonb",
        };
        let name = quote(&column.name);
        statements += &format!("ALTER TABLE {quoted} ADD COLUMN IF NOT EXISTS {name} {type_};");
    }
    statements
}
