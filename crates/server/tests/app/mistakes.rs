//! Mistakes of callers: each answer has its place in the body, and a sentence.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::{TestApp, track};

const SHOP: &str = "/api/workspaces/shop";

impl TestApp {
    /// The answer in a line; a path that begins without `/` is below that of the workspace.
    async fn mistake(&self, method: &str, path: &str, body: &Value) -> String {
        let full = if path.starts_with('/') { path.to_owned() } else { format!("{SHOP}/{path}") };
        let request =
            Request::builder().method(method).uri(full).header("authorization", "Bearer admin");
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await.line()
    }
}

#[tokio::test]
async fn the_place_in_the_body_is_told() {
    let app = TestApp::new().await;
    let items = "recommendItemsToUser";
    let rule = |rule: Value| json!({ "id": "s", "rule": rule });
    let filters = json!([{ "id": "a", "filter": "true" }, { "id": "b", "filter": "1 +" }]);
    let group = |share: f64| json!({ "name": "b", "share": share });
    let mut lines = Vec::new();
    for (method, path, body) in [
        ("POST", "sources", json!({ "name": "" })),
        ("POST", "sources", json!({})),
        ("POST", "synonyms", json!({ "term": "lamp" })),
        ("POST", "segmentations", rule(json!({ "expression": "1 +" }))),
        ("POST", "segmentations", rule(json!({ "expression": "1" }))),
        ("POST", "segmentations", rule(json!({ "filters": filters }))),
        ("POST", "segmentations", rule(json!({}))),
        ("POST", "segmentations", rule(json!({ "filters": [{ "id": "a" }] }))),
        ("POST", "segmentations", json!({ "id": "s" })),
        ("PUT", "scenarios/home", json!({ "endpoint": "zz" })),
        ("PUT", "scenarios/home", json!({})),
        ("PUT", "scenarios/home", json!({ "endpoint": items, "diversity": 7 })),
        ("PUT", "scenarios/home", json!({ "endpoint": items, "filter": "1 +" })),
        ("PUT", "scenarios/home", json!({ "endpoint": items, "name": "other" })),
        ("PUT", "scenarios/home", json!({ "endpoint": items, "group": [group(7.0)] })),
        ("PUT", "scenarios/home", json!({ "endpoint": items, "promoted": { "share": 1 } })),
        ("PUT", "interaction_weights", json!({ "view": 7 })),
        ("PATCH", "settings", json!({ "weak_signals": { "click": 7 } })),
        ("PATCH", "settings", json!({ "presets": 99 })),
        ("PUT", "traits/likes", json!({ "kind": "recommended_items", "count": 0 })),
        ("POST", "tokens", json!({ "name": "a b", "kind": "public" })),
        ("POST", "/api/api_keys", json!({ "name": "a b", "role": "editor" })),
        (
            "POST",
            "/api/invitations",
            json!({ "email": "a@b.c", "role": "editor",
            "workspaces": ["shop", "elsewhere"] }),
        ),
        (
            "POST",
            "/api/api_keys",
            json!({ "name": "a", "role": "editor",
            "workspaces": ["elsewhere"] }),
        ),
        ("POST", "recommendations", json!({ "settings": { "diversity": "much" } })),
        ("GET", "kpis?until=9999-12-31", Value::Null),
        ("GET", "items/%FF", Value::Null),
    ] {
        lines.push(format!("{method} {path} {body}\n  {}", app.mistake(method, path, &body).await));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

/// Browsers and clients leave such segments out of addresses, so that nobody could open it.
#[tokio::test]
async fn nothing_gets_a_name_that_cannot_stand_in_an_address() {
    let app = TestApp::new().await;
    let made = json!({ "id": "colours", "rule": { "filters": [] } });
    assert_eq!(app.mistake("POST", "segmentations", &made).await, "201 -: -");
    let before = app.engine.config();
    for name in [".", "..", "a\u{0}b", "a\nb"] {
        let segment = json!([{ "id": name, "filter": "true" }]);
        for (path, body) in [
            ("sources", json!({ "name": name })),
            ("tokens", json!({ "name": name, "kind": "public" })),
            ("/api/api_keys", json!({ "name": name, "role": "editor" })),
            ("segmentations", json!({ "id": name, "rule": { "property": "title" } })),
            ("segmentations", json!({ "id": "other", "rule": { "filters": segment } })),
            ("series", json!({ "id": name })),
            ("groups", json!({ "id": name })),
        ] {
            let line = app.mistake("POST", path, &body).await;
            assert!(line.starts_with("400 validation_error: "), "{path} {name:?}: {line}");
            assert!(line.contains("(at /"), "{path} {name:?}: {line}");
        }
        let renamed = app.mistake("PATCH", "sources/web", &json!({ "name": name })).await;
        assert!(renamed.starts_with("400 "), "{name:?}: {renamed}");
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let scenario = json!({ "endpoint": "recommendItemsToUser" });
        let path = format!("scenarios/{encoded}");
        let line = app.mistake("PUT", &path, &scenario).await;
        assert!(line.starts_with("400 ") && line.contains("(at /name)"), "{name:?}: {line}");
    }
    assert_eq!(app.engine.config(), before);
}

#[tokio::test]
async fn neither_messages_nor_files_nor_calls_bring_such_an_id() {
    let app = TestApp::new().await;
    for id in [".", "..", "a\u{0}b", "a\nb"] {
        for message in [
            json!({ "type": "track", "userId": id, "event": "Seen" }),
            json!({ "type": "track", "anonymousId": id, "userId": "ann", "event": "Seen" }),
            json!({ "type": "alias", "userId": "ann", "previousId": id }),
        ] {
            app.batch(json!([message])).await;
            let rejections = app.admin(&format!("{SHOP}/rejections?limit=1")).await.body;
            let latest = &rejections["latest"][0];
            assert_eq!(latest["reason"], "id_invalid", "{message}: {rejections}");
        }
        let file = json!({ "item_id": id }).to_string();
        let headers = [("authorization", "Bearer admin"), ("content-type", "application/x-ndjson")];
        let refused = app.post(&format!("{SHOP}/catalog"), file, &headers).await;
        assert_eq!(refused.status, 422, "{id:?}: {}", refused.line());
        let encoded: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for kind in ["items", "users"] {
            let made = app.call(axum::http::Method::PUT, &format!("{kind}/{encoded}"), "").await;
            assert_eq!(made.status, 400, "{kind} {id:?}: {}", made.body);
        }
    }
    app.batch(json!([track(1, "...", "Seen", json!({}))])).await;
    assert_eq!(app.admin(&format!("{SHOP}/people/...")).await.status, 200);
    assert_eq!((app.engine.counts().items, app.engine.counts().known_users), (0, 1));
}
