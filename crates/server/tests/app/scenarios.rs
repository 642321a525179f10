//! Scenarios over the admin API, and how the recommender API lists them.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use super::{Answer, TestApp};

impl TestApp {
    pub(super) async fn scenario(&self, method: Method, name: &str, body: &str) -> Answer {
        let uri = format!("/api/workspaces/shop/scenarios/{name}");
        let request =
            Request::builder().method(method).uri(uri).header("authorization", "Bearer admin");
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }
}

#[tokio::test]
async fn scenarios_are_made_replaced_listed_and_deleted_and_survive_a_reset() {
    let app = TestApp::new().await;
    let body = json!({
        "endpoint": "recommendItemsToUser",
        "filter": "'available'",
        "diversity": 0.4,
        "constraint": [{ "property": "brand", "max": 2 }],
        "promoted": { "filter": "'is_own'", "share": 0.2 },
        "fallback": "none",
        "group": [
            { "name": "a", "share": 0.5 },
            { "name": "b", "share": 0.5, "logic": "trending", "interaction": "purchase" },
        ],
    });
    let made = app.scenario(Method::PUT, "homepage", &body.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    insta::assert_json_snapshot!(made.body);
    let again = app.scenario(Method::PUT, "homepage", &made.body.to_string()).await;
    assert_eq!((again.status.as_u16(), &again.body), (200, &made.body));
    let cart = app.scenario(Method::PUT, "cart", r#"{"endpoint": "recommendItemsToItem"}"#).await;
    assert_eq!(cart.body, json!({ "name": "cart", "endpoint": "recommendItemsToItem" }));

    assert_eq!(app.call(Method::DELETE, "", "").await.status, 200);
    assert_eq!(app.scenario(Method::GET, "homepage", "").await.body, made.body);
    let all = app.admin("/api/workspaces/shop/scenarios").await.body;
    assert_eq!(all, json!({ "scenarios": [cart.body, made.body] }));
    let listed = app.call(Method::GET, "scenarios/", "").await;
    insta::assert_snapshot!(listed.body, @r#"[{"endpoint":"recommendItemsToItem","id":"cart"},{"endpoint":"recommendItemsToUser","id":"homepage"}]"#);

    assert_eq!(app.scenario(Method::DELETE, "homepage", "").await.status, 204);
    assert_eq!(app.scenario(Method::DELETE, "homepage", "").await.status, 404);
    let anybody = app.get("/api/workspaces/shop/scenarios", &[]).await;
    assert_eq!(anybody.status, 401);
}

#[tokio::test]
async fn mistakes_in_scenarios_are_named_and_change_nothing() {
    let app = TestApp::new().await;
    app.scenario(Method::PUT, "cart", r#"{"endpoint": "searchItems"}"#).await;
    let mut lines = Vec::new();
    for (name, body) in [
        ("home", ""),
        ("home", "{\"endpoint\": \"searchItems\",\n \"filtre\": \"true\"}"),
        ("home", r#"{"endpoint": "search"}"#),
        ("home", r#"{"endpoint": "searchItems", "name": "cart"}"#),
        ("home", r#"{"endpoint": "searchItems", "diversity": 2}"#),
        ("home", r#"{"endpoint": "searchItems", "filter": "'a' >"}"#),
        (
            "home",
            r#"{"endpoint": "searchItems", "group": [{"name": "g", "share": 1, "booster": "("}]}"#,
        ),
        ("home", r#"{"endpoint": "searchItemSegments"}"#),
        ("home", r#"{"endpoint": "recommendItemsToUser", "filter": "1"}"#),
        ("home", r#"{"endpoint": "recommendItemsToUser", "booster": "\"much\""}"#),
        (
            "home",
            r#"{"endpoint": "recommendItemsToUser", "promoted": {"filter": "1", "share": 0.5}}"#,
        ),
        ("home", r#"{"endpoint": "recommendItemsToUser", "logic": "similar"}"#),
        ("a%20b", r#"{"endpoint": "searchItems"}"#),
    ] {
        lines.push(app.scenario(Method::PUT, name, body).await.line());
    }
    lines.push(app.scenario(Method::GET, "home", "").await.line());
    lines.push(app.scenario(Method::DELETE, "home", "").await.line());
    insta::assert_snapshot!(lines.join("\n"));
    let all = app.admin("/api/workspaces/shop/scenarios").await.body;
    assert_eq!(all["scenarios"].as_array().unwrap().len(), 1);
}
