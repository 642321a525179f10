//! Calls that are wrong: each is told what is wrong, and changes nothing.

use axum::http::Method;
use serde_json::{Value, json};

use super::{interactions, line, shop};
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

/// Wrong values of the parameters of lists, as JSON.
const PARAMETERS: [(&str, &[&str]); 17] = [
    (
        "count",
        &[
            "0", "-1", "1.5", "\"x\"", "null", "10001", "1e300", "1e999", "true", "[5]", "{}",
            "\"\"", "\"NaN\"", "-0.5",
        ],
    ),
    (
        "filter",
        &["5", "true", "[]", "{}", "\"'price'\"", "\"'price' > \"", "\"'price' > 1 extra\""],
    ),
    ("booster", &["5", "[]", "\"true\"", "\"'title'\"", "\"1 +\""]),
    (
        "logic",
        &[
            "5",
            "[]",
            "true",
            "{}",
            "{\"name\": 5}",
            "\"\"",
            "\"best\"",
            "\"recombee:best\"",
            "\"recombee:\"",
            "\"x:best\"",
            "\":popular\"",
        ],
    ),
    (
        "logic",
        &[
            "\"similar\"",
            "\"recombee:similar\"",
            "{\"name\": \"ecommerce:similar-products\", \"settings\": {}}",
        ],
    ),
    ("scenario", &["5", "[]", "{}"]),
    (
        "reqlExpressions",
        &[
            "[5]",
            "5",
            "\"'price'\"",
            "{\"a\": 5}",
            "{\"a\": null}",
            "{\"a\": \"1 +\"}",
            "{\"a\": \"nothing('price')\"}",
            "{\"a\": \"1\", \"b\": \"size('price')\"}",
            "{\"a\": \"pow(2, \\\"x\\\")\"}",
            "{\"a\": \"'price' + 'title'\"}",
        ],
    ),
    ("returnProperties", &["5", "\"maybe\"", "[]", "{}"]),
    ("includedProperties", &["5", "[1, 2]", "{}", "[null]", "true"]),
    ("diversity", &["-0.1", "1.1", "\"x\"", "[]", "true", "\"nan\"", "\"1e999\""]),
    ("minRelevance", &["5", "\"huge\"", "\"LOW\"", "[]", "\"\""]),
    ("rotationRate", &["-0.1", "2", "\"x\"", "{}", "\"inf\""]),
    ("rotationTime", &["-1", "\"x\"", "[]", "true"]),
    ("userImpact", &["-1", "7", "\"x\"", "[]"]),
    ("cascadeCreate", &["5", "\"yes\"", "[]"]),
    ("returnAbGroup", &["5", "{}"]),
    ("targetUserId", &["[]", "{}", "true", "\"\"", "\"a b\"", "\"ü\"", "\"nobody\"", "1.5e300"]),
];

#[tokio::test]
async fn wrong_values_of_parameters_are_named() {
    let app = full_shop().await;
    let before = state(&app).await;
    let mut table = Table::default();
    for (name, values) in PARAMETERS {
        for value in values {
            let count = if name == "count" { String::new() } else { ", \"count\": 3".to_owned() };
            let path = if name == "targetUserId" {
                "recomms/items/lamp0/items/"
            } else {
                "recomms/users/u0/items/"
            };
            table.call(&app, POST, path, format!("{{\"{name}\": {value}{count}}}")).await;
        }
    }
    // The logic and its parameters do not go together.
    insta::assert_snapshot!(table.end(&app, before).await);
}

