//! Filters and boosters of requests.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use super::{items, properties, shop};
use crate::TestApp;
use crate::recombee::request;

#[tokio::test]
async fn filters_leave_what_they_let_through() {
    let app = shop().await;
    let mut lines = String::new();
    for filter in [
        "'itemId' in {\"lamp1\", \"rug3\", \"vase5\"}",
        "'price' > 12 and 'price' < 16",
        "'available' and 'category' == \"rug\"",
        "not 'available' and \"large\" in 'tags' and 'category' != \"vase\"",
        "'released' > timestamp(\"2023-11-20T00:00:00Z\") and 'category' == \"lamp\"",
        "'released' > now() - 1",
        "'itemId' in segment_items(\"categories\", \"vase\") and \"small\" in 'tags'",
        "\"lamp\" in item_segments(\"categories\", 'itemId') and 'price' <= 12",
        "size(item_segments(\"tags\", 'itemId')) == 2 and 'category' == \"lamp\"",
        "'price' == item_values(\"lamp0\")[\"price\"] + 3",
        "'category' == item_values(\"nothing\")[\"category\"]",
        "'itemId' in segment_items(\"nothing\", \"vase\")",
        "exists(lambda 't': 't' == \"large\", 'tags') and 'category' == \"rug\"",
        "num_item_purchases('itemId') >= 2",
        "'price' / 0 > 1",
        "null",
        "false",
    ] {
        lines += &format!("{filter}\n  {}\n", app.passing(filter).await);
    }
    insta::assert_snapshot!(lines);
}

