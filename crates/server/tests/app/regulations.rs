//! People's data over HTTP: regulations with receipts, suppression through each API, and deletions
//! in the form of CleverTap's API.

use std::sync::Arc;

use domain::WorkspaceId;
use engine::installation::Actor;
use engine::{Receipt, Surroundings};
use resources::catalog_drafts::{Upload, find};
use resources::privacy::run_pending;
use serde_json::{Value, json};
use server::router;
use web::Settings;
use web::jobs::{JobControl, JobFile, JobKind, JobOutcome, JobState, NewJob};

use super::{Answer, TestApp};

const ADMIN: (&str, &str) = ("authorization", "Bearer admin");
const START: &str = "/api/workspaces/shop/regulations";

impl TestApp {
    async fn regulate(&self, body: Value) -> Answer {
        self.post(START, body.to_string(), &[ADMIN]).await
    }

    /// Does what a thread of the server does.
    async fn run_regulations(&self) -> Vec<Receipt> {
        let engine = Arc::clone(&self.engine);
        let run = move || {
            let pass = engine.next_pass().unwrap();
            let results = engine.run_regulations(&pass, &Surroundings::NONE).unwrap();
            results.into_iter().map(|(_, result)| result.unwrap()).collect()
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }
}

fn viewed(id: &str, user: &str) -> Value {
    json!({ "type": "track", "messageId": id, "userId": user, "event": "Product Viewed",
        "properties": { "product_id": "i1" } })
}

#[tokio::test]
async fn a_person_is_deleted_with_a_receipt_and_refused_through_each_api_from_then_on() {
    let app = TestApp::new().await;
    app.batch(json!([viewed("m1", "ann-000017"), viewed("m2", "bob-000018")])).await;
    let asked = json!({ "type": "SUPPRESS_WITH_DELETE", "user_ids": ["ann-000017"] });
    let taken = app.regulate(asked).await;
    assert_eq!(taken.status, 202, "{}", taken.line());
    let id = taken.body["id"].as_str().unwrap().to_owned();
    assert_eq!(taken.headers["location"], format!("{START}/{id}"));
    assert_eq!((&taken.body["status"], &taken.body["people"]), (&json!("RUNNING"), &json!(1)));
    assert!(taken.body.get("receipt").is_none());
    assert_eq!(app.run_regulations().await.len(), 1);

    let shown = app.admin(&format!("{START}/{id}")).await.body;
    assert_eq!(shown["status"], "FINISHED", "{shown}");
    assert_eq!(shown["receipt"]["scan"]["found"], 0, "{shown}");
    assert_eq!(shown["receipt"]["state"]["profiles"], 1, "{shown}");
    assert!(!shown.to_string().contains("ann-000017"), "a receipt names nobody");
    let listed = app.admin(START).await.body;
    assert_eq!(listed["regulations"][0]["id"], id);
    assert!(listed["regulations"][0].get("receipt").is_none());
    assert_eq!(listed["suppressed_people"], 1);
    let path = "/api/workspaces/shop/people/user_id:ann-000017";
    assert_eq!(app.admin(path).await.status, 404);

    // Messages are answered as always, and strict senders are told.
    let strict = app.batch(json!([viewed("m3", "ann-000017"), viewed("m4", "bob-000018")])).await;
    assert_eq!(strict.status, 200, "{}", strict.line());
    let statuses: Vec<&Value> =
        strict.body["messages"].as_array().unwrap().iter().map(|told| &told["status"]).collect();
    assert_eq!(statuses, ["suppressed", "accepted"]);
    let single = json!({ "writeKey": "key", "userId": "ann-000017", "event": "E" }).to_string();
    assert_eq!(app.post("/v1/track", single, &[]).await.status, 200);
    let record = json!({ "d": [{ "type": "event", "identity": "ann-000017", "evtName": "E" }] });
    let upload = [("x-clevertap-account-id", "key"), ("x-clevertap-passcode", "key")];
    assert_eq!(app.post("/1/upload", record.to_string(), &upload).await.body["status"], "success");
    assert_eq!(app.admin(path).await.status, 404);
    assert_eq!(app.admin(START).await.body["refused"], 3);
    let of = |id: &str| format!("/api/workspaces/shop/suppressed/{id}");
    assert_eq!(app.admin(&of("ann-000017")).await.body["suppressed"], true);
    assert_eq!(app.admin(&of("bob-000018")).await.body["suppressed"], false);

    // Until that is lifted.
    app.regulate(json!({ "type": "UNSUPPRESS", "user_ids": ["ann-000017"] })).await;
    app.run_regulations().await;
    let again = app.batch(json!([viewed("m5", "ann-000017")])).await;
    assert_eq!(again.body["messages"][0]["status"], "accepted");
    assert_eq!(app.admin(path).await.status, 200);
}

#[tokio::test]
async fn wrong_regulations_are_refused_and_change_nothing() {
    let app = TestApp::new().await;
    for (body, status) in [
        (json!({ "type": "DELETE_EVERYTHING", "user_ids": ["a"] }), 400),
        (json!({ "type": "DELETE_ONLY" }), 400),
        (json!({ "type": "DELETE_ONLY", "user_ids": [""] }), 400),
        (json!({ "type": "DELETE_ONLY", "user_ids": vec!["a"; 5_001] }), 400),
        (json!({ "type": "DELETE_ONLY", "users": ["a"] }), 400),
    ] {
        let answer = app.regulate(body).await;
        assert_eq!(answer.status, status, "{}", answer.line());
    }
    // What is wrong with the type of an id is told as such, and where.
    for (type_, pointer) in [("A b", json!("/external_ids/0/type")), ("card", json!(null))] {
        let ids = json!([{ "type": type_, "id": "4711" }]);
        let refused = app.regulate(json!({ "type": "DELETE_ONLY", "external_ids": ids })).await;
        assert_eq!(refused.status, 400, "{}", refused.line());
        assert_eq!(refused.body["title"], "A value is wrong", "{}", refused.body);
        assert_eq!(refused.body["pointer"], pointer, "{}", refused.body);
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("{type_:?}")), "{detail}");
    }
    let unknown = format!("{START}/2f0d9b0c-4f0a-4a61-8a4e-2b8b0f2f7d11");
    assert_eq!(app.admin(&unknown).await.status, 404);
    assert_eq!(app.admin(START).await.body["regulations"], json!([]));
}

