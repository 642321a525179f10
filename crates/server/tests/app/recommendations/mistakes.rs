//! Calls that are wrong: each is told what is wrong, and changes nothing.

mod expressions;
mod lists;
mod other_operations;
mod requests;

use axum::http::Method;
use serde_json::{Value, json};

use super::{line, shop};
use crate::{Answer, TestApp};

const DELETE: Method = Method::DELETE;
const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;

/// The longest body that a table shows.
const SHOWN_CHARS: usize = 110;

/// A shop with something of everything.
async fn full_shop() -> TestApp {
    let app = shop().await;
    let of_segments =
        |endpoint: &str| json!({ "endpoint": endpoint, "segmentation": "categories" });
    app.put_scenario("of-segment", of_segments("recommendItemsToItemSegment")).await;
    app.put_scenario("segments", of_segments("recommendItemSegmentsToUser")).await;
    app.put_scenario("search-segments", of_segments("searchItemSegments")).await;
    app.put_scenario("composite", json!({ "endpoint": "compositeRecommendation" })).await;
    let part = json!({ "userId": "u0", "itemId": "lamp0", "portion": 0.5, "sessionId": "s", "timestamp": 5 });
    let element = json!({ "itemType": "item", "itemId": "lamp0", "time": 1 });
    app.change(vec![
        super::request("PUT", "/series/s1", Value::Null),
        super::request("POST", "/series/s1/items/", element),
        super::request("POST", "/viewportions/", part),
        super::request("POST", "/synonyms/items/", json!({ "term": "urn", "synonym": "vase" })),
        super::request(
            "PUT",
            "/segmentations/manual-reql/manual",
            json!({ "sourceType": "items" }),
        ),
        super::request(
            "PUT",
            "/segmentations/manual-reql/manual/segments/a",
            json!({ "filter": "'price' > 20" }),
        ),
        super::request(
            "PUT",
            "/segmentations/auto-reql/auto",
            json!({ "sourceType": "items", "expression": "{'title'}" }),
        ),
    ])
    .await;
    app
}

/// All that the API tells of a database.
async fn state(app: &TestApp) -> Vec<String> {
    let mut paths: Vec<String> = [
        "items/list/?returnProperties=true",
        "users/list/?returnProperties=true",
        "items/properties/list/",
        "users/properties/list/",
        "series/list/",
        "series/s1/items/",
        "groups/list/",
        "synonyms/items/",
        "scenarios/",
        "segmentations/list/?sourceType=items",
    ]
    .map(str::to_owned)
    .into();
    paths.extend(
        ["categories", "tags", "manual", "auto"].map(|id| format!("segmentations/list/{id}")),
    );
    let kinds =
        ["detailviews", "purchases", "ratings", "cartadditions", "bookmarks", "viewportions"];
    paths.extend(
        kinds.iter().flat_map(|kind| (0..12).map(move |user| format!("users/u{user}/{kind}/"))),
    );
    let mut state = Vec::new();
    for path in paths {
        let answer = app.call(GET, &path, "").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        state.push(format!("{path} {}", answer.body));
    }
    let mut counts = app.admin("/api/workspaces/shop").await.body["counts"].take();
    // What is refused is journalled too.
    counts["journal_entries"].take();
    state.push(counts.to_string());
    for path in ["kpis", "scenarios"] {
        state.push(app.admin(&format!("/api/workspaces/shop/{path}")).await.body.to_string());
    }
    state
}

/// A table of calls with their answers, of which it collects those that are not as they must be.
#[derive(Default)]
struct Table {
    lines: String,
    n_calls: usize,
    offenders: Vec<String>,
}

impl Table {
    async fn call(&mut self, app: &TestApp, method: Method, path: &str, body: impl Into<Vec<u8>>) {
        let body: Vec<u8> = body.into();
        let text = String::from_utf8_lossy(&body);
        let mut shown: String = text.chars().take(SHOWN_CHARS).collect();
        if shown.len() < text.len() {
            shown += &format!("... ({} bytes)", body.len());
        }
        let path_shown: String = path.chars().take(SHOWN_CHARS).collect();
        let answer = app.call(method.clone(), path, body.clone()).await;
        self.note(&format!("{method} {path_shown} {shown}"), &answer);
    }

    fn note(&mut self, what: &str, answer: &Answer) {
        let said: String = line(answer).chars().take(400).collect();
        self.lines += &format!("{what}\n  {said}\n");
        self.n_calls += 1;
        let is_right = answer.status.is_client_error()
            && answer.body["statusCode"] == answer.status.as_u16()
            && answer.body["error"].as_str().is_some_and(|error| !error.is_empty());
        if !is_right {
            self.offenders.push(format!(
                "{what}\n  {said} {}",
                answer.body.to_string().chars().take(200).collect::<String>()
            ));
        }
    }

    /// Checks that every answer was as it must be and that nothing has changed.
    async fn end(self, app: &TestApp, before: Vec<String>) -> String {
        assert!(self.offenders.is_empty(), "{}", self.offenders.join("\n"));
        for (before, after) in before.into_iter().zip(state(app).await) {
            assert_eq!(before, after);
        }
        self.lines
    }
}

#[tokio::test]
async fn a_call_that_is_refused_makes_nobody() {
    let app = full_shop().await;
    let before = state(&app).await;
    let mut table = Table::default();
    for (path, body) in [
        (
            "recomms/users/new/items/",
            r#"{"count": 3, "filter": "'nothing' > 1", "cascadeCreate": true}"#,
        ),
        ("recomms/users/new/items/", r#"{"count": 3, "logic": "best", "cascadeCreate": true}"#),
        (
            "recomms/users/new/item-segments/",
            r#"{"count": 3, "scenario": "odd", "cascadeCreate": true}"#,
        ),
        (
            "recomms/composite/",
            r#"{"count": 3, "scenario": "odd", "userId": "new", "cascadeCreate": true}"#,
        ),
    ] {
        table.call(&app, POST, path, body).await;
    }
    table.end(&app, before).await;
}

#[tokio::test]
async fn a_call_that_is_refused_late_makes_nobody() {
    let app = full_shop().await;
    let missing = json!([{ "property": "nothing", "max": 1 }]);
    app.put_scenario("odd", json!({ "endpoint": "recommendItemsToUser", "constraint": missing }))
        .await;
    let before = state(&app).await;
    let mut table = Table::default();
    let mut segment =
        json!({ "count": 3, "scenario": "of-segment", "contextSegmentId": "nothing" });
    segment["targetUserId"] = "new".into();
    segment["cascadeCreate"] = true.into();
    table.call(&app, POST, "recomms/item-segments/items/", segment.to_string()).await;
    let odd = r#"{"count": 3, "scenario": "odd", "cascadeCreate": true}"#;
    table.call(&app, POST, "recomms/users/new/items/", odd).await;
    table.end(&app, before).await;
}
