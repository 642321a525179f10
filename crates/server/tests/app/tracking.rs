//! Messages come in.

use std::io::Write;
use std::sync::Arc;

use domain::Timestamp;
use engine::{Clock, ManualClock};
use serde_json::{Value, json};

use crate::{TestApp, basic, track};

#[tokio::test]
async fn three_ways_to_name_the_source() {
    let app = TestApp::new().await;
    let keyed = |key: &str| json!({ "writeKey": key, "userId": "u", "event": "E" }).to_string();
    let plain = json!({ "userId": "u", "event": "E" }).to_string();
    let mut lines = Vec::new();
    let mut check = async |what: &str, body: &str, authorization: Option<&str>| {
        let headers: Vec<_> =
            authorization.map(|value| ("authorization", value)).into_iter().collect();
        let answer = app.post("/v1/track", body.to_owned(), &headers).await;
        let line = if answer.status == 200 { answer.body.to_string() } else { answer.line() };
        lines.push(format!("{what}: {line}"));
    };
    check("key in the body", &keyed("key"), None).await;
    check("key as basic user", &plain, Some(&basic("key"))).await;
    check("basic without colon", &plain, Some("Basic a2V5")).await;
    check("bearer and key", &keyed("bearer-key"), Some("Bearer t2")).await;
    check("no key", &plain, None).await;
    check("unknown key", &keyed("nope"), None).await;
    check("unknown basic user", &plain, Some(&basic("nope"))).await;
    check("wrong bearer", &keyed("bearer-key"), Some("Bearer t3")).await;
    check("bearer missing", &keyed("bearer-key"), None).await;
    check("bearer where there is none", &keyed("key"), Some("Bearer t1")).await;
    check("bearer without key", &plain, Some("Bearer t1")).await;
    check("source off", &keyed("off-key"), None).await;
    check("other scheme", &keyed("key"), Some("Digest x")).await;
    check("no base64", &plain, Some("Basic ***")).await;
    insta::assert_snapshot!(lines.join("\n"));
    assert_eq!(app.engine.counts().message_ids, 4);
}

#[tokio::test]
async fn sizes_and_forms() {
    let app = TestApp::new().await;
    let long = "x".repeat(33 * 1_024);
    let single = |body: String| app.post("/v1/track", body, &[]);
    let batch = |body: String| app.post("/v1/batch", body, &[]);
    let mut lines = Vec::new();
    lines.push(
        single(json!({ "writeKey": "key", "userId": "u", "event": long }).to_string()).await.line(),
    );
    lines.push(single("{".to_owned()).await.line());
    lines.push(single("[1]".to_owned()).await.line());
    lines.push(single(String::new()).await.line());
    lines.push(batch("{\"writeKey\":\"key\",\"batch\":{}}".to_owned()).await.line());
    lines.push(
        batch(format!("{{\"writeKey\":\"key\",\"batch\":[\"{}\"]}}", "x".repeat(501 * 1_024)))
            .await
            .line(),
    );
    lines.push(app.post("/v1/track", vec![0xff, 0xfe], &[]).await.line());
    lines.push(app.post("/v1/track", vec![1, 2, 3], &[("content-encoding", "gzip")]).await.line());
    lines.push(app.post("/v1/track", "{}", &[("content-encoding", "brotli")]).await.line());
    insta::assert_snapshot!(lines.join("\n"));
    // Refused bodies leave nothing behind.
    assert_eq!(app.engine.counts().journal_entries, 1);

    // These are taken with 200 and rejected message by message, as senders expect.
    let messages = json!([track(1, "u", &long, json!({})), track(2, "u", "E", json!({})), 7, {"type": "track"}]);
    let answer = batch(json!({ "writeKey": "key", "batch": messages }).to_string()).await;
    assert_eq!((answer.status.as_u16(), answer.body), (200, json!({ "success": true })));
    let too_many: Vec<Value> = (0..2_501).map(|n| json!({ "n": n })).collect();
    assert_eq!(
        batch(json!({ "writeKey": "key", "batch": too_many }).to_string()).await.status,
        200
    );
    assert_eq!(batch(json!({ "writeKey": "key", "batch": [] }).to_string()).await.status, 200);
    assert_eq!(batch(json!({ "writeKey": "key" }).to_string()).await.status, 200);
    assert_eq!(app.engine.counts().message_ids, 1);
    let report = app.admin("/api/workspaces/shop/rejections").await;
    insta::assert_json_snapshot!(report.body["counts"]);
    assert_eq!(report.body["latest"][0]["reason"], "empty_batch");
    assert_eq!(report.body["total"], 6);
}

#[tokio::test]
async fn gzip_and_charset_and_text_bodies() {
    let app = TestApp::new().await;
    let body = json!({ "writeKey": "key", "batch": [track(1, "u", "E", json!({}))] }).to_string();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(body.as_bytes()).unwrap();
    let headers =
        [("content-encoding", "gzip"), ("content-type", "application/json; charset=utf-8")];
    assert_eq!(app.post("/v1/batch", gzip.finish().unwrap(), &headers).await.status, 200);
    let again =
        app.post("/v1/batch", body.replace("m1", "m2"), &[("content-type", "text/plain")]).await;
    assert_eq!(again.status, 200);
    assert_eq!(app.engine.counts().message_ids, 2);
    // A small body that unpacks to more than the limit.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b' '; 50_000_000]).unwrap();
    let answer = app.post("/v1/batch", bomb.finish().unwrap(), &headers).await;
    insta::assert_snapshot!(answer.line(), @"400 bad_request: the body is over the limit of 512000 bytes");
}

