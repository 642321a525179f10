//! Files of messages are taken by jobs.

use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};

use crate::{Answer, TestApp};

const ADMIN: (&str, &str) = ("authorization", "Bearer admin");

async fn send(app: &TestApp, query: &str, file: impl Into<axum::body::Body>) -> Answer {
    app.post(&format!("/api/workspaces/shop/sources/web/files?{query}"), file, &[ADMIN]).await
}

/// The result of a job that takes a file.
async fn taken(app: &TestApp, query: &str, file: impl Into<axum::body::Body>) -> Value {
    let started = send(app, query, file).await;
    assert_eq!(started.status, 202, "{}", started.line());
    let job = app.ended_job(&started).await;
    assert_eq!((&job["state"], &job["kind"]), (&json!("done"), &json!("messages")), "{job}");
    job["result"].clone()
}

async fn events(app: &TestApp, user: &str) -> Vec<Value> {
    let answer = app.profile(&format!("user_id:{user}"), "events?limit=100").await;
    answer.body["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_same_messages_come_of_each_format_and_count_once() {
    let csv = "type,userId,event,timestamp,sku,properties.price,note\n\
               track,u1,Product Viewed,2023-01-01,i1,9.5,x\n\
               track,u2,Product Viewed,1700000000,i2,,y\n";
    let jsonl = r#"{"type":"track","userId":"u1","event":"Product Viewed","timestamp":"2023-01-01","properties":{"product_id":"i1","price":9.5}}

{"type":"track","userId":"u2","event":"Product Viewed","timestamp":1700000000,"properties":{"product_id":"i2"}}
"#;
    let renamed = "member=properties.product_id=sku&type=properties.price=number";
    for (query, file) in [
        (format!("format=csv&{renamed}"), csv.as_bytes().to_vec()),
        ("format=jsonl".to_owned(), jsonl.as_bytes().to_vec()),
        (format!("format=parquet&set=type=track&{renamed}"), write_parquet()),
    ] {
        let app = TestApp::new().await;
        let first = taken(&app, &query, file.clone()).await;
        assert_eq!((&first["n_rows"], &first["n_accepted"]), (&json!(2), &json!(2)), "{first}");
        let again = taken(&app, &query, file).await;
        assert_eq!((&again["n_duplicates"], &again["n_accepted"]), (&json!(2), &json!(0)));
        assert_eq!(app.engine.counts().interactions, 2, "{query}");
        let [one] = &events(&app, "u1").await[..] else { panic!("one event") };
        assert_eq!(one["properties"], json!({ "product_id": "i1", "price": 9.5 }), "{query}");
        assert_eq!(one["timestamp"], "2023-01-01T00:00:00.000Z");
        let [two] = &events(&app, "u2").await[..] else { panic!("one event") };
        assert_eq!(two["properties"], json!({ "product_id": "i2" }), "{query}");
        assert_eq!(two["timestamp"], "2023-11-14T22:13:20.000Z");
    }
}

fn write_parquet() -> Vec<u8> {
    let schema = "message rows {
        required binary userId (UTF8); required binary event (UTF8);
        required int64 timestamp (TIMESTAMP(MILLIS,true));
        required binary sku (UTF8); optional group properties { optional double price; }
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut bytes = Vec::new();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let texts = |texts: [&str; 2]| texts.map(|text| ByteArray::from(text.as_bytes().to_vec()));
    for n in 0..5 {
        let mut column = group.next_column().unwrap().unwrap();
        let times = [1_672_531_200_000, 1_700_000_000_000];
        match n {
            0 => column.typed::<ByteArrayType>().write_batch(&texts(["u1", "u2"]), None, None),
            1 => {
                let names = texts(["Product Viewed"; 2]);
                column.typed::<ByteArrayType>().write_batch(&names, None, None)
            }
            2 => column.typed::<Int64Type>().write_batch(&times, None, None),
            3 => column.typed::<ByteArrayType>().write_batch(&texts(["i1", "i2"]), None, None),
            _ => column.typed::<DoubleType>().write_batch(&[9.5], Some(&[2, 0]), None),
        }
        .unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    bytes
}

#[tokio::test]
async fn a_report_names_the_first_mistakes_by_their_lines() {
    let app = TestApp::new().await;
    let file = "userId,event,properties.price,properties.products,price\n\
                u1,Seen,1.5,\"[{\"\"sku\"\":\"\"a\"\"}]\",3\n\
                ,Seen,2,,\n\
                u1,,2,,\n\
                u1,Seen,cheap,,\n\
                u1,Seen,1,[,\n\
                u1,Seen,1,,,,\n";
    let query =
        "format=csv&set=type=track&type=properties.price=number&type=properties.products=json";
    let dry = taken(&app, &format!("{query}&dry_run=true"), file).await;
    insta::assert_json_snapshot!(dry);
    assert_eq!(app.engine.counts().message_ids, 0, "a dry run takes nothing");
    assert_eq!(taken(&app, query, file).await, dry);
    assert_eq!(app.engine.counts().message_ids, 1);
    let other_meaning = taken(&app, &format!("{query}&set=name=x"), file).await;
    assert_eq!(other_meaning["n_accepted"], 1, "with other options it is another file");
    let many: String = (0..30).map(|_| "{}\n").collect();
    let report = taken(&app, "format=jsonl", many).await;
    assert_eq!(report["first_refused"].as_array().unwrap().len(), 20);
    assert_eq!(report["refused_by_reason"], json!({ "type_invalid": 30 }));
}

#[tokio::test]
async fn what_cannot_be_a_file_is_refused_with_the_reason() {
    let app = TestApp::new().await;
    let mut lines = Vec::new();
    for query in [
        "",
        "format=xml",
        "format=csv&member=x",
        "format=csv&type=properties.a=date",
        "format=csv&set==x",
        "format=csv&nope=1",
    ] {
        lines.push(send(&app, query, "a\n").await.line());
    }
    for source in ["old", "nope"] {
        let path = format!("/api/workspaces/shop/sources/{source}/files?format=csv");
        lines.push(app.post(&path, "a\n", &[ADMIN]).await.line());
    }
    for (query, file) in
        [("format=parquet", "PAR1".to_owned()), ("format=jsonl", "x".repeat(1_100_000))]
    {
        let job = app.ended_job(&send(&app, query, file).await).await;
        lines.push(format!("{query}: {} {}", job["state"], job["error"]["detail"]));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_cancelled_job_keeps_what_was_taken_and_the_file_again_adds_the_rest() {
    let app = TestApp::new().await;
    let file: String = (0..20_000)
        .map(|n| format!("{{\"type\":\"track\",\"userId\":\"u{}\",\"event\":\"E\"}}\n", n % 7))
        .collect();
    let started = send(&app, "format=jsonl", file.clone()).await;
    let path = format!("{}/cancel", started.headers["location"].to_str().unwrap());
    assert_eq!(app.post(&path, "", &[ADMIN]).await.status, 200);
    let job = app.ended_job(&started).await;
    assert_eq!(job["state"], "cancelled", "{job}");
    let taken_before = app.engine.counts().message_ids;
    let rest = taken(&app, "format=jsonl", file).await;
    assert_eq!(rest["n_duplicates"], taken_before);
    assert_eq!(app.engine.counts().message_ids, 20_000);
}
