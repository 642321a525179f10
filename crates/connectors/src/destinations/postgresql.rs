//! Tables of a PostgreSQL database.

mod connections;
mod statements;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use activation::Failure;
use serde_json::{Map, Value};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config};

use self::connections::Connections;
use self::statements::{KEY, Table, check_name, columns, create, insert};
use crate::kind::{
    Actions, Batching, DescribedRequest, KindFiles, Made, Prepared, Presets, RequestError,
    SendFuture, Sender, for_all, object_field, text_field,
};
use crate::{Outgoing, Settings, SettingsError};

pub(super) const FILES: KindFiles = KindFiles {
    name: "postgresql",
    settings: include_str!("postgresql/settings.json"),
    actions: Actions::Files(&[include_str!("postgresql/actions/insert.json")]),
    presets: Presets::File(include_str!("postgresql/presets.json")),
    connect,
};

/// The most bytes of the rows of a statement.
const BATCH_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// How long a statement with room waits for more rows, in milliseconds.
const BATCH_AGE_MS: u64 = 500;
/// The most columns of a row.
const COLUMNS_MAX: usize = 200;

/// A database.
pub(crate) struct Postgresql {
    connections: Connections,
    schema: String,
    creates_tables: bool,
    batch_size: usize,
}

fn connect(
    settings: &Settings,
    outgoing: &Arc<Outgoing>,
) -> Result<Arc<dyn Sender>, SettingsError> {
    Ok(Arc::new(of_settings(settings, outgoing)?))
}

/// The database of settings.
///
/// # Errors
/// If one is missing or wrong.
pub(crate) fn of_settings(
    settings: &Settings,
    outgoing: &Arc<Outgoing>,
) -> Result<Postgresql, SettingsError> {
    let schema = settings.text("schema");
    check_name(schema).map_err(|what| SettingsError::new("schema", what))?;
    let host = settings.text("host");
    if host.contains(['/', '@', ' ']) {
        let what = "should be the name or address of a server, without a scheme or path";
        return Err(SettingsError::new("host", what));
    }
    let mut config = Config::new();
    config
        .user(settings.text("user"))
        .dbname(settings.text("database"))
        .application_name("tastemaker");
    if !settings.text("password").is_empty() {
        config.password(settings.text("password"));
    }
    Ok(Postgresql {
        connections: Connections {
            outgoing: Arc::clone(outgoing),
            host: host.to_owned(),
            port: u16::try_from(settings.integer("port")).unwrap_or(u16::MAX),
            is_encrypted: settings.text("sslmode") != "disable",
            config,
            idle: Mutex::default(),
        },
        schema: schema.to_owned(),
        creates_tables: settings.flag("create_tables"),
        batch_size: settings.integer("batch_size"),
    })
}

fn row(prepared: &Prepared) -> &Map<String, Value> {
    prepared.data.as_object().expect("prepared by the same sender")
}

impl Postgresql {
    fn table(&self, batch: &[Arc<Prepared>]) -> Table {
        Table { schema: self.schema.clone(), name: batch[0].group.to_string() }
    }

    async fn insert(&self, batch: &[Arc<Prepared>]) -> Vec<Result<(), Failure>> {
        let client = match self.connections.take().await {
            Ok(client) => client,
            Err(failure) => return for_all(batch.len(), Err(failure)),
        };
        let table = self.table(batch);
        let rows: Vec<&Map<String, Value>> = batch.iter().map(|prepared| row(prepared)).collect();
        let outcomes = match self.insert_rows(&client, &table, &rows).await {
            Err(failure) if rows.len() > 1 && is_of_a_row(&failure) => {
                let mut outcomes = Vec::with_capacity(rows.len());
                for row in &rows {
                    outcomes.push(self.insert_rows(&client, &table, &[row]).await);
                }
                outcomes
            }
            outcome => for_all(rows.len(), outcome),
        };
        // A statement whose end nobody waited for may still be under way.
        if !outcomes.iter().any(|outcome| matches!(outcome, Err(Failure::Retry { .. }))) {
            self.connections.put(client);
        }
        outcomes
    }