#[tokio::test]
async fn strict_mode_tells_of_each_message() {
    let app = TestApp::new().await;
    let messages = json!([
        track(1, "u", "E", json!({})),
        track(1, "u", "E", json!({})),
        { "type": "track", "userId": "u", "messageId": "x" },
        track(2, "u", "Product Viewed", json!({ "sku": "s" })),
    ]);
    let answer = app.batch(messages).await;
    assert_eq!(answer.status, 400);
    insta::assert_json_snapshot!(answer.body);
    assert_eq!(app.batch(json!([track(3, "u", "E", json!({}))])).await.status, 200);
}

#[tokio::test]
async fn every_type_has_its_path_and_cors_is_open() {
    let app = TestApp::new().await;
    let bodies = [
        ("identify", json!({ "userId": "u", "traits": { "plan": "pro" } })),
        ("track", json!({ "userId": "u", "event": "E" })),
        ("page", json!({ "userId": "u", "name": "Docs" })),
        ("screen", json!({ "userId": "u", "name": "Player" })),
        ("group", json!({ "userId": "u", "groupId": "g" })),
        ("alias", json!({ "userId": "u", "previousId": "p" })),
    ];
    for (type_, body) in bodies {
        let answer = app
            .post(&format!("/v1/{type_}"), body.to_string(), &[("authorization", &basic("key"))])
            .await;
        assert_eq!(answer.status, 200, "{type_}: {}", answer.body);
    }
    assert_eq!(app.engine.counts().message_ids, 6);
    assert_eq!(app.engine.counts().rejections, 0);
    let preflight = axum::http::Request::options("/v1/track")
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type")
        .body(axum::body::Body::empty())
        .unwrap();
    let answer = app.send(preflight).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert_eq!(answer.headers["access-control-allow-headers"], "authorization,content-type");
    // Libraries post to paths of their own, as text; that for browsers its metrics to /v1/m.
    for (letter, body) in [
        ("t", json!({ "userId": "u", "event": "E" })),
        ("b", json!({ "batch": [{ "type": "page", "userId": "u" }] })),
        ("import", json!({ "batch": [{ "type": "page", "userId": "u" }] })),
        // The library for Java posts here.
        ("import/", json!({ "batch": [{ "type": "page", "userId": "u" }] })),
    ] {
        let headers = [("authorization", basic("key")), ("content-type", "text/plain".to_owned())];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(
            app.post(&format!("/v1/{letter}"), body.to_string(), &headers).await.status,
            200
        );
    }
    assert_eq!(app.post("/v1/m", "{\"series\":[]}", &[]).await.status, 200);
    assert_eq!(app.engine.counts().message_ids, 10);
    assert_eq!(app.engine.counts().rejections, 0);
}

#[tokio::test]
async fn a_disk_that_fails_is_503_and_not_ready_and_loses_nothing() {
    let app = TestApp::new().await;
    assert_eq!(app.batch(json!([track(1, "u", "E", json!({}))])).await.status, 200);
    app.disk.set_capacity(Some(app.disk.used_bytes() + 10));
    let refused = app.batch(json!([track(2, "u", "E", json!({}))])).await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(app.get("/readyz", &[]).await.status, 503);
    assert_eq!(app.get("/healthz", &[]).await.status, 200);
    app.disk.set_capacity(None);
    let taken = app.batch(json!([track(2, "u", "E", json!({}))])).await;
    assert_eq!(taken.body["messages"][0]["status"], "accepted");
    assert_eq!(app.get("/readyz", &[]).await.status, 200);
    app.disk.set_fails_sync(true);
    assert_eq!(app.batch(json!([track(3, "u", "E", json!({}))])).await.status, 503);
    app.disk.set_fails_sync(false);
    let broken = app.batch(json!([track(3, "u", "E", json!({}))])).await;
    assert!(
        broken.line().starts_with("503 unavailable: journal refuses appends because an fsync"),
        "{}",
        broken.line()
    );
    assert_eq!(app.get("/readyz", &[]).await.status, 503);
    // What is there can still be read.
    assert_eq!(app.profile("user_id:u", "events").await.body["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_message_arrives_by_the_clock_that_is_passed_in() {
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let clock = Arc::new(ManualClock::new(at("2031-05-01T12:00:00Z")));
    let app = TestApp::at(Arc::clone(&clock) as Arc<dyn Clock>).await;
    let sent = app.batch(json!([track(1, "ann", "Seen", json!({}))])).await;
    assert_eq!(sent.status, 200, "{}", sent.body);
    clock.set(at("2031-05-02T12:00:00Z"));
    let mut ahead = track(2, "ann", "Seen", json!({}));
    ahead["timestamp"] = "2031-05-02T13:00:00Z".into();
    app.batch(json!([ahead])).await;
    let events = app.profile("user_id:ann", "events?sort=asc").await.body;
    let times: Vec<[&str; 2]> = events["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| ["received_at", "timestamp"].map(|name| event[name].as_str().unwrap()))
        .collect();
    // A time that is far ahead of the clock becomes the time of arrival.
    assert_eq!(times, [["2031-05-01T12:00:00.000Z"; 2], ["2031-05-02T12:00:00.000Z"; 2]]);
}