#[tokio::test]
async fn profiles_are_deleted_in_the_form_of_the_upload_api_with_a_token_only() {
    let app = TestApp::new().await;
    app.batch(json!([viewed("m1", "ann-000017"), viewed("m2", "bob-000018")])).await;
    let delete = async |body: Value, passcode: &str| {
        let headers =
            [("x-clevertap-account-id", "bearer-key"), ("x-clevertap-passcode", passcode)];
        app.post("/1/delete/profiles.json", body.to_string(), &headers).await
    };
    // A write key stands in web pages.
    let open = [("x-clevertap-account-id", "key"), ("x-clevertap-passcode", "key")];
    let body = json!({ "identity": "ann-000017" }).to_string();
    let refused = app.post("/1/delete/profiles.json", body, &open).await;
    assert_eq!((refused.status.as_u16(), &refused.body["status"]), (403, &json!("fail")));
    assert_eq!(delete(json!({ "identity": "ann-000017" }), "wrong").await.status, 401);
    assert_eq!(delete(json!({ "name": "ann-000017" }), "t1").await.status, 400);
    assert_eq!(delete(json!({ "identity": vec!["a"; 101] }), "t1").await.status, 400);
    assert_eq!(app.engine.pending_regulations().unwrap().len(), 0);

    let taken = delete(json!({ "identity": ["ann-000017"], "guid": "device-17" }), "t1").await;
    assert_eq!((taken.status.as_u16(), &taken.body["status"]), (200, &json!("success")));
    let receipts = app.run_regulations().await;
    assert_eq!((receipts[0].people, receipts[0].state.profiles), (2, 1));
    let people = "/api/workspaces/shop/people/user_id:";
    assert_eq!(app.admin(&format!("{people}ann-000017")).await.status, 404);
    assert_eq!(app.admin(&format!("{people}bob-000018")).await.status, 200);
}

