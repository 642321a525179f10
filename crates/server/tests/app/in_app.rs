//! In-app messages over HTTP: the module, whose messages a page gets, the stream, and reports.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use connectors::{InstanceKey, Outgoing, OutgoingOptions};
use engine::{EngineOptions, SystemClock};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{TestApp, basic};

const MODULE: &str = "/v1/in_app/module.js";
const MODULE_BYTES_MAX: usize = 10_000;
const PATIENCE: Duration = Duration::from_secs(30);

/// A server with a campaign that shows a message after each event `Episode Finished`.
async fn app() -> TestApp {
    let options = EngineOptions {
        instance_key: Some(Arc::new(InstanceKey::of_bytes([7; 32]))),
        outgoing: Some(Arc::new(Outgoing::new(&OutgoingOptions::default()).unwrap())),
        ..EngineOptions::default()
    };
    let app = TestApp::with_options(Arc::new(SystemClock), options).await;
    put(&app, "destinations/app", json!({ "kind": "in_app" })).await;
    let campaign = json!({
        "status": "running", "channel": "app",
        "start": { "type": "event", "event": "Episode Finished" },
        "content": { "display": "modal", "title": "After {{ event.properties.title }}" },
    });
    put(&app, "campaigns/next", campaign).await;
    app
}

async fn put(app: &TestApp, path: &str, body: Value) {
    let request = Request::put(format!("/api/workspaces/shop/{path}"))
        .header("authorization", "Bearer admin")
        .body(Body::from(body.to_string()))
        .unwrap();
    let answer = app.send(request).await;
    assert!(answer.status.is_success(), "{}", answer.line());
}

async fn finish(app: &TestApp, browser: &str, title: &str) {
    let body = json!({ "writeKey": "key", "anonymousId": browser, "event": "Episode Finished",
        "properties": { "title": title } });
    assert_eq!(app.post("/v1/t", body.to_string(), &[]).await.status, 200);
}

async fn titles(app: &TestApp, query: &str) -> Vec<Value> {
    let answer = app.get(&format!("/v1/in_app/messages?write_key=key&{query}"), &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.line());
    let messages = answer.body["messages"].as_array().unwrap();
    messages.iter().map(|message| message["content"]["title"].clone()).collect()
}

