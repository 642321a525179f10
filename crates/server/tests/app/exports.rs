//! Exports: what is in the files, and those that are made again and again.

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use connectors::{Outgoing, OutgoingOptions};
use domain::Timestamp;
use engine::{Command, EngineOptions, EntityKind, Entry, ManualClock, Scheduled};
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
        self.export_of(json!({ "what": what, "format": format })).await
    }

    async fn export_of(&self, body: Value) -> Answer {
        self.post("/api/workspaces/shop/exports", body.to_string(), &[ADMIN]).await
    }

    /// The rows of the file that an export comes to.
    async fn exported_rows(&self, body: Value) -> Vec<Value> {
        let job = self.ended_job(&self.export_of(body).await).await;
        let (_, text) = self.download(&job).await;
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
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

#[tokio::test]
async fn one_audience_and_one_trait_are_exported_alone_and_computed_traits_with_people() {
    let app = TestApp::new().await;
    let put = async |path: &str, body: Value| {
        let made =
            app.call_exports(Method::PUT, &format!("/api/workspaces/shop/{path}"), body).await;
        assert!(made.status.is_success(), "{}", made.line());
    };
    put("audiences/viewers", json!({ "condition": "did \"Product Viewed\"" })).await;
    put("traits/similar", json!({ "kind": "recommended_items", "count": 1 })).await;
    for (key, type_) in [("n_views", "count"), ("seen", "unique_list")] {
        let property = (type_ != "count").then_some("product_id");
        let definition = json!({ "type": type_, "event": "Product Viewed", "property": property });
        put(&format!("computed_traits/{key}"), definition).await;
    }
    fill(&app).await;
    let rows = async |what: &str, only: Option<&str>| {
        app.exported_rows(json!({ "what": what, "only": only, "format": "jsonl" })).await
    };
    let members = rows("audiences", Some("golden")).await;
    assert_eq!(members.len(), 1, "{members:?}");
    assert_eq!(members[0]["audience"], "golden");
    let lists = rows("recommendations", Some("similar")).await;
    assert!(lists.len() == 2 && lists.iter().all(|row| row["trait"] == "similar"), "{lists:?}");
    let values = rows("computed_traits", None).await;
    let of = |user: &str, name: &str| {
        let row = values.iter().find(|row| row["user_id"] == user && row["name"] == name);
        row.unwrap_or_else(|| panic!("{name} of {user}: {values:?}")).clone()
    };
    assert_eq!(of("ben", "n_views")["value"], 2);
    assert_eq!(of("ann", "seen")["value"], json!(["lamp"]));
    assert!(of("ben", "n_views")["changed_at"].as_str().unwrap().starts_with("20"));
    let counts = rows("computed_traits", Some("n_views")).await;
    assert!(counts.len() == 2 && counts.iter().all(|row| row["name"] == "n_views"), "{counts:?}");
    let people = rows("people", None).await;
    let ben = people.iter().find(|row| row["user_ids"] == json!(["ben"])).unwrap();
    assert_eq!(ben["computed_traits"]["n_views"], 2, "{ben}");

    for (what, only, pointer) in [
        ("audiences", Some("gone"), "/only"),
        ("people", Some("golden"), "/only"),
        ("computed_traits", Some("golden"), "/only"),
        ("trait_updates", None, "/what"),
    ] {
        let refused = app.export_of(json!({ "what": what, "only": only, "format": "csv" })).await;
        assert_eq!(refused.status, 400, "{what}: {}", refused.line());
        assert_eq!(refused.body["pointer"], pointer, "{what}: {}", refused.line());
    }
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
    assert_eq!(named.status, 409, "{}", named.line());
    assert!(named.line().contains("in use by the export"), "{}", named.line());
    assert_eq!(app.call_exports(Method::DELETE, &path, Value::Null).await.status, 204);
    assert!(app.engine.due(Scheduled::Exports).unwrap().is_empty());
}

/// A workspace with a folder as the destination `lake`, at a time that does not pass.
async fn with_lake(places: &Path) -> TestApp {
    let clock = Arc::new(ManualClock::new(Timestamp(AT)));
    let outgoing = OutgoingOptions { files_folder: Some(places.to_owned()), ..Default::default() };
    let options = EngineOptions {
        outgoing: Some(Arc::new(Outgoing::new(&outgoing).unwrap())),
        ..EngineOptions::default()
    };
    let app = TestApp::with_options(clock as _, options).await;
    let lake = json!({ "kind": "parquet", "enabled": false,
        "settings": { "storage": "folder", "path": "lake" } });
    let made = app.call_exports(Method::PUT, DESTINATION, lake).await;
    assert!(made.status.is_success(), "{}", made.line());
    app
}

#[tokio::test]
async fn an_audience_that_an_export_names_stays_and_its_members_are_written_on_schedule() {
    let places = tempfile::tempdir().unwrap();
    let app = with_lake(places.path()).await;
    fill(&app).await;
    let path = format!("{SCHEDULED}/golden");
    let export =
        |only: &str| json!({ "what": "audiences", "only": only, "format": "csv", "into": "lake" });
    let refused = app.call_exports(Method::PUT, &path, export("silver")).await;
    assert_eq!((refused.status.as_u16(), &refused.body["pointer"]), (400, &json!("/only")));
    assert!(refused.line().contains("there is no such audience"), "{}", refused.line());
    assert_eq!(app.call_exports(Method::PUT, &path, export("golden")).await.status, 201);
    let run = app.call_exports(Method::POST, &format!("{path}/run"), Value::Null).await;
    assert_eq!(app.ended_job(&run).await["result"]["n_rows"], 1);
    let audience = "/api/workspaces/shop/audiences/golden";
    let refused = app.call_exports(Method::DELETE, audience, Value::Null).await;
    assert_eq!(refused.status, 409, "{}", refused.line());
    assert!(refused.line().contains("export"), "{}", refused.line());
    assert_eq!(app.call_exports(Method::DELETE, &path, Value::Null).await.status, 204);
    assert_eq!(app.call_exports(Method::DELETE, audience, Value::Null).await.status, 204);
}

#[tokio::test]
async fn logs_have_each_change_of_profiles_once_whatever_happens_between_runs() {
    let places = tempfile::tempdir().unwrap();
    let app = with_lake(places.path()).await;
    for what in ["identifier_updates", "trait_updates", "merge_updates"] {
        let export = json!({ "what": what, "format": "jsonl", "into": "lake", "every_hours": 1 });
        let made = app.call_exports(Method::PUT, &format!("{SCHEDULED}/{what}"), export).await;
        assert_eq!(made.status, 201, "{}", made.line());
    }
    let run = async |what: &str| {
        let path = format!("{SCHEDULED}/{what}/run");
        let job = app.ended_job(&app.call_exports(Method::POST, &path, Value::Null).await).await;
        assert_eq!(job["state"], "done", "{job}");
        job["result"]["n_rows"].as_u64().unwrap()
    };
    let rows = |what: &str| {
        let folder = places.path().join("lake").join(what);
        let files = files_in(&folder).into_iter();
        let texts = files.map(|file| fs_err::read_to_string(folder.join(file)).unwrap());
        let texts: Vec<String> = texts.collect();
        let lines = texts.iter().flat_map(|text| text.lines());
        lines.map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let identify = |n: u32, traits: Value| {
        json!({ "type": "identify", "userId": "ann", "messageId": format!("i{n}"),
            "timestamp": format!("2026-02-01T00:00:0{n}Z"), "traits": traits })
    };
    let seen = json!({ "type": "track", "anonymousId": "device", "messageId": "seen",
        "event": "Seen" });
    app.batch(json!([
        identify(1, json!({ "plan": "free", "size": 3 })),
        identify(2, json!({ "plan": "gold" })),
        identify(2, json!({ "plan": "gold" })),
        seen,
    ]))
    .await;
    assert_eq!(run("identifier_updates").await, 2);
    assert_eq!(run("trait_updates").await, 3);
    assert_eq!(run("merge_updates").await, 0);
    assert!(files_in(&places.path().join("lake/merge_updates")).is_empty(), "no rows, no file");
    let before = rows("identifier_updates");
    let device = before.iter().find(|row| row["value"] == "device").unwrap()["profile_id"].clone();

    // The device turns out to be hers, and somebody is imported.
    let merging = json!({ "type": "identify", "userId": "ann", "anonymousId": "device",
        "messageId": "i3", "timestamp": "2026-02-01T00:00:03Z", "traits": { "plan": null } });
    app.batch(json!([merging, identify(1, json!({ "plan": "late" }))])).await;
    let command = Command::Add { kind: EntityKind::User, id: "ben".to_owned() };
    let entry = Entry::Command { received_at: Timestamp(AT), command: Box::new(command) };
    app.engine.submit(vec![entry]).await.unwrap();
    assert_eq!(run("identifier_updates").await, 1);
    assert_eq!(run("trait_updates").await, 1);
    assert_eq!(run("merge_updates").await, 1);
    let identifiers = rows("identifier_updates");
    let ids: Vec<&Value> = identifiers.iter().map(|row| &row["value"]).collect();
    assert_eq!(ids, ["ann", "device", "ben"]);
    assert!(identifiers.iter().all(|row| row["operation"] == "added"), "{identifiers:?}");
    let traits = rows("trait_updates");
    let plans: Vec<(&Value, &Value)> = traits
        .iter()
        .filter(|row| row["name"] == "plan")
        .map(|row| (&row["value"], &row["message_id"]))
        .collect();
    assert_eq!(
        plans,
        [
            (&json!("free"), &json!("i1")),
            (&json!("gold"), &json!("i2")),
            (&Value::Null, &json!("i3")),
        ]
    );
    let sequences: Vec<u64> = traits.iter().map(|row| row["sequence"].as_u64().unwrap()).collect();
    assert!(sequences.is_sorted(), "{sequences:?}");
    let merges = rows("merge_updates");
    assert_eq!(merges[0]["merged_profile_id"], device);
    assert_eq!(merges[0]["profile_id"], identifiers[0]["profile_id"]);

    // The end of a run that was lost in a crash: it is done again, into the same file.
    let record = app.folder.path().join("timed/export_positions.json");
    let text = fs_err::read_to_string(&record).unwrap();
    app.batch(json!([identify(4, json!({ "plan": "last" }))])).await;
    assert_eq!(run("trait_updates").await, 1);
    fs_err::write(&record, text).unwrap();
    app.batch(json!([identify(5, json!({ "plan": "end" }))])).await;
    assert_eq!(run("trait_updates").await, 2);
    assert_eq!(rows("trait_updates").len(), 6, "{:?}", rows("trait_updates"));
    assert_eq!(run("trait_updates").await, 0);
}
