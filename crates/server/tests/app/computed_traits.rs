//! Computed traits over HTTP: they are kept as messages come, and stand on profiles.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use domain::Timestamp;
use engine::ManualClock;
use serde_json::{Value, json};

use crate::{Answer, TestApp, track};

const START: &str = "/api/workspaces/shop/computed_traits";
/// 2026-03-01T12:00:00Z.
const NOON: i64 = 1_772_366_400_000;
const DAY_MS: i64 = 86_400_000;

impl TestApp {
    async fn change_computed(&self, method: Method, key: &str, body: Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("{START}/{key}"))
            .header("authorization", "Bearer admin")
            .body(Body::from(body.to_string()));
        self.send(request.unwrap()).await
    }

    async fn put_computed(&self, key: &str, definition: Value) {
        let answer = self.change_computed(Method::PUT, key, definition).await;
        assert_eq!(answer.status, 201, "{}", answer.line());
    }

    async fn computed_of(&self, user: &str) -> Value {
        let rest = "traits?class=computed_trait&include=n_orders,spent_lately,brands";
        self.profile(&format!("user_id:{user}"), rest).await.body["traits"].clone()
    }
}

fn order(n: u32, user: &str, at_ms: i64, total: f64, brand: &str) -> Value {
    let products = json!([{ "brand": brand }, { "brand": "House" }]);
    let properties = json!({ "total": total, "products": products });
    let mut order = track(n, user, "Order Completed", properties);
    order["timestamp"] = Timestamp(at_ms).to_string().into();
    order
}

#[tokio::test]
async fn values_stand_on_profiles_follow_time_and_make_audiences() {
    let clock = Arc::new(ManualClock::new(Timestamp(NOON)));
    let app = TestApp::at(clock.clone()).await;
    let event = "Order Completed";
    app.put_computed("n_orders", json!({ "type": "count", "event": event })).await;
    let spent = json!({ "type": "sum", "event": event, "property": "total", "last": "1 day",
        "where": "total > 1" });
    app.put_computed("spent_lately", spent).await;
    let brands = json!({ "type": "unique_list", "event": event,
        "property": "products.$.brand" });
    app.put_computed("brands", brands).await;
    let big = Request::builder()
        .method(Method::PUT)
        .uri("/api/workspaces/shop/audiences/big_spenders")
        .header("authorization", "Bearer admin")
        .body(Body::from(json!({ "condition": "trait spent_lately >= 30" }).to_string()));
    assert_eq!(app.send(big.unwrap()).await.status, 201);
    app.batch(json!([
        order(1, "ann", NOON, 10.5, "Acme"),
        order(2, "ann", NOON - DAY_MS / 2, 20.25, "Bolt"),
        order(2, "ann", NOON - DAY_MS / 2, 20.25, "Bolt"),
        order(3, "ann", NOON - 2 * DAY_MS, 1_000.0, "Acme"),
        track(4, "bob", "Seen", json!({})),
    ]))
    .await;
    let brands = json!(["Acme", "Bolt", "House"]);
    let meant = json!({ "n_orders": 3, "spent_lately": 30.75, "brands": brands });
    assert_eq!(app.computed_of("ann").await, meant);
    let nothing = json!({ "n_orders": 0, "spent_lately": 0, "brands": [] });
    assert_eq!(app.computed_of("bob").await, nothing);
    let audiences = |user: &str| format!("/api/workspaces/shop/people/user_id:{user}/audiences");
    assert_eq!(app.admin(&audiences("ann")).await.body["audiences"][0]["is_member"], json!(true));

    // A millisecond before the earlier order is a day old, and then.
    for (at, spent) in [(NOON + DAY_MS / 2 - 1, json!(30.75)), (NOON + DAY_MS / 2, json!(10.5))] {
        clock.set(Timestamp(at));
        app.batch(json!([track(at as u32, "cat", "Seen", json!({}))])).await;
        assert_eq!(app.computed_of("ann").await["spent_lately"], spent);
    }
    assert_eq!(app.admin(&audiences("ann")).await.body["audiences"][0]["is_member"], json!(false));
    let verbose = app.profile("user_id:ann", "traits?include=spent_lately&verbose=true").await.body;
    let changed_at = Timestamp(NOON + DAY_MS / 2).to_string();
    let meant = json!({ "value": 10.5, "source_id": "computed", "updated_at": changed_at });
    assert_eq!(verbose["traits"]["spent_lately"], meant);
    let ann = app.admin("/api/workspaces/shop/people/user_id:ann").await.body;
    assert_eq!(ann["computed_traits"][2]["value"], json!(10.5), "{ann}");
    let named = app.change_computed(Method::DELETE, "spent_lately", Value::Null).await;
    assert_eq!(named.status, 409, "{}", named.line());
    assert!(named.line().contains("the audience \"big_spenders\""), "{}", named.line());
}

#[tokio::test]
async fn what_is_wrong_with_a_computed_trait_is_told() {
    let app = TestApp::new().await;
    app.put_computed("n", json!({ "type": "count", "event": "X" })).await;
    let mut lines = Vec::new();
    for (key, definition) in [
        ("a", json!({ "type": "sum", "event": "X" })),
        ("a", json!({ "type": "summ", "event": "X" })),
        ("a", json!({ "type": "count", "event": "X", "wher": "a = 1" })),
        ("a", json!({ "type": "count", "event": "X", "where": "a = " })),
        ("a", json!({ "type": "count", "event": "X", "session": "5 minutes" })),
        ("a", json!({ "key": "b", "type": "count", "event": "X" })),
        ("A-b", json!({ "type": "count", "event": "X" })),
        ("recommended_items", json!({ "type": "count", "event": "X" })),
    ] {
        let answer = app.change_computed(Method::PUT, key, definition.clone()).await;
        lines.push(format!("{key}: {definition}\n  {}", answer.line()));
    }
    let gone = app.change_computed(Method::DELETE, "m", Value::Null).await;
    lines.push(format!("DELETE m\n  {}", gone.line()));
    insta::assert_snapshot!(lines.join("\n"));
    assert_eq!(app.change_computed(Method::DELETE, "n", Value::Null).await.status, 204);
    assert_eq!(app.admin(START).await.body, json!({ "computed_traits": [] }));
}