/// The first message of a browser, once it has one.
async fn message(app: &TestApp, browser: &str) -> Value {
    let until = std::time::Instant::now() + PATIENCE;
    loop {
        let path = format!("/v1/in_app/messages?write_key=key&anonymous_id={browser}");
        let mut answer = app.get(&path, &[]).await;
        if let Some(message) = answer.body["messages"].as_array_mut().and_then(Vec::pop) {
            return message;
        }
        assert!(std::time::Instant::now() < until, "no message comes");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn follow(app: &TestApp, query: &str) -> (u16, BodyDataStream) {
    let request = Request::get(format!("/v1/in_app/stream?write_key=key&{query}"));
    let request = request.body(Body::empty()).unwrap();
    let (parts, body) = app.router.clone().oneshot(request).await.unwrap().into_parts();
    (parts.status.as_u16(), body.into_data_stream())
}

async fn read_until(stream: &mut BodyDataStream, text: &str) -> String {
    let mut all = String::new();
    while !all.contains(text) {
        let more = tokio::time::timeout(PATIENCE, stream.next()).await.expect("nothing comes");
        all.push_str(std::str::from_utf8(&more.expect("the stream ended").unwrap()).unwrap());
    }
    all
}

#[tokio::test]
async fn the_module_is_small_and_kept_until_it_changes() {
    let app = TestApp::new().await;
    let answer = app.get(MODULE, &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert!(answer.headers["cache-control"].to_str().unwrap().contains("max-age=300"));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(answer.body.as_str().unwrap().as_bytes()).unwrap();
    let n_bytes = gzip.finish().unwrap().len();
    assert!(n_bytes < MODULE_BYTES_MAX, "{n_bytes} bytes compressed");
    let tag = answer.headers["etag"].to_str().unwrap();
    for known in [tag.to_owned(), format!("W/{tag}"), format!("\"x\", {tag}")] {
        let same = app.get(MODULE, &[("if-none-match", &known)]).await;
        assert_eq!((same.status.as_u16(), &same.body), (304, &json!("")), "{known}");
    }
    assert_eq!(app.get(MODULE, &[("if-none-match", "\"x\"")]).await.status, 200);
}

#[tokio::test]
async fn a_page_gets_the_messages_of_its_browser_and_a_user_id_opens_nothing() {
    let app = app().await;
    finish(&app, "b1", "one").await;
    message(&app, "b1").await;
    app.batch(json!([{ "type": "identify", "userId": "jane", "anonymousId": "b1" }])).await;
    assert_eq!(titles(&app, "anonymous_id=b1").await, ["After one"]);
    assert_eq!(titles(&app, "anonymous_id=b1&user_id=jane").await, ["After one"]);
    for other in ["anonymous_id=b2&user_id=jane", "anonymous_id=jane", "anonymous_id=b1&user_id=x"]
    {
        assert_eq!(titles(&app, other).await, Vec::<Value>::new(), "{other}");
    }
    let by_header =
        app.get("/v1/in_app/messages?anonymous_id=b1", &[("authorization", &basic("key"))]).await;
    assert_eq!(by_header.body["messages"].as_array().unwrap().len(), 1);
    assert_eq!(by_header.headers["cache-control"], "no-store");
    let mut lines = Vec::new();
    let long = "x".repeat(501);
    for query in [
        "anonymous_id=b1".to_owned(),
        "write_key=nope&anonymous_id=b1".to_owned(),
        "write_key=off-key&anonymous_id=b1".to_owned(),
        "write_key=bearer-key&anonymous_id=b1".to_owned(),
        "write_key=key".to_owned(),
        "write_key=key&anonymous_id=".to_owned(),
        format!("write_key=key&anonymous_id={long}"),
        "write_key=key&anonymous_id=b1&who=x".to_owned(),
    ] {
        let answer = app.get(&format!("/v1/in_app/messages?{query}"), &[]).await;
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        lines.push(answer.line());
        let stream = app.get(&format!("/v1/in_app/stream?{query}"), &[]).await;
        assert_eq!(stream.line(), answer.line());
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_stream_brings_what_is_new_at_once_and_what_is_gone() {
    let app = app().await;
    let (status, mut stream) = follow(&app, "anonymous_id=b1").await;
    assert_eq!(status, 200);
    let first = read_until(&mut stream, "\n\n").await;
    assert!(first.contains("event: messages\ndata: {\"messages\":[]}"), "{first}");
    finish(&app, "b1", "one").await;
    read_until(&mut stream, "After one").await;
    let shown = message(&app, "b1").await;
    let report =
        json!({ "writeKey": "key", "token": shown["token"], "event": "viewed", "id": "v1" });
    assert_eq!(app.post("/v1/in_app/events", report.to_string(), &[]).await.status, 200);
    let after = read_until(&mut stream, "\n\n").await;
    assert!(after.contains("{\"messages\":[]}"), "{after}");
}

#[tokio::test]
async fn what_a_page_reports_is_journalled_as_a_message_of_campaigns() {
    let app = app().await;
    finish(&app, "b1", "one").await;
    let shown = message(&app, "b1").await;
    let report = |more: Value| {
        let mut body = json!({ "writeKey": "key", "token": shown["token"], "event": "clicked",
            "id": "c1", "url": "/next", "item_id": "e2" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body.to_string()
    };
    // Pages send plain text, which costs them no further request.
    let plain = [("content-type", "text/plain")];
    for _ in 0..2 {
        let answer = app.post("/v1/in_app/events", report(json!({})), &plain).await;
        assert_eq!(answer.status, 200, "{}", answer.line());
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
    }
    let found = app.admin("/api/workspaces/shop/messages?source=campaign&event=Clicked").await;
    let outcomes: Vec<&Value> =
        found.body["entries"].as_array().unwrap().iter().map(|entry| &entry["outcome"]).collect();
    assert_eq!(outcomes, ["duplicate", "accepted"], "it counts once");
    let events = app.profile("anonymous_id:b1", "events").await;
    let clicked = &events.body["data"][0];
    assert_eq!(clicked["event"], "Notification Clicked");
    assert_eq!(
        clicked["properties"],
        json!({ "campaign": "next", "channel": "app", "message_id": shown["id"], "url": "/next",
            "item_id": "e2" })
    );
    let mut lines = Vec::new();
    for wrong in [
        json!({ "token": "x" }),
        json!({ "event": "seen" }),
        json!({ "id": "" }),
        json!({ "url": "x".repeat(2_049) }),
        json!({ "userId": "john" }),
        json!({ "writeKey": "nope" }),
    ] {
        lines.push(app.post("/v1/in_app/events", report(wrong), &plain).await.line());
    }
    lines.push(app.post("/v1/in_app/events", "[]", &plain).await.line());
    insta::assert_snapshot!(lines.join("\n"));
}
