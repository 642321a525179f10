//! How long a workspace keeps its journal, over the admin API.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::http::{Method, Request};
use domain::Timestamp;
use engine::{Entry, ManualClock, SAMPLE_INTERVAL_MS, SAMPLES};
use serde_json::{Value, json};

use super::{Answer, TestApp};

const RETENTION: &str = "/api/workspaces/shop/retention";
const SETTINGS: &str = "/api/workspaces/shop/settings";
const DAY_MS: i64 = 24 * 3_600 * 1_000;
const AT: i64 = 1_700_000_000_000;

impl TestApp {
    async fn call_retention(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", "Bearer admin")
            .header("content-type", "application/json");
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }
}

#[tokio::test]
async fn what_a_workspace_keeps_is_set_shown_and_cut_by_a_job() {
    let clock = Arc::new(ManualClock::new(Timestamp(AT)));
    let app = TestApp::at(Arc::clone(&clock) as Arc<dyn engine::Clock>).await;
    let shown = app.admin(RETENTION).await.body;
    assert_eq!((&shown["retention"], &shown["plan"]["days"]), (&json!(null), &json!(null)));
    let refused = app.call_retention(Method::POST, RETENTION, Value::Null).await;
    assert_eq!(refused.status, 400, "{}", refused.line());
    for days in [0, 36_501] {
        let body = json!({ "retention": { "days": days } });
        let refused = app.call_retention(Method::PATCH, SETTINGS, body).await;
        assert_eq!(refused.status, 400, "{}", refused.line());
        let refused = app.admin(&format!("{RETENTION}?days={days}")).await;
        assert_eq!(refused.status, 400, "{}", refused.line());
    }
    let kept = json!({ "retention": { "days": 30 } });
    let set = app.call_retention(Method::PATCH, SETTINGS, kept).await;
    assert_eq!(set.body["retention"]["days"], 30, "{}", set.line());
    let kept = app.call_retention(Method::PATCH, SETTINGS, json!({ "name": "Shop" })).await;
    assert_eq!(kept.body["retention"]["days"], 30, "other settings leave it as it is");

    // The first segment is closed when it is old, and cut when it is older than is kept.
    let run = || app.call_retention(Method::POST, RETENTION, Value::Null);
    clock.set(Timestamp(AT + 2 * DAY_MS));
    let job = app.ended_job(&run().await).await;
    let nothing = &job["result"]["cut"]["segments"];
    assert_eq!((&job["state"], nothing), (&json!("done"), &json!(0)), "{job}");
    clock.set(Timestamp(AT + 40 * DAY_MS));
    let at = |n: i64| Timestamp(AT + 40 * DAY_MS + n * SAMPLE_INTERVAL_MS);
    let entries = (0..SAMPLES as i64).map(|n| Entry::Resumed { received_at: at(n) });
    app.engine.submit(entries.collect()).await.unwrap();
    let shown = app.admin(RETENTION).await.body;
    let dry =
        app.call_retention(Method::POST, &format!("{RETENTION}?dry_run=true"), Value::Null).await;
    assert_eq!((dry.status.as_u16(), &dry.body["plan"]), (200, &shown["plan"]));
    assert_eq!(
        (&shown["plan"]["cut"]["segments"], &shown["plan"]["journal"]["start"]),
        (&json!(1), &json!(0))
    );
    // While a run of the server is under way, callers share one job that waits for it.
    let (engine, is_let_go) = (Arc::clone(&app.engine), Arc::new(AtomicBool::new(false)));
    let let_go = Arc::clone(&is_let_go);
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let begun = parking_lot::Mutex::new(Some(begun));
    let other = std::thread::spawn(move || {
        let note = |_| {
            if let Some(begun) = begun.lock().take() {
                begun.send(()).unwrap();
            }
            while !let_go.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            Err(engine::Cancelled)
        };
        engine.run_retention(&note).unwrap_err()
    });
    has_begun.await.unwrap();
    let (first, second) = (run().await, run().await);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (202, 202), "{}", second.line());
    assert_eq!(first.body["id"], second.body["id"]);
    let body = json!({ "days": 3 });
    let unknown = app.call_retention(Method::POST, RETENTION, body).await;
    assert_eq!((unknown.status.as_u16(), &unknown.body["pointer"]), (400, &json!("/days")));
    is_let_go.store(true, Ordering::Relaxed);
    other.join().unwrap();
    let job = app.ended_job(&first).await;
    assert_eq!(job["kind"], "retention", "{job}");
    assert_eq!(job["result"]["cut"], shown["plan"]["cut"], "{job}");
    assert_eq!(job["result"]["snapshot"]["is_checked"], true, "{job}");
    let after = app.admin(RETENTION).await.body;
    assert_eq!(after["plan"]["journal"]["start"], shown["plan"]["cut"]["end"], "{after}");
    assert_eq!(after["last_run"], job["result"], "{after}");
    let forever = app.call_retention(Method::PATCH, SETTINGS, json!({ "retention": null })).await;
    assert!(forever.body.get("retention").is_none(), "{}", forever.line());
}