    /// Inserts rows in one statement, and creates before what is missing.
    async fn insert_rows(
        &self,
        client: &Client,
        table: &Table,
        rows: &[&Map<String, Value>],
    ) -> Result<(), Failure> {
        let columns = columns(rows.iter().copied());
        match self.execute(client, table, &columns, rows).await {
            Err(failure) if self.creates_tables && is_of_schema(&failure) => {
                let statements = create(table, &columns);
                let created = self.connections.within(client.batch_execute(&statements)).await;
                created.or_else(|failure| if is_race(&failure) { Ok(()) } else { Err(failure) })?;
                self.execute(client, table, &columns, rows).await
            }
            outcome => outcome,
        }
    }

    async fn execute(
        &self,
        client: &Client,
        table: &Table,
        columns: &BTreeMap<&str, &Value>,
        rows: &[&Map<String, Value>],
    ) -> Result<(), Failure> {
        let json = serde_json::to_string(rows).expect("values are JSON");
        let statement = insert(table, columns);
        let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 1] =
            [(&json, Type::TEXT)];
        let executed = client.execute_typed(&statement, &parameters);
        self.connections.within(executed).await.map(drop)
    }
}

fn state_of(failure: &Failure) -> &str {
    match failure {
        Failure::Permanent { reason, .. } => reason.strip_prefix("sql_").unwrap_or_default(),
        Failure::Retry { .. } | Failure::Unknown { .. } => "",
    }
}

/// Whether a row is to blame: a value that its column does not take.
fn is_of_a_row(failure: &Failure) -> bool {
    state_of(failure).starts_with("22") || state_of(failure).starts_with("23")
}

/// Whether a table or a column is missing.
fn is_of_schema(failure: &Failure) -> bool {
    matches!(state_of(failure), "42P01" | "42703")
}

/// Whether another connection created the same at the same time.
fn is_race(failure: &Failure) -> bool {
    matches!(state_of(failure), "23505" | "42P07" | "42701")
}

impl Sender for Postgresql {
    fn batching(&self) -> Batching {
        Batching {
            n_max: self.batch_size,
            bytes_max: BATCH_BYTES_MAX,
            age_ms: BATCH_AGE_MS,
            is_atomic: false,
        }
    }

    fn prepare(&self, made: Made<'_>) -> Result<Prepared, RequestError> {
        let wrong = |field: &str, what: String| RequestError { field: field.to_owned(), what };
        let table = text_field(&made, "table").unwrap_or_default();
        check_name(&table).map_err(|what| wrong("table", what))?;
        let mut row = object_field(&made, "columns");
        row.entry(KEY).or_insert_with(|| made.message.message_id.as_str().into());
        if row.len() > COLUMNS_MAX {
            let what = format!("has {} columns, the limit is {COLUMNS_MAX}", row.len());
            return Err(wrong("columns", what));
        }
        for name in row.keys() {
            check_name(name).map_err(|what| wrong("columns", format!("has a name that {what}")))?;
        }
        Ok(Prepared::new(made.delivery_id, &table, row.into()))
    }

    fn describe(&self, batch: &[Arc<Prepared>]) -> Vec<DescribedRequest> {
        vec![DescribedRequest {
            method: "INSERT".to_owned(),
            path: format!("{}.{}", self.schema, batch[0].group),
            headers: BTreeMap::new(),
            body: batch.iter().map(|prepared| prepared.data.clone()).collect(),
        }]
    }

    fn send(self: Arc<Self>, batch: Vec<Arc<Prepared>>) -> SendFuture<Vec<Result<(), Failure>>> {
        Box::pin(async move { self.insert(&batch).await })
    }

    fn check(self: Arc<Self>) -> SendFuture<Result<(), Failure>> {
        Box::pin(async move {
            let client = self.connections.take().await?;
            let asked = client.query_typed("SELECT 1", &[]);
            self.connections.within(asked).await?;
            self.connections.put(client);
            Ok(())
        })
    }
}