#[tokio::test]
async fn filters_know_what_the_list_is_for() {
    let app = shop().await;
    app.put_scenario(
        "of-segment",
        json!({ "endpoint": "recommendItemsToItemSegment", "segmentation": "categories" }),
    )
    .await;
    let with = |filter: &str, more: Value| {
        let mut body = json!({ "count": 100, "filter": filter });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let nobody = json!({});
    let of_user = json!({ "targetUserId": "u4" });
    let of_segment = json!({ "contextSegmentId": "rug", "scenario": "of-segment" });
    let mut lines = String::new();
    for (path, filter, more) in [
        (
            "recomms/items/lamp3/items/",
            "'price' > context_item[\"price\"] and 'category' == context_item[\"category\"]",
            &nobody,
        ),
        (
            "recomms/items/lamp3/items/",
            "'itemId' != context_item[\"itemId\"] and 'price' < 16",
            &nobody,
        ),
        ("recomms/items/lamp3/items/", "'category' in context_user[\"follows\"]", &of_user),
        ("recomms/items/lamp3/items/", "'category' in context_user[\"follows\"]", &nobody),
        (
            "recomms/users/u5/items/",
            "exists(lambda 'f': 'f' == 'category', context_user[\"follows\"])",
            &nobody,
        ),
        ("recomms/users/u5/items/", "context_user[\"userId\"] == \"u5\" and 'price' < 12", &nobody),
        ("recomms/users/u5/items/", "'category' == context_item[\"category\"]", &nobody),
        ("recomms/users/u5/users/", "'city' == context_user[\"city\"]", &nobody),
        ("recomms/items/lamp3/users/", "context_item[\"category\"] in 'follows'", &nobody),
        (
            "recomms/item-segments/items/",
            "'category' == context_segment[\"segmentId\"]",
            &of_segment,
        ),
        (
            "recomms/item-segments/items/",
            "'category' != context_segment[\"segmentId\"] and \"small\" in 'tags'",
            &of_segment,
        ),
    ] {
        let mut list = app.list(path, with(filter, more.clone())).await;
        list.sort_unstable();
        lines += &format!("{path} {filter} {more}\n  {}\n", list.join(" "));
    }
    insta::assert_snapshot!(lines);
}

/// Asks the same three times in a row, so that what can be kept of it is kept.
async fn three_times(app: &TestApp, filter: &str) -> String {
    let lists = [app.passing(filter).await, app.passing(filter).await, app.passing(filter).await];
    assert!(lists.iter().all(|list| *list == lists[0]), "{filter}: {lists:?}");
    lists[0].clone()
}

/// What is kept of filters never is of before a change.
#[tokio::test]
async fn a_filter_that_is_used_again_sees_every_change() {
    const CHEAP: &str = "'price' < 12";
    const PLAIN: &str = "'colour' == \"red\" or 'price' == 10";
    const UNSET: &str = "'price' == null";
    let app = shop().await;
    let set = |item: &str, values: Value| request("POST", &format!("/items/{item}"), values);
    let colour = |type_: &str| request("PUT", "/items/properties/colour", json!({ "type": type_ }));
    let no_colour = || request("DELETE", "/items/properties/colour", Value::Null);
    let mut reset = vec![request("DELETE", "/", Value::Null)];
    reset.extend(properties());
    reset.extend(items());
    let steps: [(&str, Vec<Value>); 14] = [
        ("as it was", Vec::new()),
        ("rug0 is cheap now", vec![set("rug0", json!({ "price": 1 }))]),
        ("lamp0 is dear now", vec![set("lamp0", json!({ "price": 99 }))]),
        ("lamp1 has no price", vec![set("lamp1", json!({ "price": null }))]),
        ("rug0 is gone", vec![request("DELETE", "/items/rug0", Value::Null)]),
        ("rug0 is back without values", vec![request("PUT", "/items/rug0", Value::Null)]),
        ("rug0 has a price", vec![set("rug0", json!({ "price": 2 }))]),
        ("new has no values", vec![request("PUT", "/items/new", Value::Null)]),
        ("new has a price", vec![set("new", json!({ "price": 10 }))]),
        (
            "by a filter",
            vec![request(
                "POST",
                "/more-items/",
                json!({ "filter": "'category' == \"vase\" and 'price' == 30", "changes": { "price": 3 } }),
            )],
        ),
        ("a property more", vec![colour("string"), set("vase7", json!({ "colour": "red" }))]),
        ("the property is another one", vec![no_colour(), colour("set")]),
        (
            "without prices",
            vec![
                request("DELETE", "/items/properties/price", Value::Null),
                request("PUT", "/items/properties/price", json!({ "type": "int" })),
                set("vase1", json!({ "price": 10 })),
            ],
        ),
        ("all anew", reset),
    ];
    let mut lines = String::new();
    for (what, changes) in steps {
        app.change(changes).await;
        lines += &format!("{what}\n");
        for filter in [CHEAP, UNSET] {
            lines += &format!("  {filter}: {}\n", three_times(&app, filter).await);
        }
        let has_colour =
            app.call(Method::GET, "items/properties/colour", "").await.body["type"] == "string";
        if has_colour {
            lines += &format!("  {PLAIN}: {}\n", three_times(&app, PLAIN).await);
        }
    }
    insta::assert_snapshot!(lines);
}

#[tokio::test]
async fn a_filter_by_what_others_are_is_not_kept() {
    let app = shop().await;
    let (item, segment) = (
        "'price' < item_values(\"lamp3\")[\"price\"]",
        "\"vase\" in item_segments(\"categories\", 'itemId')",
    );
    let purchases = "num_item_purchases('itemId') > 2";
    let mut lines = String::new();
    for changes in [
        Vec::new(),
        vec![
            request("POST", "/items/lamp3", json!({ "price": 12 })),
            request("POST", "/items/rug0", json!({ "category": "vase" })),
            request(
                "POST",
                "/purchases/",
                json!({ "userId": "u0", "itemId": "vase6", "timestamp": 1 }),
            ),
            request(
                "POST",
                "/purchases/",
                json!({ "userId": "u0", "itemId": "vase6", "timestamp": 2 }),
            ),
            request(
                "POST",
                "/purchases/",
                json!({ "userId": "u0", "itemId": "vase6", "timestamp": 3 }),
            ),
        ],
    ] {
        app.change(changes).await;
        // Segments may be as they were for ten times as long as it takes to make them.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        for filter in [item, segment, purchases] {
            lines += &format!("{filter}\n  {}\n", three_times(&app, filter).await);
        }
    }
    insta::assert_snapshot!(lines);
}

