//! Imports and exports as jobs: what they answer, make and leave.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use web::Settings;

use super::{Answer, TestApp, track};

/// More than one step of an import.
const N_ROWS: usize = 5_000;
const CANCELLED: &str = "the job was cancelled";
const ADMIN: (&str, &str) = ("authorization", "Bearer admin");

impl TestApp {
    pub(super) async fn import_as_job(&self, query: &str, file: &str) -> Answer {
        let path = format!("/api/workspaces/shop/catalog?{query}");
        self.post(&path, file.to_owned(), &[ADMIN, ("content-type", "text/csv")]).await
    }
}

#[tokio::test]
async fn an_import_as_a_job_puts_the_file_in_force_or_says_why_not() {
    let app = TestApp::new().await;
    let started = app.import_as_job("job=true", "item_id,price\na,1.5\nb,2\n").await;
    assert_eq!(started.status, 202, "{}", started.line());
    let job = app.ended_job(&started).await;
    assert_eq!((&job["state"], &job["kind"]), (&json!("done"), &json!("import")), "{job}");
    assert_eq!(job["id"], started.body["id"]);
    assert_eq!(
        (&job["result"]["catalog_version"], &job["result"]["changes"]["n_new"]),
        (&json!(1), &json!(2))
    );
    let wrong = app.import_as_job("job=true&type=price=double", "item_id,price\na,cheap\n").await;
    let job = app.ended_job(&wrong).await;
    assert_eq!(
        (&job["state"], &job["error"]["code"]),
        (&json!("failed"), &json!("import_refused"))
    );
    assert_eq!(job["error"]["report"]["n_bad_cells"], 1, "{job}");
    let refused = app.ended_job(&app.import_as_job("job=true", "item_id,price\na,1\n").await).await;
    assert_eq!(refused["state"], "failed", "half of the items would be withdrawn");
    assert_eq!(app.admin("/api/workspaces/shop/catalog").await.body["current"], 1);
    let both = app.import_as_job("job=true&dry_run=true", "item_id\na\n").await;
    assert_eq!(both.status, 400, "{}", both.line());
    let no_file = job["id"].as_str().unwrap();
    let no_file = app.admin(&format!("/api/workspaces/shop/jobs/{no_file}/result")).await;
    assert_eq!(no_file.status, 404, "{}", no_file.line());
}

#[tokio::test]
async fn an_import_that_is_cancelled_on_the_way_changes_nothing() {
    let app = TestApp::new().await;
    app.ended_job(&app.import_as_job("job=true", "item_id,price\nlamp,1\nrug,2\n").await).await;
    let before = app.admin("/api/workspaces/shop/catalog").await.body;
    let rows = (0..N_ROWS).map(|n| format!("new-{n},{n}\n")).collect::<String>();
    let file = format!("item_id,price\n{rows}");
    let held = app.disk.hold_syncs();
    let started = app.import_as_job("job=true&confirm=2", &file).await;
    assert_eq!(started.status, 202, "{}", started.line());
    // The file was read, and the journal is about to have its first step.
    held.wait();
    let id = started.body["id"].as_str().unwrap();
    let cancel = format!("/api/workspaces/shop/jobs/{id}/cancel");
    let job = app.post(&cancel, "", &[ADMIN]).await.body;
    assert_eq!((&job["state"], &job["is_being_cancelled"]), (&json!("running"), &json!(true)));
    drop(held);
    let job = app.ended_job(&started).await;
    assert_eq!((&job["state"], &job["error"]["detail"]), (&json!("cancelled"), &json!(CANCELLED)));
    let share = job["progress"]["share"].as_f64().unwrap();
    assert!(share > 0.0 && share < 1.0, "some items were written: {job}");
    assert_eq!(app.admin("/api/workspaces/shop/catalog").await.body, before);
    let unchanged = async |app: &TestApp| {
        let items = app.admin("/api/workspaces/shop/items?state=on").await.body;
        assert_eq!(
            (&items["n_available"], items["items"].as_array().unwrap().len()),
            (&json!(2), 2)
        );
        let new = "/api/workspaces/shop/items/new-0";
        for path in [new, &format!("{new}/similar"), &format!("{new}/people")] {
            assert_eq!(app.admin(path).await.status, 404, "{path}");
        }
        let put = Request::put(format!("{new}/off")).header(ADMIN.0, ADMIN.1);
        assert_eq!(app.send(put.body(Body::empty()).unwrap()).await.status, 404);
        let found = app.admin("/api/workspaces/shop/search?q=new-0").await.body;
        assert!(!found.to_string().contains("new-0"), "{found}");
        let counts = app.engine.counts();
        assert_eq!((counts.items, counts.available_items), (2, 2));
    };
    unchanged(&app).await;
    // Neither a restart nor the next import puts in force what was left behind.
    let app = app.reopened();
    unchanged(&app).await;
    let next = app.import_as_job("job=true", "item_id,price\nlamp,3\nrug,4\n").await;
    assert_eq!(app.ended_job(&next).await["state"], "done");
    unchanged(&app).await;
    // An item of it is there once something else names it.
    app.batch(json!([track(1, "ann", "Product Viewed", json!({ "product_id": "new-0" }))])).await;
    assert_eq!(app.admin("/api/workspaces/shop/items/new-0").await.status, 200);
    assert_eq!(app.engine.counts().items, 3);
}

