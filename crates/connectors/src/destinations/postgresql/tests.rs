//! Against a real server, where its programs are installed.

use std::time::{Duration, Instant};

use mapping::Mappings;
use serde_json::json;
use testkit::PostgresServer;
use tokio_postgres::NoTls;

use super::*;
use crate::testing::{self, reasons};
use crate::{
    ExportPlace, LogMove, NetworkPolicy, OutgoingOptions, ParquetColumn, ParquetType, kind,
};

trait Connect {
    fn settings(&self, more: Value) -> BTreeMap<String, Value>;
    fn sender(&self, more: Value) -> Arc<dyn Sender>;
    /// A client beside ours, once the server takes connections.
    async fn client(&self) -> Client;
}

impl Connect for PostgresServer {
    fn settings(&self, more: Value) -> BTreeMap<String, Value> {
        let mut settings = json!({"host": "127.0.0.1", "port": self.port, "database": "postgres",
            "user": "shop", "password": "secret", "sslmode": "disable"});
        let more = more.as_object().unwrap().clone();
        settings.as_object_mut().unwrap().extend(more);
        serde_json::from_value(settings).unwrap()
    }

    fn sender(&self, more: Value) -> Arc<dyn Sender> {
        let outgoing = testing::outgoing();
        kind("postgresql").unwrap().connect(&self.settings(more), &outgoing).unwrap()
    }

