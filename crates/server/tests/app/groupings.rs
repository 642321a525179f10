//! Segmentations, synonyms, series and groups over the admin API.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::TestApp;

impl TestApp {
    /// A call of the workspace's admin API: the status, and the body.
    async fn call_admin(&self, method: &str, path: &str, body: Value) -> Value {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/workspaces/shop/{path}"))
            .header("authorization", "Bearer admin")
            .header("content-type", "application/json");
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let mut answer = self.send(request.body(body).unwrap()).await;
        // The id of the request.
        answer.body.as_object_mut().and_then(|body| body.remove("instance"));
        json!([answer.status.as_u16(), answer.body])
    }
}

#[tokio::test]
async fn rules_are_tried_kept_and_changed() {
    let app = TestApp::new().await;
    let items = "item_id,title,price,kind\na,A,10,lamp\nb,B,20,lamp\nc,C,30,chair\n";
    let headers = [("authorization", "Bearer admin"), ("content-type", "text/csv")];
    let imported = app.post("/api/workspaces/shop/catalog", items, &headers).await;
    assert_eq!(imported.status, 200, "{}", imported.line());
    let cheap = json!({ "filters": [{ "id": "cheap", "filter": "'price' < 25" }] });
    let answers = [
        app.call_admin("POST", "segmentation_trials", json!({ "property": "kind" })).await,
        app.call_admin("POST", "segmentation_trials", json!({ "expression": "'kind' +" })).await,
        app.call_admin("POST", "segmentation_trials", json!({ "expression": "'kind'" })).await,
        app.call_admin("POST", "segmentations", json!({ "id": "by price", "rule": cheap })).await,
        app.call_admin("POST", "segmentations", json!({ "id": "prices", "rule": cheap })).await,
        app.call_admin("POST", "segmentations", json!({ "id": "prices", "rule": cheap })).await,
        app.call_admin("GET", "segmentations/prices", Value::Null).await,
        app.call_admin(
            "PUT",
            "segmentations/prices",
            json!({ "title": "Prices", "rule": { "filters": [
                { "id": "dear", "filter": "'price' >= 25", "title": "Dear" }
            ] } }),
        )
        .await,
        app.call_admin("GET", "segmentations/prices", Value::Null).await,
        app.call_admin("PUT", "segmentations/prices", json!({ "rule": { "property": "kind" } }))
            .await,
        app.call_admin("DELETE", "segmentations/prices", Value::Null).await,
        app.call_admin("GET", "segmentations", Value::Null).await,
        app.call_admin("GET", "segmentations/prices", Value::Null).await,
    ];
    insta::assert_json_snapshot!(answers);
}

#[tokio::test]
async fn series_groups_and_synonyms_are_made_and_removed() {
    let app = TestApp::new().await;
    let headers = [("authorization", "Bearer admin"), ("content-type", "text/csv")];
    let imported =
        app.post("/api/workspaces/shop/catalog", "item_id,title\na,A\nb,B\n", &headers).await;
    assert_eq!(imported.status, 200, "{}", imported.line());
    let member = |id: &str, time: f64| json!({ "id": id, "time": time });
    let answers = [
        app.call_admin("POST", "series", json!({ "id": "season" })).await,
        app.call_admin("POST", "series/season/members", member("b", 2.0)).await,
        app.call_admin("POST", "series/season/members", member("a", 1.0)).await,
        app.call_admin("POST", "series/season/members", member("nothing", 3.0)).await,
        app.call_admin("GET", "series/season", Value::Null).await,
        app.call_admin("DELETE", "series/season/members/b", Value::Null).await,
        app.call_admin("GET", "series", Value::Null).await,
        app.call_admin("POST", "groups", json!({ "id": "lamps" })).await,
        app.call_admin("POST", "groups/lamps/members", json!({ "id": "a" })).await,
        app.call_admin("GET", "groups/lamps", Value::Null).await,
        app.call_admin("DELETE", "groups/lamps", Value::Null).await,
        app.call_admin("GET", "groups/lamps", Value::Null).await,
        app.call_admin("POST", "synonyms", json!({ "term": "", "synonym": "lamp" })).await,
    ];
    insta::assert_json_snapshot!(answers);
    let made =
        app.call_admin("POST", "synonyms", json!({ "term": "light", "synonym": "lamp" })).await;
    let id = made[1]["id"].as_str().unwrap().to_owned();
    let removed = app.call_admin("DELETE", &format!("synonyms/{id}"), Value::Null).await;
    assert_eq!((&made[0], &removed[0]), (&json!(201), &json!(204)));
    let left = app.call_admin("GET", "synonyms", Value::Null).await;
    assert_eq!(left, json!([200, { "synonyms": [] }]));
}