#[tokio::test]
async fn the_time_goes_on_for_a_filter_that_is_used_again() {
    let app = shop().await;
    let soon = engine::now().0 as f64 / 1_000.0 + 1.0;
    app.change(vec![request("POST", "/items/lamp0", json!({ "released": soon }))]).await;
    let filter = "'released' > now() and 'category' == \"lamp\"";
    assert_eq!(three_times(&app, filter).await, "lamp0");
    // Within some seconds, which is how old what is kept may be.
    let is_late = || engine::now().0 as f64 / 1_000.0 > soon + 10.0;
    while app.passing(filter).await == "lamp0" {
        assert!(!is_late());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(three_times(&app, filter).await, "");
}

#[tokio::test]
async fn boosters_multiply_and_what_is_not_above_0_goes_to_the_end() {
    let app = shop().await;
    let path = "recomms/users/u0/items/";
    let list = |booster: &str| app.list(path, json!({ "count": 100, "booster": booster }));
    let plain = app.list(path, json!({ "count": 100 })).await;
    let at = |list: &[String], id: &str| list.iter().position(|other| other == id).unwrap();
    for neutral in
        ["1", "7.5", "null", "0 / 0", "'price' / 0", "if 'category' == \"rug\" then null else 1"]
    {
        assert_eq!(list(neutral).await, plain, "{neutral}");
    }
    // The last one comes first, the first one last.
    let (first, last) = (plain.first().unwrap(), plain.last().unwrap());
    let raised = list(&format!("if 'itemId' == \"{last}\" then 1e6 else 1")).await;
    assert_eq!((at(&raised, last), raised.len()), (0, plain.len()));
    for sunk in ["0", "-1", "-1e300", "0 - 0.001"] {
        let sunk = list(&format!("if 'itemId' == \"{first}\" then {sunk} else 1")).await;
        assert_eq!((at(&sunk, first), sunk.len()), (plain.len() - 1, plain.len()), "{sunk:?}");
    }
    // A negative one counts as 0, and of equal items the order is by index.
    let two = list(&format!(
        "if 'itemId' == \"{first}\" then -1 else (if 'itemId' == \"{}\" then 0 else 1)",
        plain[1]
    ))
    .await;
    let zeros =
        list(&format!("if 'itemId' == \"{first}\" or 'itemId' == \"{}\" then 0 else 1", plain[1]))
            .await;
    assert_eq!(two, zeros);
    assert_eq!(BTreeSet::from([first, &plain[1]]), two[plain.len() - 2..].iter().collect());

    // Beside the scenario's: 100 times a hundredth is what it was.
    let of_scenario = format!("if 'itemId' == \"{first}\" then 0.0001 else 1");
    app.put_scenario(
        "boosted",
        json!({ "endpoint": "recommendItemsToUser", "booster": of_scenario }),
    )
    .await;
    let both = |booster: String| {
        app.list(path, json!({ "count": 100, "scenario": "boosted", "booster": booster }))
    };
    assert!(at(&both("1".to_owned()).await, first) > 0);
    assert_eq!(at(&both(format!("if 'itemId' == \"{first}\" then 10000 else 1")).await, first), 0);
}

#[tokio::test]
async fn boosters_hold_for_users_segments_and_searches() {
    let app = shop().await;
    let of_segments =
        |endpoint: &str| json!({ "endpoint": endpoint, "segmentation": "categories" });
    app.put_scenario("segments", of_segments("recommendItemSegmentsToUser")).await;
    app.put_scenario("search-segments", of_segments("searchItemSegments")).await;
    app.put_scenario("of-segment", of_segments("recommendItemsToItemSegment")).await;
    for (path, body, booster, first) in [
        ("recomms/users/u0/users/", json!({}), "if 'userId' == \"u4\" then 1e9 else 1", "u4"),
        ("recomms/items/lamp0/users/", json!({}), "if 'userId' == \"u4\" then 1e9 else 1", "u4"),
        (
            "recomms/users/u0/item-segments/",
            json!({ "scenario": "segments" }),
            "if 'segmentId' == \"vase\" then 1e9 else 1",
            "vase",
        ),
        (
            "search/users/u0/item-segments/",
            json!({ "scenario": "search-segments", "searchQuery": "amber" }),
            "if 'segmentId' == \"vase\" then 1e9 else 1",
            "vase",
        ),
        (
            "search/users/u0/items/",
            json!({ "searchQuery": "small" }),
            "if 'itemId' == \"vase2\" then 1e9 else 1",
            "vase2",
        ),
        (
            "recomms/item-segments/items/",
            json!({ "scenario": "of-segment", "contextSegmentId": "rug" }),
            "if 'itemId' == \"rug5\" then 1e9 else 1",
            "rug5",
        ),
        (
            "recomms/items/lamp0/items/",
            json!({}),
            "if 'itemId' == \"rug5\" then 1e9 else 1",
            "rug5",
        ),
    ] {
        let list = |booster: &str| {
            let mut body = body.clone();
            body["count"] = 100.into();
            body["booster"] = booster.into();
            app.list(path, body)
        };
        let (plain, raised) = (list("1").await, list(booster).await);
        assert_eq!(raised[0], first, "{path}: {raised:?}");
        assert_eq!(raised.len(), plain.len(), "{path}");
        if !path.starts_with("recomms/item-segments/") {
            let sunk = list(&booster.replace("1e9", "-1")).await;
            assert_eq!(sunk.last().unwrap(), first, "{path}: {sunk:?}");
        }
    }
}

#[tokio::test]
async fn what_is_boosted_to_the_end_is_behind_what_fills_up_the_list_of_a_segment() {
    let app = shop().await;
    app.put_scenario(
        "of-segment",
        json!({ "endpoint": "recommendItemsToItemSegment", "segmentation": "categories" }),
    )
    .await;
    let body = json!({
        "count": 100, "scenario": "of-segment", "contextSegmentId": "rug",
        "booster": "if 'itemId' == \"rug5\" then -1 else 1",
    });
    assert_eq!(app.list("recomms/item-segments/items/", body).await.last().unwrap(), "rug5");
}
