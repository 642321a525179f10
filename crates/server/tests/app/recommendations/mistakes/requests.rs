//! Wrong paths, bodies and batches.

use axum::http::Method;
use serde_json::json;

use super::{DELETE, GET, POST, PUT, Table, full_shop, state};

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
