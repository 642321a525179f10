//! Exports: what is in the files, and those that are made again and again.

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use connectors::{Outgoing, OutgoingOptions};
use domain::Timestamp;
use engine::{EngineOptions, ManualClock, Scheduled};
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::{Value, json};

use super::{Answer, TestApp, track};

const ADMIN: (&str, &str) = ("authorization", "Bearer admin");
const SCHEDULED: &str = "/api/workspaces/shop/scheduled_exports";
const DESTINATION: &str = "/api/workspaces/shop/destinations/lake";
const HOUR_MS: i64 = 3_600 * 1_000;
/// 2026-03-01T10:30:00Z.
const AT: i64 = 1_772_361_000_000;

impl TestApp {
    async fn call_exports(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = Request::builder().method(method).uri(path).header(ADMIN.0, ADMIN.1);
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    async fn export(&self, what: &str, format: &str) -> Answer {
        let body = json!({ "what": what, "format": format }).to_string();
        self.post("/api/workspaces/shop/exports", body, &[ADMIN]).await
    }

    /// The headers of the file that a job has made, and what is in it.
    async fn download(&self, job: &Value) -> (axum::http::HeaderMap, String) {
        let path = format!("/api/workspaces/shop/jobs/{}/result", job["id"].as_str().unwrap());
        let request = Request::get(path).header(ADMIN.0, ADMIN.1).body(Body::empty()).unwrap();
        let (parts, bytes) = self.send_raw(request).await;
        assert_eq!(parts.status, 200, "{bytes:?}");
        (parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
    }
}

#[tokio::test]
async fn exports_have_all_items_people_and_interactions_and_no_formula() {
    let app = TestApp::new().await;
    let file = "item_id,title,price\nlamp,=1+1,2.5\n\"a,b\",plain,\n";
    app.ended_job(&app.import_as_job("job=true", file).await).await;
    app.batch(json!([
        { "type": "identify", "userId": "ann", "messageId": "m1", "traits": { "plan": "gold" } },
        { "type": "track", "anonymousId": "nobody", "messageId": "m2", "event": "Product Viewed",
          "timestamp": "2026-01-02T03:04:05Z", "properties": { "product_id": "lamp" } },
        track(3, "ann", "Product Viewed", json!({ "product_id": "a,b" })),
    ]))
    .await;
    let started = app.export("items", "csv").await;
    assert_eq!(started.status, 202, "{}", started.line());
    let job = app.ended_job(&started).await;
    assert_eq!((&job["state"], &job["result"]["n_rows"]), (&json!("done"), &json!(2)), "{job}");
    let (headers, text) = app.download(&job).await;
    assert_eq!(text, "item_id,catalog,title,price\nlamp,items,'=1+1,2.5\n\"a,b\",items,plain,\n");
    assert_eq!(headers["content-disposition"], "attachment; filename=\"shop-items.csv\"");
    assert_eq!(headers["content-length"], text.len().to_string().as_str());

    let lines = async |what: &str| {
        let job = app.ended_job(&app.export(what, "jsonl").await).await;
        let (_, text) = app.download(&job).await;
        assert_eq!(job["result"]["n_bytes"], text.len());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let items = lines("items").await;
    assert!(items.contains(
        &json!({ "item_id": "lamp", "catalog": "items", "title": "=1+1", "price": 2.5 })
    ));
    let people = lines("people").await;
    assert_eq!(people.len(), 2);
    assert!(people.contains(
        &json!({ "user_ids": ["ann"], "anonymous_ids": [], "traits": { "plan": "gold" } })
    ));
    let interactions = lines("interactions").await;
    assert_eq!(interactions.len(), 2, "{interactions:?}");
    assert!(interactions.contains(&json!({
        "anonymous_id": "nobody", "item_id": "lamp", "kind": "view",
        "timestamp": "2026-01-02T03:04:05.000Z",
    })));

    // The oldest files make room, and none is left in the folder but those.
    let folder = app.folder.path().join("installation/exports");
    for _ in 0..web::jobs::FILES_KEPT_MAX {
        app.ended_job(&app.export("items", "jsonl").await).await;
    }
    assert_eq!(fs_err::read_dir(&folder).unwrap().count(), web::jobs::FILES_KEPT_MAX);
    let gone = format!("/api/workspaces/shop/jobs/{}/result", job["id"].as_str().unwrap());
    assert_eq!(app.admin(&gone).await.status, 404);
    let unknown = app.export("secrets", "csv").await;
    assert_eq!(unknown.status, 400, "{}", unknown.line());
    fs_err::write(folder.join("left-by-a-crash.csv"), "x").unwrap();
    let app = app.reopened();
    assert!(!folder.exists(), "a start removes what an earlier process has left");
    drop(app);
}

/// Messages of two people: one is in an audience and has an e-mail trait, one bought.
async fn fill(app: &TestApp) {
    let audience = json!({ "condition": "trait plan = \"gold\"" });
    let path = "/api/workspaces/shop/audiences/golden";
    let made = app.call_exports(Method::PUT, path, audience).await;
    assert_eq!(made.status, 201, "{}", made.line());
    app.batch(json!([
        { "type": "identify", "userId": "ann", "anonymousId": "a1", "messageId": "m1",
          "traits": { "plan": "gold", "size": 3 } },
        track(2, "ann", "Product Viewed", json!({ "product_id": "lamp" })),
        track(3, "ben", "Product Viewed", json!({ "product_id": "lamp" })),
        track(4, "ben", "Product Viewed", json!({ "product_id": "desk" })),
    ]))
    .await;
}

#[tokio::test]
async fn audiences_recommendations_and_the_tables_of_profiles_are_exported() {
    let app = TestApp::new().await;
    fill(&app).await;
    let lines = async |what: &str| {
        let job = app.ended_job(&app.export(what, "jsonl").await).await;
        let (_, text) = app.download(&job).await;
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let members = lines("audiences").await;
    assert_eq!(members.len(), 1);
    assert_eq!(
        (&members[0]["audience"], &members[0]["user_ids"], &members[0]["anonymous_ids"]),
        (&json!("golden"), &json!(["ann"]), &json!(["a1"]))
    );
    let lists = lines("recommendations").await;
    let of_ann: Vec<_> = lists.iter().filter(|row| row["user_id"] == "ann").collect();
    let positions: Vec<&Value> = of_ann.iter().map(|row| &row["position"]).collect();
    assert_eq!(positions, [&json!(1), &json!(2)], "{lists:?}");
    assert!(of_ann.iter().all(|row| row["trait"] == "recommended_items"));
    assert!(of_ann.iter().any(|row| row["item_id"] == "desk"), "{lists:?}");
    let identifiers = lines("identifiers").await;
    let ids = |id: &str| identifiers.iter().find(|row| row["value"] == id).unwrap();
    assert_eq!(ids("ann")["profile_id"], ids("a1")["profile_id"]);
    assert_ne!(ids("ann")["profile_id"], ids("ben")["profile_id"]);
    assert_eq!((&ids("a1")["type"], &ids("a1")["source"]), (&json!("anonymous_id"), &json!("web")));
    let traits = lines("traits").await;
    assert_eq!(traits.len(), 2);
    let size = traits.iter().find(|row| row["name"] == "size").unwrap();
    assert_eq!((&size["value"], &size["profile_id"]), (&json!(3), &ids("ann")["profile_id"]));
    assert_eq!(lines("merges").await.len(), 0);
}

/// The rows of a Parquet file, each value as it is shown.
fn parquet_rows(bytes: Vec<u8>) -> Vec<Value> {
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    let object = |row: parquet::record::Row| {
        let fields = row.get_column_iter();
        fields.map(|(name, field)| (name.clone(), json!(field.to_string()))).collect()
    };
    rows.map(|row| object(row.unwrap())).collect()
}

#[tokio::test]
async fn parquet_has_columns_with_types() {
    let app = TestApp::new().await;
    fill(&app).await;
    let job = app.ended_job(&app.export("interactions", "parquet").await).await;
    let path = format!("/api/workspaces/shop/jobs/{}/result", job["id"].as_str().unwrap());
    let request = Request::get(path).header(ADMIN.0, ADMIN.1).body(Body::empty()).unwrap();
    let (_, bytes) = app.send_raw(request).await;
    assert_eq!(job["result"]["n_bytes"], bytes.len());
    let rows = parquet_rows(bytes.to_vec());
    assert_eq!(rows.len(), 3);
    let row = rows.iter().find(|row| row["item_id"] == "\"desk\"").unwrap();
    assert_eq!((&row["user_id"], &row["kind"]), (&json!("\"ben\""), &json!("\"view\"")));
    assert_eq!((&row["price"], &row["anonymous_id"]), (&json!("null"), &json!("null")));
    let at = row["timestamp"].as_str().unwrap();
    assert!(at.starts_with("20"), "a time, not a text: {row}");
    let job = app.ended_job(&app.export("merges", "parquet").await).await;
    assert_eq!((&job["state"], &job["result"]["n_rows"]), (&json!("done"), &json!(0)), "{job}");
}

/// The files below a folder.
fn files_in(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_scheduled_export_goes_into_the_folder_of_a_destination_once_in_each_period() {
    let places = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp(AT)));
    let outgoing =
        OutgoingOptions { files_folder: Some(places.path().to_owned()), ..Default::default() };
    let options = EngineOptions {
        outgoing: Some(Arc::new(Outgoing::new(&outgoing).unwrap())),
        ..EngineOptions::default()
    };
    let app = TestApp::with_options(Arc::clone(&clock) as _, options).await;
    fill(&app).await;
    let export = |into: &str| json!({ "what": "people", "format": "jsonl", "into": into, "every_hours": 24 });
    let path = format!("{SCHEDULED}/nightly");
    let refused = app.call_exports(Method::PUT, &path, export("lake")).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.body["pointer"], "/into", "{}", refused.line());
    let lake = json!({ "kind": "parquet", "enabled": false,
        "settings": { "storage": "folder", "path": "lake" } });
    let made = app.call_exports(Method::PUT, DESTINATION, lake).await;
    assert!(made.status.is_success(), "{}", made.line());
    let made = app.call_exports(Method::PUT, &path, export("lake")).await;
    assert_eq!(made.status, 201, "{}", made.line());
    assert_eq!(app.admin(&path).await.body["last_run"], json!(null));
    assert_eq!(app.engine.due(Scheduled::Exports).unwrap(), ["nightly"]);

    let run_path = format!("{path}/run");
    let run = || app.call_exports(Method::POST, &run_path, Value::Null);
    let job = app.ended_job(&run().await).await;
    assert_eq!((&job["state"], &job["result"]["n_rows"]), (&json!("done"), &json!(2)), "{job}");
    let folder = places.path().join("lake/nightly");
    assert_eq!(files_in(&folder), ["2026-03-01T10-30-00.000Z.jsonl"]);
    let text = fs_err::read_to_string(folder.join("2026-03-01T10-30-00.000Z.jsonl")).unwrap();
    assert!(text.contains("\"ben\"") && text.lines().count() == 2, "{text}");
    let shown = app.admin(&path).await.body;
    assert_eq!(shown["last_run"]["outcome"], "lake/nightly/2026-03-01T10-30-00.000Z.jsonl");
    assert!(files_in(&app.folder.path().join("timed/installation/exports")).is_empty());

    // The next one is due at midnight, not a day later.
    assert!(app.engine.due(Scheduled::Exports).unwrap().is_empty());
    clock.set(Timestamp(AT + 13 * HOUR_MS));
    assert!(app.engine.due(Scheduled::Exports).unwrap().is_empty());
    clock.set(Timestamp(AT + 14 * HOUR_MS));
    assert_eq!(app.engine.due(Scheduled::Exports).unwrap(), ["nightly"]);

    // A run that fails says why, and is tried again.
    fs_err::remove_dir_all(places.path()).unwrap();
    fs_err::write(places.path(), "no folder").unwrap();
    let job = app.ended_job(&run().await).await;
    assert_eq!(job["state"], "failed", "{job}");
    let error = app.admin(&path).await.body["last_run"]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("lake/nightly/"), "{error}");
    assert!(app.engine.due(Scheduled::Exports).unwrap().is_empty());
    clock.set(Timestamp(AT + 15 * HOUR_MS));
    assert_eq!(app.engine.due(Scheduled::Exports).unwrap(), ["nightly"]);
    fs_err::remove_file(places.path()).unwrap();

    let named = app.call_exports(Method::DELETE, DESTINATION, Value::Null).await;
    assert_eq!(named.status, 400, "{}", named.line());
    assert!(named.line().contains("in use by the export"), "{}", named.line());
    assert_eq!(app.call_exports(Method::DELETE, &path, Value::Null).await.status, 204);
    assert!(app.engine.due(Scheduled::Exports).unwrap().is_empty());
}
