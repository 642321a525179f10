//! Audiences over HTTP: they are kept as messages come, and are traits of the people in them.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use domain::Timestamp;
use engine::ManualClock;
use serde_json::{Value, json};

use crate::{Answer, TestApp, track};

const START: &str = "/api/workspaces/shop/audiences";
/// 2026-03-01T12:00:00Z.
const NOON: i64 = 1_772_366_400_000;
const DAY_MS: i64 = 86_400_000;

impl TestApp {
    async fn put_audience(&self, key: &str, condition: Value) -> Answer {
        self.change_audience(Method::PUT, key, json!({ "condition": condition })).await
    }

    async fn change_audience(&self, method: Method, key: &str, body: Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("{START}/{key}"))
            .header("authorization", "Bearer admin")
            .body(Body::from(body.to_string()));
        self.send(request.unwrap()).await
    }

    /// The traits of a class, as far as they are of audiences.
    async fn memberships(&self, user: &str) -> Value {
        let rest = "traits?class=audience";
        self.profile(&format!("user_id:{user}"), rest).await.body["traits"].clone()
    }
}

fn ordered(n: u32, user: &str, at_ms: i64) -> Value {
    let mut order = track(n, user, "Order Completed", json!({ "total": 10 }));
    order["timestamp"] = Timestamp(at_ms).to_string().into();
    order
}

#[tokio::test]
async fn who_ordered_lately_has_a_trait_that_turns_false_when_the_time_is_over() {
    let clock = Arc::new(ManualClock::new(Timestamp(NOON)));
    let app = TestApp::at(clock.clone()).await;
    let lately = "did \"Order Completed\" in the last 30 days";
    assert_eq!(app.put_audience("lately", json!(lately)).await.status, 201);
    let others = json!({ "not": { "audience": "lately" } });
    assert_eq!(app.put_audience("others", others).await.status, 201);
    app.batch(json!([ordered(1, "ann", NOON), ordered(2, "bob", NOON - 40 * DAY_MS)])).await;
    assert_eq!(app.memberships("ann").await, json!({ "lately": true }));
    assert_eq!(app.memberships("bob").await, json!({ "others": true }));
    let both = app.profile("user_id:ann", "traits?include=lately,others&verbose=true").await;
    let lately = &both.body["traits"]["lately"];
    assert_eq!((&lately["value"], &lately["source_id"]), (&json!(true), &json!("audience")));

    // A single message does not move the clock of the journal by weeks.
    for day in (2..30u32).step_by(2) {
        clock.set(Timestamp(NOON + i64::from(day) * DAY_MS));
        app.batch(json!([track(10 + day, "cat", "Seen", json!({}))])).await;
    }
    // A millisecond before the order is 30 days old, and then.
    clock.set(Timestamp(NOON + 30 * DAY_MS - 1));
    app.batch(json!([track(3, "cat", "Seen", json!({}))])).await;
    assert_eq!(app.memberships("ann").await, json!({ "lately": true }));
    clock.set(Timestamp(NOON + 30 * DAY_MS));
    app.batch(json!([track(4, "cat", "Seen", json!({}))])).await;
    assert_eq!(app.memberships("ann").await, json!({ "lately": false, "others": true }));
    let members = app.admin(&format!("{START}/others/members")).await.body;
    assert_eq!(members["members"].as_array().unwrap().len(), 3, "{members}");
    let ann = app.admin("/api/workspaces/shop/people/user_id:ann/audiences").await.body;
    let stay = &ann["audiences"][0]["stays"][0];
    assert_eq!(stay["left"], Timestamp(NOON + 30 * DAY_MS).to_string(), "{ann}");
}

#[tokio::test]
async fn what_is_wrong_with_an_audience_is_told() {
    let app = TestApp::new().await;
    assert_eq!(app.put_audience("a", json!("did \"X\"")).await.status, 201);
    assert_eq!(app.put_audience("b", json!("in audience a")).await.status, 201);
    let mut lines = Vec::new();
    for (key, condition) in [
        ("a", json!("not in audience b")),
        ("c", json!("did \"X\" at leest 2 times")),
        ("c", json!({ "did": "X", "at_leest": 2 })),
        ("c", json!("in audience nowhere")),
        ("c", json!("recommended item \"lamp\"")),
        ("C-d", json!("did \"X\"")),
    ] {
        let answer = app.put_audience(key, condition.clone()).await;
        lines.push(format!("{key}: {condition}\n  {}", answer.line()));
    }
    let named = app.change_audience(Method::DELETE, "a", Value::Null).await;
    lines.push(format!("DELETE a\n  {}", named.line()));
    insta::assert_snapshot!(lines.join("\n"));
}