#[tokio::test]
async fn a_run_that_the_server_has_begun_is_a_job_that_can_be_cancelled() {
    let TestApp { router, engine, disk, folder } = TestApp::new().await;
    drop(router);
    let server = TestApp::app(&engine, folder.path(), Settings::default(), &[]);
    let app = TestApp { router: server::router(Arc::clone(&server)), engine, disk, folder };
    for batch in 0..5 {
        let view = |n: u32| {
            let properties = json!({ "product_id": format!("i{}", n * n % 41) });
            track(n, &format!("u{}", n % 67), "Product Viewed", properties)
        };
        app.batch((200 * batch..200 * (batch + 1)).map(view).collect()).await;
    }
    // A run that ends before it is cancelled proves nothing: another one is begun.
    for _ in 0..RUNS_MAX {
        let (server, engine) = (Arc::clone(&server), Arc::clone(&app.engine));
        let options = **server.training.load();
        let run = std::thread::spawn(move || {
            resources::training::run_due(&server, &engine, options).map(|_| ())
        });
        let running = loop {
            let jobs = app.admin("/api/workspaces/shop/jobs").await.body["jobs"].take();
            let job = jobs.as_array().unwrap().iter().find(|job| job["state"] == "running");
            if job.is_some() || run.is_finished() {
                break job.cloned();
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        };
        let mut id = None;
        if let Some(job) = running {
            assert_eq!(
                (&job["kind"], &job["started_by"]["kind"]),
                (&json!("training"), &json!("server"))
            );
            let of_job = job["id"].as_str().unwrap();
            let run_of_it = app.admin(&format!("/api/workspaces/shop/training/{of_job}")).await;
            assert_eq!(run_of_it.status, 200, "{}", run_of_it.line());
            app.post(&format!("/api/workspaces/shop/jobs/{of_job}/cancel"), "", &[ADMIN]).await;
            id = Some(of_job.to_owned());
        }
        let ended = tokio::task::spawn_blocking(|| run.join().unwrap()).await.unwrap();
        if ended.is_ok() {
            continue;
        }
        let path = format!("/api/workspaces/shop/jobs/{}", id.expect("a run that failed was seen"));
        let job = app.admin(&path).await.body;
        assert_eq!(job["state"], "cancelled", "{job}");
        return;
    }
    panic!("each of {RUNS_MAX} runs ended before it was cancelled");
}

/// Training runs that are begun until one is cancelled in time.
const RUNS_MAX: usize = 50;
