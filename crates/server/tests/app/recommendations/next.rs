//! Lists that continue others.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use super::{ids, line, shop};
use crate::TestApp;

async fn begin(app: &TestApp, path: &str, body: Value) -> (String, Value) {
    let begun = app.recommend(path, body).await;
    (begun["recommId"].as_str().unwrap().to_owned(), begun)
}

async fn put_segments(app: &TestApp) {
    let by_tags = |endpoint: &str| json!({ "endpoint": endpoint, "segmentation": "categories" });
    app.put_scenario("segments", by_tags("recommendItemSegmentsToUser")).await;
    app.put_scenario("of-segment", by_tags("recommendItemsToItemSegment")).await;
    app.put_scenario("composite", json!({ "endpoint": "compositeRecommendation" })).await;
}

#[tokio::test]
async fn pages_go_on_without_repetition_and_inherit_everything_but_the_count() {
    let app = shop().await;
    put_segments(&app).await;
    let mut lines = String::new();
    for (path, mut body) in [
        ("recomms/users/u0/items/", json!({})),
        ("recomms/users/nobody/items/", json!({ "allowNonexistent": true })),
        ("recomms/items/lamp0/items/", json!({ "targetUserId": "u0" })),
        (
            "recomms/item-segments/items/",
            json!({ "contextSegmentId": "rug", "scenario": "of-segment" }),
        ),
        ("search/users/u0/items/", json!({ "searchQuery": "small" })),
    ] {
        body["count"] = 3.into();
        body["filter"] = "\"small\" in 'tags'".into();
        body["returnProperties"] = true.into();
        body["includedProperties"] = json!(["price"]);
        let (id, first) = begin(&app, path, body).await;
        let mut seen = ids(&first);
        for (n, count) in [4, 2, 9].into_iter().enumerate() {
            let next =
                app.recommend(&format!("recomms/next/items/{id}"), json!({ "count": count })).await;
            assert_eq!(
                (&next["recommId"], &next["numberNextRecommsCalls"]),
                (&json!(id), &json!(n + 1))
            );
            assert!(next["recomms"][0]["values"]["price"].is_number(), "{next}");
            seen.extend(ids(&next));
        }
        let distinct: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "{path}: {seen:?}");
        lines += &format!("{path}\n  {}\n", seen.join(" "));
        let end = app.recommend(&format!("recomms/next/items/{id}"), json!({ "count": 5 })).await;
        assert_eq!(ids(&end).len(), 0, "{path}: {end}");
    }
    insta::assert_snapshot!(lines);
}

#[tokio::test]
async fn lists_of_segments_go_on() {
    let app = shop().await;
    put_segments(&app).await;
    let (id, first) = begin(
        &app,
        "recomms/users/u0/item-segments/",
        json!({ "count": 1, "scenario": "segments" }),
    )
    .await;
    let mut seen = ids(&first);
    for _ in 0..3 {
        let next =
            app.recommend(&format!("recomms/next/item-segments/{id}"), json!({ "count": 1 })).await;
        seen.extend(ids(&next));
    }
    seen.sort_unstable();
    assert_eq!(seen, ["lamp", "rug", "vase"]);
}

#[tokio::test]
async fn what_cannot_be_continued_says_so() {
    let app = shop().await;
    put_segments(&app).await;
    let (items, _) = begin(&app, "recomms/users/u0/items/", json!({ "count": 1 })).await;
    let (segments, _) = begin(
        &app,
        "recomms/users/u0/item-segments/",
        json!({ "count": 1, "scenario": "segments" }),
    )
    .await;
    let (users, _) = begin(&app, "recomms/users/u0/users/", json!({ "count": 1 })).await;
    let (fans, _) = begin(&app, "recomms/items/lamp0/users/", json!({ "count": 1 })).await;
    let (composite, _) = begin(
        &app,
        "recomms/composite/",
        json!({ "count": 1, "scenario": "composite", "userId": "u0" }),
    )
    .await;
    let unknown = "018bd12b-58ae-7000-8000-000000000000";
    let mut lines = String::new();
    for (what, kind, id, count) in [
        ("items as segments", "item-segments", items.as_str(), json!(1)),
        ("segments as items", "items", &segments, json!(1)),
        ("users", "items", &users, json!(1)),
        ("users of an item", "items", &fans, json!(1)),
        ("composite", "items", &composite, json!(1)),
        ("unknown", "items", unknown, json!(1)),
        ("not of our ids", "items", "6a9f3a1e-3c2d-4b1a-9f58-0c2f7e5d1b11", json!(1)),
        ("no id", "items", "7", json!(1)),
        ("no count", "items", &items, Value::Null),
        ("count 0", "items", &items, json!(0)),
        ("count -1", "items", &items, json!(-1)),
    ] {
        let answer =
            app.asked(&format!("recomms/next/{kind}/{id}"), json!({ "count": count })).await;
        let line = [&items, &segments, &users, &fans, &composite]
            .into_iter()
            .fold(line(&answer), |line, id| line.replace(id.as_str(), "{id}"));
        lines += &format!("{what}\n  {line}\n");
    }
    insta::assert_snapshot!(lines);
    // What went wrong counts for nothing.
    let next = app.recommend(&format!("recomms/next/items/{items}"), json!({ "count": 1 })).await;
    assert_eq!(next["numberNextRecommsCalls"], 1);
}

#[tokio::test]
async fn a_list_goes_on_after_a_restart() {
    let app = shop().await;
    let (id, first) =
        begin(&app, "recomms/users/u0/items/", json!({ "count": 3, "filter": "'available'" }))
            .await;
    let path = format!("recomms/next/items/{id}");
    let second = app.recommend(&path, json!({ "count": 3 })).await;
    let app = app.reopened();
    let third = app.recommend(&path, json!({ "count": 100 })).await;
    assert_eq!(third["numberNextRecommsCalls"], 2);
    let mut all = [ids(&first), ids(&second), ids(&third)].concat();
    all.sort_unstable();
    assert_eq!(all.join(" "), app.passing_for("u0", "'available'").await);
}

#[tokio::test]
async fn a_list_goes_on_for_the_user_into_whom_its_user_was_merged() {
    let app = shop().await;
    let (id, first) = begin(&app, "recomms/users/u0/items/", json!({ "count": 3 })).await;
    let path = format!("recomms/next/items/{id}");
    assert_eq!(app.call(Method::PUT, "users/u1/merge/u0", "").await.status, 200);
    let next = app.recommend(&path, json!({ "count": 100 })).await;
    let mut all = [ids(&first), ids(&next)].concat();
    all.sort_unstable();
    // What either of the two bought is theirs now, and was in the list before.
    let rest = app.passing_for("u1", "true").await;
    assert!(rest.split(' ').all(|item| all.contains(&item.to_owned())), "{all:?} {rest}");
    let distinct: BTreeSet<&String> = all.iter().collect();
    assert_eq!(distinct.len(), all.len(), "{all:?}");
}

impl TestApp {
    async fn passing_for(&self, user: &str, filter: &str) -> String {
        let body = json!({ "count": 100, "filter": filter });
        let mut list = self.list(&format!("recomms/users/{user}/items/"), body).await;
        list.sort_unstable();
        list.join(" ")
    }
}