    async fn client(&self) -> Client {
        let text =
            format!("host=127.0.0.1 port={} user=shop password=secret dbname=postgres", self.port);
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await;
            let config: Config = text.parse().unwrap();
            if let Ok(stream) = stream
                && let Ok((client, connection)) = config.connect_raw(stream, NoTls).await
            {
                tokio::spawn(connection);
                return client;
            }
            assert!(Instant::now() < until, "the server takes no connection");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// What a query gives, as texts.
async fn ask(client: &Client, query: &str) -> Vec<Vec<String>> {
    let messages = client.simple_query(query).await.unwrap();
    let rows = messages.iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let text = |text: Option<&str>| text.unwrap_or("NULL").to_owned();
    rows.map(|row| (0..row.len()).map(|n| text(row.get(n))).collect()).collect()
}

fn track(id: &str, properties: Value) -> Value {
    json!({"type": "track", "messageId": id, "userId": "u", "event": "E",
        "timestamp": "2026-01-01T10:00:00Z", "properties": properties})
}

fn prepare(sender: &dyn Sender, mappings: Option<Value>, messages: &[Value]) -> Vec<Arc<Prepared>> {
    let kind = kind("postgresql").unwrap();
    let mappings = mappings
        .map(|list| Mappings::from_json_for(kind.actions, &json!([list]).to_string()).unwrap());
    let made = testing::prepare(sender, mappings.as_ref().unwrap_or(&kind.presets), messages);
    made.into_iter().map(Result::unwrap).collect()
}

#[tokio::test]
async fn messages_become_rows_once() {
    let Some(server) = PostgresServer::start() else { return };
    let client = server.client().await;
    let sender = server.sender(json!({}));
    assert_eq!(Arc::clone(&sender).check().await, Ok(()));
    let messages = [
        track("m-1", json!({"price": 2.5})),
        track("m-2", json!({})),
        json!({"type": "identify", "messageId": "m-3", "userId": "u", "traits": {"a": [1]}}),
    ];
    for _ in 0..2 {
        let batch = prepare(&*sender, None, &messages);
        assert_eq!(reasons(&Arc::clone(&sender).send(batch).await), ["", "", ""]);
    }
    let query = "SELECT message_id, type, event, timestamp AT TIME ZONE 'UTC', \
                 properties->>'price', traits->'a'->0 FROM messages ORDER BY 1";
    assert_eq!(
        ask(&client, query).await[..2],
        [
            ["m-1", "track", "E", "2026-01-01 10:00:00", "2.5", "NULL"],
            ["m-2", "track", "E", "2026-01-01 10:00:00", "NULL", "NULL"],
        ]
        .map(|row| row.map(String::from).to_vec())
    );
    assert_eq!(ask(&client, "SELECT count(*) FROM messages").await, [["3"]]);
}

#[tokio::test]
async fn a_bad_row_is_refused_alone_and_columns_are_added() {
    let Some(server) = PostgresServer::start() else { return };
    let client = server.client().await;
    client
        .batch_execute(
            "CREATE TABLE sales (message_id text PRIMARY KEY, price numeric(10, 2) NOT NULL)",
        )
        .await
        .unwrap();
    let sender = server.sender(json!({}));
    let mapping = json!({"name": "M", "trigger": "event = \"E\"", "action": "insert", "fields": {
        "table": "sales", "columns": {"price": {"@path": "$.properties.price"},
            "is_new": {"@path": "$.properties.is_new"}}}});
    let messages = [
        track("m-1", json!({"price": 1.25, "is_new": true})),
        track("m-2", json!({"price": "much"})),
        track("m-3", json!({"is_new": false})),
        track("m-4", json!({"price": "3"})),
    ];
    let batch = prepare(&*sender, Some(mapping), &messages);
    let outcomes = sender.send(batch).await;
    assert_eq!(reasons(&outcomes), ["", "sql_22P02", "sql_23502", ""]);
    assert_eq!(
        ask(&client, "SELECT message_id, price, is_new FROM sales ORDER BY 1").await,
        [["m-1", "1.25", "t"], ["m-4", "3.00", "NULL"]]
    );
}

#[tokio::test]
async fn what_is_missing_is_refused_where_nothing_is_created() {
    let Some(server) = PostgresServer::start() else { return };
    server.client().await;
    let messages = [track("m-1", json!({})), track("m-2", json!({}))];
    let sender = server.sender(json!({"create_tables": false}));
    let batch = prepare(&*sender, None, &messages);
    assert_eq!(reasons(&sender.send(batch).await), ["sql_42P01", "sql_42P01"]);
    let sender = server.sender(json!({"password": "wrong"}));
    assert_eq!(reasons(&[sender.check().await]), ["sql_28P01"]);
}

#[tokio::test]
async fn connections_are_encrypted_and_the_certificate_is_checked() {
    let Some(server) = PostgresServer::start() else { return };
    server.client().await;
    let policy = NetworkPolicy { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
    let check = async |policy: &NetworkPolicy, authorities: Option<&str>| {
        let options = OutgoingOptions {
            policy: policy.clone(),
            authorities_pem: authorities.map(|pem| pem.as_bytes().to_vec()),
            ..OutgoingOptions::default()
        };
        let outgoing = Arc::new(Outgoing::new(&options).unwrap());
        let settings = server.settings(json!({"sslmode": "require"}));
        let sender = kind("postgresql").unwrap().connect(&settings, &outgoing).unwrap();
        reasons(&[sender.check().await])
    };
    assert_eq!(check(&policy, Some(&server.certificate_pem)).await, [""]);
    assert_eq!(check(&policy, None).await, ["retry broken_connection"]);
    let nothing = NetworkPolicy::default();
    assert_eq!(check(&nothing, Some(&server.certificate_pem)).await, ["refused_address"]);
}

#[tokio::test]
async fn a_server_that_goes_away_is_waited_for() {
    let Some(mut server) = PostgresServer::start() else { return };
    server.client().await;
    let sender = server.sender(json!({}));
    let batch = prepare(&*sender, None, &[track("m-1", json!({}))]);
    assert_eq!(reasons(&Arc::clone(&sender).send(batch.clone()).await), [""]);
    server.stop();
    // The process of a connection outlives that of the server for a moment.
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let outcomes = reasons(&Arc::clone(&sender).send(batch.clone()).await);
        if outcomes[0].starts_with("retry ") {
            break;
        }
        assert!(outcomes == [""] && Instant::now() < until, "{outcomes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_rows_of_a_table_are_replaced_at_once_and_what_is_built_on_it_stays() {
    let Some(server) = PostgresServer::start() else { return };
    let client = server.client().await;
    let outgoing = testing::outgoing();
    let place = ExportPlace::of_settings("postgresql", &server.settings(json!({})), &outgoing);
    let ExportPlace::Tables(tables) = place.unwrap() else { panic!("a database has tables") };
    let tables: Arc<crate::Tables> = Arc::from(tables);
    let column = |name: &str, type_| ParquetColumn { name: name.to_owned(), type_ };
    let columns = [
        column("id", ParquetType::Text),
        column("n", ParquetType::Number),
        column("at", ParquetType::Time),
        column("list", ParquetType::Json),
    ];
    let folder = tempfile::tempdir().unwrap();
    let replace = async |columns: &[ParquetColumn], rows: &str| {
        let file = folder.path().join("rows.jsonl");
        fs_err::write(&file, rows).unwrap();
        let (tables, columns) = (Arc::clone(&tables), columns.to_vec());
        let replace = move || tables.replace("people", &columns, &file);
        tokio::task::spawn_blocking(replace).await.unwrap().map_err(|error| error.to_string())
    };
    let first = "{\"id\":\"a\",\"n\":1.5,\"at\":\"2026-01-01T00:00:00Z\",\"list\":[\"x\"]}\n\
                 {\"id\":\"b\"}\n";
    assert_eq!(replace(&columns, first).await, Ok(()));
    let query = "SELECT id, n, at AT TIME ZONE 'UTC', list->>0 FROM people ORDER BY id";
    assert_eq!(
        ask(&client, query).await,
        [["a", "1.5", "2026-01-01 00:00:00", "x"], ["b", "NULL", "NULL", "NULL"]]
    );
    client.batch_execute("CREATE VIEW names AS SELECT id FROM people").await.unwrap();
    let many: String = (0..50_000).map(|n| format!("{{\"id\":\"{n:0100}\"}}\n")).collect();
    assert_eq!(replace(&columns, &many).await, Ok(()), "more than one statement");
    assert_eq!(ask(&client, "SELECT count(*) FROM names").await, [["50000"]]);

    let wrong = format!("{many}{{\"id\":\"c\",\"n\":\"much\"}}\n");
    let error = replace(&columns, &wrong).await.unwrap_err();
    assert!(error.contains("public.people"), "{error}");
    assert_eq!(ask(&client, "SELECT count(*) FROM names").await, [["50000"]], "as before");
    let more = [&columns[..], &[column("new", ParquetType::Flag)]].concat();
    assert_eq!(replace(&more, "").await, Ok(()));
    assert_eq!(ask(&client, "SELECT count(*) FROM people WHERE new").await, [["0"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_log_are_appended_once_with_its_position() {
    let Some(server) = PostgresServer::start() else { return };
    let client = server.client().await;
    let outgoing = testing::outgoing();
    let place = ExportPlace::of_settings("postgresql", &server.settings(json!({})), &outgoing);
    let ExportPlace::Tables(tables) = place.unwrap() else { panic!("a database has tables") };
    let tables: Arc<crate::Tables> = Arc::from(tables);
    let columns = ["sequence", "n"]
        .map(|name| ParquetColumn { name: name.to_owned(), type_: ParquetType::Int });
    let folder = tempfile::tempdir().unwrap();
    let append = async |from: Option<u64>, to: u64, rows: &str| {
        let file = folder.path().join("rows.jsonl");
        fs_err::write(&file, rows).unwrap();
        let (tables, columns) = (Arc::clone(&tables), columns.clone());
        let append = move || {
            let moved = LogMove { log: "shop/changes", from, to };
            tables.append("changes", &columns, &file, &moved)
        };
        tokio::task::spawn_blocking(append).await.unwrap().map_err(|error| error.to_string())
    };
    let position = async || {
        let tables = Arc::clone(&tables);
        let position = move || tables.position("changes", "shop/changes").unwrap();
        tokio::task::spawn_blocking(position).await.unwrap()
    };
    assert_eq!(position().await, None);
    assert_eq!(append(None, 10, "{\"sequence\":3}\n{\"sequence\":9}\n").await, Ok(()));
    assert_eq!(position().await, Some(10));
    // Whoever does not know that it was done does it again in vain.
    let error = append(None, 10, "{\"sequence\":3}\n").await.unwrap_err();
    assert!(error.contains("nothing was written"), "{error}");
    let error = append(Some(10), 20, "{\"sequence\":11}\n{\"n\":\"much\"}\n").await;
    assert!(error.is_err(), "a wrong row leaves nothing of the others");
    assert_eq!(position().await, Some(10));
    assert_eq!(append(Some(10), 20, "{\"sequence\":11,\"n\":1}\n").await, Ok(()));
    assert_eq!(append(Some(20), 25, "").await, Ok(()), "no rows, but further");
    assert_eq!(position().await, Some(25));
    assert_eq!(
        ask(&client, "SELECT sequence FROM changes ORDER BY 1").await,
        [["3"], ["9"], ["11"]]
    );
}