#[tokio::test]
async fn exports_and_uploaded_files_of_the_workspace_go_with_a_deletion() {
    let mut app = TestApp::new().await;
    app.router = axum::Router::new();
    let shared = TestApp::app(&app.engine, app.folder.path(), Settings::default(), &[]);
    app.router = router(Arc::clone(&shared));
    let (shop, other) = (WorkspaceId::new("shop").unwrap(), WorkspaceId::new("other").unwrap());
    app.batch(json!([viewed("m1", "ann-000017"), viewed("m2", "bob-000018")])).await;
    let asked = json!({ "what": "people", "format": "jsonl" }).to_string();
    let export = app.post("/api/workspaces/shop/exports", asked, &[ADMIN]).await;
    let export = app.ended_job(&export).await;
    assert_eq!(export["state"], "done", "{export}");
    let exports = app.folder.path().join("installation/exports");
    // Another one is under way, which would end with the person in its file.
    let file = JobFile {
        path: exports.join("under-way.csv"),
        name: "people.csv".to_owned(),
        media_type: "text/csv",
    };
    let making = move |control: &JobControl| {
        fs_err::write(&file.path, "ann-000017").unwrap();
        while !control.is_cancelled() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        Ok(JobOutcome { file: Some(file), ..JobOutcome::of(&"made") })
    };
    let new = NewJob::new(shop.clone(), JobKind::Export, Actor::CommandLine);
    let under_way = shared.jobs.start(new, making).unwrap();
    let upload = async |workspace: &WorkspaceId, title: &'static str| {
        let upload = Upload::begin(&shared, workspace, "items.csv").await.unwrap();
        let upload = upload.write(format!("item_id,title\ni1,{title}\n")).await.unwrap();
        upload.end().id.to_string()
    };
    let own = upload(&shop, "Made for ann-000017").await;
    let of_other = upload(&other, "Made for everybody").await;
    assert!(find(&shared, &shop, &own).await.is_ok());

    let taken =
        app.regulate(json!({ "type": "DELETE_INTERNAL", "user_ids": ["ann-000017"] })).await;
    let (running, engine) = (Arc::clone(&shared), Arc::clone(&app.engine));
    let run = move || run_pending(&running, &engine).unwrap();
    assert!(tokio::task::spawn_blocking(run).await.unwrap());
    let id = taken.body["id"].as_str().unwrap();
    let shown = app.admin(&format!("{START}/{id}")).await.body;
    assert_eq!(shown["receipt"]["files"], json!({ "exports": 2, "uploads": 1 }), "{shown}");
    assert_eq!(
        (&shown["status"], &shown["receipt"]["scan"]["found"]),
        (&json!("FINISHED"), &json!(0))
    );
    assert_eq!(shared.jobs.find(&shop, id.parse().unwrap()).unwrap().state, JobState::Done);

    assert!(shared.jobs.find(&shop, under_way.id).unwrap().state.has_ended());
    assert_eq!(fs_err::read_dir(&exports).unwrap().count(), 0);
    let result = format!("/api/workspaces/shop/jobs/{}/result", export["id"].as_str().unwrap());
    assert_eq!(app.admin(&result).await.status, 404);
    assert!(find(&shared, &shop, &own).await.is_err(), "the uploaded file is gone");
    assert!(find(&shared, &other, &of_other).await.is_ok(), "that of another workspace is not");
}
