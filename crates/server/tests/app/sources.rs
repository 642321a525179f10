//! What a source may send: types, a limit, a tracking plan; and what it has sent.

use axum::http::Method;
use engine::Clock;
use serde_json::{Value, json};

use super::{TestApp, track};

const WEB: &str = "/api/workspaces/shop/sources/web";

impl TestApp {
    async fn change_web(&self, patch: Value) -> super::Answer {
        self.administer(Method::PATCH, WEB, patch, &[]).await
    }

    /// The counts of rejections as `reason: count`.
    async fn rejection_counts(&self) -> Vec<String> {
        let body = self.admin("/api/workspaces/shop/rejections").await.body;
        let counts = body["counts"].as_array().unwrap().iter();
        counts.map(|row| format!("{}: {}", row["reason"].as_str().unwrap(), row["count"])).collect()
    }
}

fn plan() -> Value {
    json!({
        "events": [{
            "name": "Tour Booked",
            "properties": [
                { "name": "order_id", "required": true, "types": ["string"] },
                { "name": "total", "types": ["number"] },
            ],
        }],
        "unplanned_events": "block",
        "unplanned_properties": "omit",
        "violations": "allow",
        "blocked_properties": ["card"],
    })
}

#[tokio::test]
async fn types_that_are_not_allowed_are_rejected_and_counted() {
    let app = TestApp::new().await;
    let changed = app.change_web(json!({ "allowed_types": ["track", "page"] })).await;
    assert_eq!(changed.body["allowed_types"], json!(["track", "page"]), "{}", changed.line());
    let answer = app
        .batch(json!([
            track(1, "ann", "Seen", json!({})),
            { "type": "identify", "messageId": "m2", "userId": "ann", "traits": { "a": 1 } },
        ]))
        .await;
    assert_eq!(answer.status, 400);
    insta::assert_snapshot!(answer.body["messages"][1], @r#"{"detail":"type identify is not allowed: source \"web\" takes track and page","message_id":"m2","reason":"event_setting","status":"rejected"}"#);
    assert_eq!(app.rejection_counts().await, ["event_setting: 1"]);
    let latest = app.admin("/api/workspaces/shop/rejections").await.body["latest"][0].clone();
    assert_eq!(latest["place"], "/type");
    assert_eq!(app.profile("user_id:ann", "traits").await.body["traits"].get("a"), None);
    let all = app.change_web(json!({ "allowed_types": null })).await;
    assert_eq!(all.body.get("allowed_types"), None);
}

#[tokio::test]
async fn a_source_over_its_limit_is_told_to_come_back_and_nothing_is_acknowledged() {
    let app = TestApp::new().await;
    app.change_web(json!({ "messages_per_second": 1 })).await;
    let messages = |first: u32| (first..first + 12).map(|n| track(n, "ann", "Seen", json!({})));
    let batch = |first| Value::from(messages(first).collect::<Vec<_>>());
    assert_eq!(app.batch(batch(0)).await.status, 200, "a batch is taken whole");
    let refused = app.batch(batch(100)).await;
    insta::assert_snapshot!(refused.line().replace("in 3 s", "in 2 s"), @r#"429 too_many_requests: source "web" may send 1 messages a second: come back in 2 s"#);
    let wait: u32 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((2..=3).contains(&wait), "{wait}");
    let single = json!({ "writeKey": "key", "userId": "ann", "event": "Seen" }).to_string();
    assert_eq!(app.post("/v1/track", single, &[]).await.status, 429);
    let schema = app.admin(&format!("{WEB}/schema")).await.body;
    assert_eq!(schema["events"][0]["count"], 12);
    let free = app.change_web(json!({ "messages_per_second": null })).await;
    assert_eq!(free.status, 200);
    assert_eq!(app.batch(batch(100)).await.status, 200);
}

#[tokio::test]
async fn a_plan_omits_blocks_and_counts_and_what_it_decided_stays_after_a_restart() {
    let app = TestApp::new().await;
    let changed = app.change_web(json!({ "plan": plan() })).await;
    assert_eq!(changed.status, 200, "{}", changed.line());
    let answer = app
        .batch(json!([
            track(
                1,
                "ann",
                "Tour Booked",
                json!({
                    "order_id": "1", "total": "many", "card": "4111", "color": "red",
                })
            ),
            track(2, "ann", "Tour Booked", json!({ "total": 2.5 })),
            track(3, "ann", "Debug", json!({ "card": "4111" })),
        ]))
        .await;
    let said = |n: usize| answer.body["messages"][n]["status"].clone();
    assert_eq!([said(0), said(1), said(2)], ["accepted", "accepted", "rejected"]);
    let restarted = app.reopened();
    let violations = restarted.admin(&format!("{WEB}/violations")).await.body;
    let rows = violations["violations"].as_array().unwrap().iter();
    let mut rows: Vec<String> = rows
        .map(|row| {
            let text = |key: &str| row[key].as_str().unwrap_or("-").to_owned();
            format!(
                "{} {} of {}: {}, {}",
                text("kind"),
                text("property"),
                text("event"),
                row["count"],
                text("sample")
            )
        })
        .collect();
    rows.sort();
    insta::assert_snapshot!(rows.join("\n"), @r#"
blocked_property card of Debug: 1, -
blocked_property card of Tour Booked: 1, -
missing_property order_id of Tour Booked: 1, -
unplanned_event - of Debug: 1, -
unplanned_property color of Tour Booked: 1, -
wrong_type total of Tour Booked: 1, "many"
"#);
    assert_eq!(restarted.rejection_counts().await, ["unplanned: 1"]);
    let events = restarted.profile("user_id:ann", "events").await.body;
    let properties = |n: usize| events["data"][n]["properties"].clone();
    assert_eq!(properties(1), json!({ "order_id": "1", "total": "many" }));
    for shown in [events, restarted.admin("/api/workspaces/shop/rejections").await.body] {
        assert!(!shown.to_string().contains("4111"), "{shown}");
    }
    let off = restarted.change_web(json!({ "plan": null })).await;
    assert_eq!(off.status, 200, "{}", off.line());
    let answer = restarted.batch(json!([track(4, "ann", "Debug", json!({}))])).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_schema_shows_what_was_sent_and_forgets_its_samples_with_a_person() {
    let app = TestApp::new().await;
    let long = "x".repeat(101);
    app.batch(json!([
        track(1, "ann", "Seen", json!({ "id": 1, "at": "2026-01-31", "text": long })),
        track(2, "ann", "Seen", json!({ "id": "two", "list": [] })),
        track(2, "ann", "Seen", json!({ "id": 3 })),
        { "type": "identify", "messageId": "m3", "userId": "ann", "traits": { "email": "a@b" } },
    ]))
    .await;
    let before = app.engine.now();
    let app = app.reopened();
    let shown = app.admin(WEB).await.body;
    assert!(shown["last_message_at"].as_str().unwrap() <= before.to_string().as_str(), "{shown}");
    let lines = async |app: &TestApp| {
        let schema = app.admin(&format!("{WEB}/schema")).await.body;
        let mut lines = Vec::new();
        for event in schema["events"].as_array().unwrap() {
            lines.push(format!("{} {} {}", event["type"], event["event"], event["count"]));
            for property in event["properties"].as_array().unwrap() {
                lines.push(format!(
                    "  {} {} {} {}",
                    property["name"], property["types"], property["count"], property["sample"]
                ));
            }
        }
        lines.join("\n").replace('"', "")
    };
    insta::assert_snapshot!(lines(&app).await, @r#"
identify null 1
  email [string] 1 \a@b\
track Seen 2
  at [date-time] 1 \2026-01-31\
  id [integer,string] 2 1
  list [array] 1 []
  text [string] 1 null
"#);
    let path = "/api/workspaces/shop/people/user_id:ann";
    app.engine
        .submit(vec![engine::Entry::Command {
            received_at: engine::SystemClock.now(),
            command: Box::new(engine::Command::Delete {
                kind: engine::EntityKind::User,
                id: "ann".to_owned(),
            }),
        }])
        .await
        .unwrap();
    assert_eq!(app.admin(path).await.status, 404);
    let without = lines(&app).await;
    assert!(!without.contains("a@b") && without.contains("email"), "{without}");
    let app = app.reopened();
    assert_eq!(lines(&app).await, without);
    let gone = app.admin("/api/workspaces/shop/sources/none/schema").await;
    assert_eq!(gone.status, 404, "{}", gone.line());
}

#[tokio::test]
async fn mistakes_of_controls_name_key_and_place() {
    let app = TestApp::new().await;
    let mut lines = Vec::new();
    for patch in [
        json!({ "allowed_types": [] }),
        json!({ "allowed_types": ["click"] }),
        json!({ "messages_per_second": 0 }),
        json!({ "plan": { "event": [] } }),
        json!({ "plan": { "unplanned_events": "omit" } }),
        json!({ "plan": { "events": [{ "name": "A", "properties": [{ "name": "" }] }] } }),
        json!({ "plan": { "identify": [{ "name": "a", "pattern": "(" }] } }),
    ] {
        lines.push(app.change_web(patch).await.line());
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
400 validation_error: source "web": allowed_types must name at least one type; a source that is off takes none (at /allowed_types)
400 validation_error: the body is wrong: unknown variant `click`, expected one of `identify`, `track`, `page`, `screen`, `group`, `alias` at line 1 column 25 (at /allowed_types/0)
400 validation_error: source "web": messages_per_second is 0, it must be 1 to 1000000 (at /messages_per_second)
400 validation_error: the body is wrong: unknown field `event`, expected one of `events`, `identify`, `group`, `page`, `screen`, `unplanned_events`, `unplanned_properties`, `violations`, `blocked_events`, `blocked_properties` at line 1 column 16 (at /plan/event)
400 validation_error: the body is wrong: unknown variant `omit`, expected `allow` or `block` at line 1 column 34 (at /plan/unplanned_events)
400 validation_error: source "web": plan.events.0.properties.0.name must be 1 to 200 bytes (at /plan/events/0/properties/0/name)
400 validation_error: source "web": plan.identify.0.pattern: unclosed group (at /plan/identify/0/pattern)
"#);
}
