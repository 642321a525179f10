//! Wrong calls of the operations that make lists.

use serde_json::{Value, json};

use super::{POST, Table, full_shop, state};

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