#[tokio::test]
async fn wrong_calls_of_every_operation_are_named() {
    let app = full_shop().await;
    let before = state(&app).await;
    let mut table = Table::default();
    for path in [
        "recomms/users/u0/items/",
        "recomms/items/lamp0/items/",
        "recomms/users/u0/users/",
        "recomms/items/lamp0/users/",
        "recomms/next/items/018bd12b-58ae-7000-8000-000000000000",
        "recomms/next/item-segments/018bd12b-58ae-7000-8000-000000000000",
        "items/lamp0/recomms/",
        "users/u0/recomms/",
    ] {
        table.call(&app, POST, path, "").await;
        table.call(&app, POST, path, r#"{"count": "many"}"#).await;
    }
    for (path, body) in [
        ("recomms/item-segments/items/", r#"{"count": 3, "scenario": "of-segment"}"#),
        (
            "recomms/item-segments/items/",
            r#"{"count": 3, "scenario": "of-segment", "contextSegmentId": 5}"#,
        ),
        (
            "recomms/item-segments/items/",
            r#"{"count": 3, "scenario": "of-segment", "contextSegmentId": ""}"#,
        ),
        (
            "recomms/item-segments/items/",
            r#"{"count": 3, "scenario": "of-segment", "contextSegmentId": "nothing"}"#,
        ),
        (
            "recomms/item-segments/items/",
            r#"{"scenario": "of-segment", "contextSegmentId": "rug"}"#,
        ),
        ("recomms/item-segments/items/", r#"{"count": 3, "contextSegmentId": "rug"}"#),
        ("recomms/item-segments/item-segments/", r#"{"count": 3}"#),
        ("recomms/users/u0/item-segments/", r#"{"count": 3}"#),
        (
            "recomms/users/u0/item-segments/",
            r#"{"count": 3, "scenario": "segments", "filter": "'price' > 1"}"#,
        ),
        (
            "recomms/users/u0/item-segments/",
            r#"{"count": 3, "scenario": "segments", "filter": "'segmentId'"}"#,
        ),
        ("recomms/users/u0/item-segments/", r#"{"scenario": "segments"}"#),
        ("recomms/items/lamp0/item-segments/", r#"{"count": 3, "scenario": ""}"#),
        ("recomms/users/u0/users/", r#"{"count": 3, "filter": "'price' > 1"}"#),
        ("recomms/users/u0/users/", r#"{"count": 3, "filter": "'itemId' == \"a\""}"#),
        ("recomms/composite/", r#"{"count": 3}"#),
        ("recomms/composite/", r#"{"scenario": "composite"}"#),
        ("recomms/composite/", r#"{"count": 3, "scenario": "composite"}"#),
        ("recomms/composite/", r#"{"count": 3, "scenario": "composite", "userId": []}"#),
        ("recomms/composite/", r#"{"count": 3, "scenario": "composite", "itemId": "nothing"}"#),
        ("recomms/composite/", r#"{"count": 3, "scenario": "composite", "segmentId": 5}"#),
        (
            "recomms/composite/",
            r#"{"count": 3, "scenario": "composite", "userId": "u0", "sourceSettings": [5]}"#,
        ),
        (
            "recomms/composite/",
            r#"{"count": 3, "scenario": "composite", "userId": "u0", "sourceSettings": {"filter": 5}}"#,
        ),
        (
            "recomms/composite/",
            r#"{"count": 3, "scenario": "composite", "userId": "u0", "sourceSettings": {"filter": "'price'"}}"#,
        ),
        (
            "recomms/composite/",
            r#"{"count": 3, "scenario": "composite", "userId": "u0", "resultSettings": {"diversity": 2}}"#,
        ),
        (
            "recomms/composite/",
            r#"{"count": 3, "scenario": "composite", "userId": "u0", "resultSettings": {"booster": "'title'"}}"#,
        ),
        ("search/users/u0/items/", r#"{"count": 3}"#),
        ("search/users/u0/items/", r#"{"searchQuery": "lamp"}"#),
        ("search/users/u0/items/", r#"{"count": 3, "searchQuery": 5}"#),
        ("search/users/u0/items/", r#"{"count": 3, "searchQuery": null}"#),
        ("search/users/u0/items/", r#"{"count": 3, "searchQuery": ["lamp"]}"#),
        ("search/users/u0/items/", r#"{"count": 3, "searchQuery": "lamp", "logic": "best"}"#),
        ("search/users/nobody/items/", r#"{"count": 3, "searchQuery": "lamp"}"#),
        ("search/users/u0/item-segments/", r#"{"count": 3, "searchQuery": "lamp"}"#),
        ("search/users/u0/item-segments/", r#"{"count": 3, "scenario": "search-segments"}"#),
    ] {
        table.call(&app, POST, path, body).await;
    }
    let long = "x".repeat(10_000_000);
    let query = json!({ "count": 3, "searchQuery": long }).to_string();
    table.call(&app, POST, "search/users/u0/items/", query).await;
    let scenario = json!({ "count": 3, "scenario": &long[..300] }).to_string();
    table.call(&app, POST, "recomms/users/u0/items/", scenario).await;
    let many: serde_json::Map<String, Value> =
        (0..101).map(|n| (n.to_string(), "1".into())).collect();
    let many = json!({ "count": 3, "reqlExpressions": many }).to_string();
    table.call(&app, POST, "recomms/users/u0/items/", many).await;
    insta::assert_snapshot!(table.end(&app, before).await);
}

#[tokio::test]
async fn wrong_expressions_are_named_with_the_place() {
    let app = full_shop().await;
    let before = state(&app).await;
    let mut table = Table::default();
    let deep =
        |open: &str, close: &str, n: usize| format!("{}true{}", open.repeat(n), close.repeat(n));
    let long = |part: &str, n: usize| vec![part; n].join(" and ");
    for filter in [
        "'price".to_owned(),
        "\"price".to_owned(),
        "'price' >> 1".to_owned(),
        "'price' = 1".to_owned(),
        "price > 1".to_owned(),
        "'price' > 'title'".to_owned(),
        "'title' > 1".to_owned(),
        "'available' + 1 > 1".to_owned(),
        "'tags' * 2 == 1".to_owned(),
        "'colour' == \"red\"".to_owned(),
        "context_item[\"colour\"] == 1".to_owned(),
        "context_item".to_owned(),
        "now".to_owned(),
        "now() + \"x\" > 1".to_owned(),
        "size('price') > 1".to_owned(),
        "size() > 1".to_owned(),
        "round(1, 2, 3) > 1".to_owned(),
        "nothing('price')".to_owned(),
        "map(lambda 'x': 'x', 'price') == {}".to_owned(),
        "exists('tags')".to_owned(),
        "exists(lambda 'x' 'x', 'tags')".to_owned(),
        "exists(lambda 'x': 5, 'tags')".to_owned(),
        "if true then 1".to_owned(),
        "if 1 then true else false".to_owned(),
        "(true".to_owned(),
        "true)".to_owned(),
        "{1, 2".to_owned(),
        "1 2".to_owned(),
        "'price' in 5".to_owned(),
        "'a' 'b'".to_owned(),
        "\u{0}".to_owned(),
        "💡".to_owned(),
        "'price' > 99999999999999999999999999 in".to_owned(),
        "geo_radius([1, 2]) == 1".to_owned(),
        "reduce(\"?\", 'tags') == 1".to_owned(),
        deep("(", ")", 101),
        deep("(", ")", 30_000),
        deep("not ", "", 16_000),
        deep("if true then ", " else false", 2_500),
        deep("[", "][0]", 12_000),
        long("'price' > 1", 7_700),
        long("'price' > 1", 30_000),
    ] {
        table
            .call(
                &app,
                POST,
                "recomms/users/u0/items/",
                json!({ "count": 3, "filter": filter }).to_string(),
            )
            .await;
    }
    for booster in ["'tags'", "\"5\"", "{}", "'released' == 1", "1 if true"] {
        let body = json!({ "count": 3, "booster": booster }).to_string();
        table.call(&app, POST, "recomms/users/u0/items/", body).await;
    }
    for (method, path, body) in [
        (GET, "items/list/?filter='price'", Value::Null),
        (GET, "items/list/?filter='colour'%20==%201", Value::Null),
        (GET, "users/list/?filter='price'%20==%201", Value::Null),
        (POST, "more-items/", json!({ "filter": "'price' >", "changes": { "price": 1 } })),
        (POST, "more-items/", json!({ "filter": "'colour' > 1", "changes": { "price": 1 } })),
        (POST, "more-items/", json!({ "filter": "true", "changes": { "price": "dear" } })),
        (POST, "more-items/", json!({ "filter": "true", "changes": { "colour": "red" } })),
        (DELETE, "more-items/", json!({ "filter": "'price'" })),
        (DELETE, "more-items/", json!({})),
        (
            PUT,
            "segmentations/auto-reql/new",
            json!({ "sourceType": "items", "expression": "{'title'" }),
        ),
        (POST, "segmentations/auto-reql/auto", json!({ "expression": "'price'" })),
        (PUT, "segmentations/manual-reql/manual/segments/b", json!({ "filter": "'price'" })),
    ] {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        table.call(&app, method, path, body).await;
    }
    insta::assert_snapshot!(table.end(&app, before).await);
}

#[tokio::test]
async fn wrong_paths_and_bodies_are_named() {
    let app = full_shop().await;
    let before = state(&app).await;
    let mut table = Table::default();
    let long_id = format!("recomms/users/{}/items/", "x".repeat(256));
    for path in [
        "recomms/users/a%20b/items/",
        "recomms/users/%C3%BC/items/",
        "recomms/users/%ff/items/",
        "recomms/users/%zz/items/",
        "recomms/users/%/items/",
        "recomms/users/%00/items/",
        "recomms/users/a%2Fb/items/",
        "recomms/users/a+b/items/",
        "recomms/users/***/items/",
        "recomms/users//items/",
        "recomms/users/%20/items/",
        long_id.as_str(),
        "recomms/items/a%20b/items/",
        "recomms/items/a%20b/users/",
        "search/users/a%20b/items/",
        "recomms/next/items/a%20b",
        "recomms/next/items/",
        "recomms/next/things/018bd12b-58ae-7000-8000-000000000000",
        "recomms/users/u0/things/",
        "recomms/things/u0/items/",
        "recomms/users/u0/items/more/",
        "recomms/",
        "recomms",
        "search/users/u0/",
        "search/items/",
        "search/items/lamp0/items/",
        "nothing",
        "",
    ] {
        table.call(&app, POST, path, r#"{"count": 3, "searchQuery": "lamp"}"#).await;
    }
    for method in [PUT, DELETE, Method::PATCH] {
        table.call(&app, method, "recomms/users/u0/items/", r#"{"count": 3}"#).await;
    }
    let nested = |n: usize| format!("{{\"count\": {}3{}}}", "[".repeat(n), "]".repeat(n));
    let nested_objects =
        format!("{{\"count\": {}3{}}}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let bodies: [Vec<u8>; 20] = [
        b"[]".into(),
        b"[1, 2]".into(),
        b"5".into(),
        b"\"count\"".into(),
        b"null".into(),
        b"true".into(),
        b"{".into(),
        b"{\"count\": 3".into(),
        b"{\"count\": 3,}".into(),
        b"{\"count\": 3} {}".into(),
        b"{count: 3}".into(),
        b"{'count': 3}".into(),
        b"{\"count\": NaN}".into(),
        b"{\"count\": Infinity}".into(),
        b"{\"count\": 1e999}".into(),
        b"{\"count\": 3, \"filter\": \"\xff\"}".into(),
        b"\xff\xfe".into(),
        b"{\"count\": 3, \"filter\": \"\\ud800\"}".into(),
        nested(10_000).into(),
        nested_objects.into(),
    ];
    for body in bodies {
        table.call(&app, POST, "recomms/users/u0/items/", body).await;
    }
    table.call(&app, POST, "recomms/users/u0/items/", vec![b' '; 33 * 1_024 * 1_024]).await;
    for query in [
        "count=x",
        "count=%ff",
        "count=%",
        "%ff=3",
        "count=3&filter=%27a",
        "count=3&returnProperties=maybe",
    ] {
        table.call(&app, POST, &format!("recomms/users/u0/items/?{query}"), "").await;
    }
    insta::assert_snapshot!(table.end(&app, before).await);
}

#[tokio::test]
async fn wrong_batches_are_named_and_do_nothing() {
    let app = full_shop().await;
    let before = state(&app).await;
    let mut table = Table::default();
    let good = json!({ "method": "PUT", "path": "/items/new", "params": {} });
    for entry in [
        json!(5),
        json!("PUT /items/new"),
        json!([]),
        json!(null),
        json!({}),
        json!({ "method": "PUT" }),
        json!({ "path": "/items/new" }),
        json!({ "method": 5, "path": "/items/new" }),
        json!({ "method": "PUT", "path": 5 }),
        json!({ "method": "PUT", "path": ["items", "new"] }),
        json!({ "method": "PUT", "path": "" }),
        json!({ "method": "PUT", "path": "/itemz/new" }),
        json!({ "method": "PATCH", "path": "/recomms/users/u0/items/" }),
        json!({ "method": "PUT", "path": "/items/new", "params": [1] }),
        json!({ "method": "PUT", "path": "/items/new", "params": "x" }),
        json!({ "method": "PUT", "path": "/items/%ff" }),
        json!({ "method": "GET", "path": "/items/list/?filter=%ff" }),
        json!({ "method": "POST", "path": "/batch/", "params": { "requests": [] } }),
        json!({ "method": "POST", "path": "batch", "params": { "requests": [] } }),
        json!({ "method": "POST", "path": "/shop/items/new" }),
    ] {
        table.call(&app, POST, "batch/", json!({ "requests": [good, entry] }).to_string()).await;
    }
    for body in [
        r#"{}"#,
        r#"{"requests": null}"#,
        r#"{"requests": {}}"#,
        r#"{"requests": "x"}"#,
        r#"[]"#,
        r#"{"requests": [], "distinctRecomms": "maybe"}"#,
        r#"{"requests": [], "distinctRecomms": 5}"#,
        r#"{"requests": ["#,
    ] {
        table.call(&app, POST, "batch/", body).await;
    }
    let many =
        json!({ "requests": vec![json!({ "method": "PUT", "path": "/items/new" }); 10_001] })
            .to_string();
    table.call(&app, POST, "batch/", many).await;
    table.call(&app, GET, "batch/", "").await;
    insta::assert_snapshot!(table.end(&app, before).await);
}

#[tokio::test]
async fn wrong_calls_of_the_other_operations_are_named() {
    let app = full_shop().await;
    let before = state(&app).await;
    let mut table = Table::default();
    let known = &interactions()[0]["params"];
    let again =
        json!({ "userId": known["userId"], "itemId": known["itemId"], "timestamp": known["timestamp"] })
            .to_string();
    let with = |more: &str| format!("{{\"userId\": \"u0\", \"itemId\": \"lamp0\"{more}}}");
    for (method, path, body) in [
        (PUT, "items/lamp0", String::new()),
        (DELETE, "items/nothing", String::new()),
        (GET, "items/nothing", String::new()),
        (POST, "items/nothing", "{\"price\": 1}".to_owned()),
        (POST, "items/lamp0", "{\"price\": \"1\"}".to_owned()),
        (POST, "items/lamp0", "{\"price\": [1]}".to_owned()),
        (POST, "items/lamp0", "{\"price\": 1, \"tags\": \"x\"}".to_owned()),
        (POST, "items/lamp0", "{\"tags\": [1]}".to_owned()),
        (POST, "items/lamp0", "{\"available\": 1}".to_owned()),
        (POST, "items/lamp0", "{\"available\": \"true\"}".to_owned()),
        (POST, "items/lamp0", "{\"title\": 5}".to_owned()),
        (POST, "items/lamp0", "{\"released\": \"yesterday\"}".to_owned()),
        (POST, "items/lamp0", "{\"released\": 1e300}".to_owned()),
        (POST, "items/lamp0", "{\"released\": \"+999999-01-01T00:00:00Z\"}".to_owned()),
        (POST, "items/lamp0", "{\"released\": true}".to_owned()),
        (POST, "items/lamp0", "{\"colour\": \"red\"}".to_owned()),
        (POST, "items/lamp0", "{\"itemId\": \"x\"}".to_owned()),
        (POST, "items/lamp0", "{\"\": 1}".to_owned()),
        (POST, "items/lamp0", "{\"!cascadeCreate\": 5}".to_owned()),
        (PUT, "items/properties/price", "{\"type\": \"int\"}".to_owned()),
        (PUT, "items/properties/new", "{\"type\": 5}".to_owned()),
        (PUT, "items/properties/new", "{\"type\": \"string\", \"role\": 5}".to_owned()),
        (PUT, "items/properties/new", "{\"type\": \"string\", \"role\": \"hero\"}".to_owned()),
        (PUT, "items/properties/a%20b", "{\"type\": \"string\"}".to_owned()),
        (PUT, "users/properties/userid", "{\"type\": \"string\"}".to_owned()),
        (PUT, "users/properties/new", "{\"type\": \"image\"}".to_owned()),
        (DELETE, "items/properties/nothing", String::new()),
        (GET, "items/properties/nothing", String::new()),
        (GET, "items/list/?count=-1", String::new()),
        (GET, "items/list/?offset=-1", String::new()),
        (GET, "items/list/?offset=1.5", String::new()),
        (PUT, "users/u0", String::new()),
        (PUT, "users/u0/merge/nobody", String::new()),
        (PUT, "users/nobody/merge/u0", String::new()),
        (PUT, "users/a%20b/merge/u0", String::new()),
        (PUT, "series/s1", String::new()),
        (PUT, "series/a%20b", String::new()),
        (DELETE, "series/nothing", String::new()),
        (
            POST,
            "series/s1/items/",
            "{\"itemType\": \"item\", \"itemId\": \"lamp0\", \"time\": 1}".to_owned(),
        ),
        (POST, "series/s1/items/", "{\"itemType\": \"item\", \"itemId\": \"lamp1\"}".to_owned()),
        (
            POST,
            "series/s1/items/",
            "{\"itemType\": \"item\", \"itemId\": \"lamp1\", \"time\": \"x\"}".to_owned(),
        ),
        (
            POST,
            "series/nothing/items/",
            "{\"itemType\": \"item\", \"itemId\": \"lamp1\", \"time\": 1}".to_owned(),
        ),
        (DELETE, "series/s1/items/?itemType=item&itemId=lamp7", String::new()),
        (GET, "series/nothing/items/", String::new()),
        (POST, "detailviews/", again),
        (POST, "detailviews/", "{}".to_owned()),
        (POST, "detailviews/", "{\"userId\": \"u0\"}".to_owned()),
        (POST, "detailviews/", with(", \"timestamp\": -1")),
        (POST, "detailviews/", with(", \"timestamp\": \"yesterday\"")),
        (POST, "detailviews/", with(", \"timestamp\": 1e300")),
        (POST, "detailviews/", with(", \"timestamp\": \"9999999-01-01\"")),
        (POST, "detailviews/", with(", \"timestamp\": \"2026-02-30T00:00:00Z\"")),
        (POST, "detailviews/", with(", \"timestamp\": true")),
        (POST, "detailviews/", with(", \"duration\": -1")),
        (POST, "detailviews/", with(", \"duration\": \"x\"")),
        (POST, "detailviews/", with(", \"additionalData\": 5")),
        (POST, "detailviews/", with(", \"recommId\": 5")),
        (POST, "detailviews/", with(", \"cascadeCreate\": \"maybe\"")),
        (POST, "detailviews/", "{\"userId\": \"nobody\", \"itemId\": \"lamp0\"}".to_owned()),
        (POST, "detailviews/", "{\"userId\": \"u0\", \"itemId\": \"nothing\"}".to_owned()),
        (POST, "purchases/", with(", \"amount\": \"x\"")),
        (POST, "purchases/", with(", \"amount\": -1")),
        (POST, "purchases/", with(", \"price\": [1]")),
        (POST, "purchases/", with(", \"price\": \"NaN\"")),
        (POST, "ratings/", with(", \"rating\": 1.5")),
        (POST, "ratings/", with(", \"rating\": \"good\"")),
        (POST, "ratings/", with("")),
        (POST, "viewportions/", with(", \"portion\": 2")),
        (POST, "viewportions/", with("")),
        (POST, "viewportions/", with(", \"portion\": 0.5, \"sessionId\": \"a b\"")),
        (POST, "viewportions/", with(", \"portion\": 0.1, \"sessionId\": \"s\", \"timestamp\": 9")),
        (DELETE, "detailviews/", "{}".to_owned()),
        (DELETE, "detailviews/?userId=u0&itemId=vase7", String::new()),
        (DELETE, "bookmarks/?userId=u0&itemId=lamp0", String::new()),
        (DELETE, "detailviews/?userId=u0&itemId=lamp1&timestamp=x", String::new()),
        (GET, "users/nobody/detailviews/", String::new()),
        (GET, "items/nothing/detailviews/", String::new()),
        (POST, "clicks/", with("")),
        (POST, "synonyms/items/", "{\"term\": \"urn\", \"synonym\": \"vase\"}".to_owned()),
        (POST, "synonyms/items/", "{\"term\": 5, \"synonym\": \"vase\"}".to_owned()),
        (POST, "synonyms/items/", "{\"term\": \"a\", \"synonym\": \"\"}".to_owned()),
        (
            POST,
            "synonyms/items/",
            "{\"term\": \"a\", \"synonym\": \"b\", \"oneWay\": \"maybe\"}".to_owned(),
        ),
        (DELETE, "synonyms/items/7", String::new()),
        (GET, "synonyms/items/?count=x", String::new()),
        (
            PUT,
            "segmentations/property-based/categories",
            "{\"sourceType\": \"items\", \"propertyName\": \"tags\"}".to_owned(),
        ),
        (
            PUT,
            "segmentations/property-based/new",
            "{\"sourceType\": \"items\", \"propertyName\": 5}".to_owned(),
        ),
        (PUT, "segmentations/nothing/new", "{\"sourceType\": \"items\"}".to_owned()),
        (GET, "segmentations/list/nothing", String::new()),
        (DELETE, "segmentations/nothing", String::new()),
        (PUT, "segmentations/manual-reql/manual/segments/a", "{\"filter\": \"true\"}".to_owned()),
        (
            PUT,
            "segmentations/manual-reql/manual/segments/a%20b",
            "{\"filter\": \"true\"}".to_owned(),
        ),
        (
            POST,
            "segmentations/manual-reql/manual/segments/nothing",
            "{\"filter\": \"true\"}".to_owned(),
        ),
        (PUT, "scenarios/new", "{\"endpoint\": \"searchItems\"}".to_owned()),
        (DELETE, "items/", String::new()),
        (DELETE, "users/", String::new()),
        (POST, "", "{}".to_owned()),
    ] {
        table.call(&app, method, path, body).await;
    }
    insta::assert_snapshot!(table.end(&app, before).await);
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
