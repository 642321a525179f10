//! Rows are put into a table in one transaction, in place of all others or behind them: whoever
//! reads it sees what was before or what is after. The table stays, with its rights and what is
//! built on it.

use std::io::BufRead;

use activation::Failure;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::Postgresql;
use super::is_of_schema;
use super::statements::{Table, check_name, quote};
use crate::export_place::LogMove;
use crate::parquet_file::{ParquetColumn, ParquetType};

/// The most bytes of the rows of a statement.
const STATEMENT_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// The table that has the position of each log, beside the tables of the logs.
const POSITIONS: &str = "tastemaker_positions";
/// The advisory lock of whoever creates the tables of logs: a number that nobody else is likely to
/// take.
const CREATION_LOCK: i64 = 0x7461_7374_6c6f_6773;

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
        let table = self.checked_table(table, columns)?;
        // A client that is dropped within the transaction leaves nothing of it.
        let client = self.connections.take().await?;
        self.replace_with(&client, &table, columns, rows).await?;
        self.connections.put(client);
        Ok(())
    }

    /// The position of a log; none before its first rows.
    ///
    /// # Errors
    /// If the database does not say.
    pub(crate) async fn position(&self, log: &str) -> Result<Option<u64>, Failure> {
        let client = self.connections.take().await?;
        let position = match self.read_position(&client, log, "").await {
            // Nothing was written yet.
            Err(failure) if self.creates_tables && is_of_schema(&failure) => None,
            position => position?,
        };
        self.connections.put(client);
        Ok(position)
    }

    /// Puts the rows of JSON lines, which have these columns, behind those of a table, and moves
    /// the log with them.
    ///
    /// # Errors
    /// If it is not known to be done, or the log is at another position than `moved` says.
    pub(crate) async fn append(
        &self,
        table: &str,
        columns: &[ParquetColumn],
        rows: &mut dyn BufRead,
        moved: &LogMove<'_>,
    ) -> Result<(), Failure> {
        let table = self.checked_table(table, columns)?;
        let positions = self.positions().quoted();
        let client = self.connections.take().await?;
        if self.creates_tables {
            // Two who create one table at once would hinder each other, even if it may exist.
            let create = format!(
                "BEGIN; SELECT pg_advisory_xact_lock({CREATION_LOCK}); {} \
                 CREATE TABLE IF NOT EXISTS {positions} (log text PRIMARY KEY, position bigint NOT NULL); COMMIT",
                create(&table, columns)
            );
            self.connections.within(client.batch_execute(&create)).await?;
        }
        self.connections.within(client.batch_execute("BEGIN")).await?;
        let found = self.read_position(&client, moved.log, "FOR UPDATE").await?;
        if found != moved.from {
            return Err(Failure::Permanent {
                reason: "position".to_owned(),
                text: format!(
                    "another run has moved the log {:?} meanwhile: nothing was written",
                    moved.log
                ),
            });
        }
        self.insert_lines(&client, &table, columns, rows).await?;
        let to = i64::try_from(moved.to).unwrap_or(i64::MAX);
        let upsert = format!(
            "INSERT INTO {positions} (log, position) VALUES ($1, $2) \
             ON CONFLICT (log) DO UPDATE SET position = EXCLUDED.position"
        );
        let parameters: [(&(dyn ToSql + Sync), Type); 2] =
            [(&moved.log, Type::TEXT), (&to, Type::INT8)];
        self.connections.within(client.execute_typed(&upsert, &parameters)).await?;
        self.connections.within(client.batch_execute("COMMIT")).await?;
        self.connections.put(client);
        Ok(())
    }

    fn positions(&self) -> Table {
        Table { schema: self.schema.clone(), name: POSITIONS.to_owned() }
    }

    async fn read_position(
        &self,
        client: &Client,
        log: &str,
        lock: &str,
    ) -> Result<Option<u64>, Failure> {
        let positions = self.positions().quoted();
        let select = format!("SELECT position FROM {positions} WHERE log = $1 {lock}");
        let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&log, Type::TEXT)];
        let rows = self.connections.within(client.query_typed(&select, &parameters)).await?;
        let position = |row: &tokio_postgres::Row| u64::try_from(row.get::<_, i64>(0));
        Ok(rows.first().and_then(|row| position(row).ok()))
    }

    fn checked_table(&self, table: &str, columns: &[ParquetColumn]) -> Result<Table, Failure> {
        for name in columns.iter().map(|column| column.name.as_str()).chain([table]) {
            check_name(name).map_err(|what| Failure::Permanent {
                reason: "name".to_owned(),
                text: format!("the name {name:?} {what}"),
            })?;
        }
        Ok(Table { schema: self.schema.clone(), name: table.to_owned() })
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
        self.insert_lines(client, table, columns, rows).await?;
        self.connections.within(client.batch_execute("COMMIT")).await
    }

    async fn insert_lines(
        &self,
        client: &Client,
        table: &Table,
        columns: &[ParquetColumn],
        rows: &mut dyn BufRead,
    ) -> Result<(), Failure> {
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
        Ok(())
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
