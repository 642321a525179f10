//! All operations that give lists: complete, without repetition, the best first, and as their
//! parameters say.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use super::{ids, kind_of, shop, trained_shop};
use crate::TestApp;
use crate::recombee::request;

/// Every operation with a call for it.
const CALLS: [(&str, &str); 14] = [
    ("recomms/users/u0/items/", "{}"),
    ("recomms/items/lamp0/items/", r#"{"targetUserId": "u1"}"#),
    (
        "recomms/item-segments/items/",
        r#"{"contextSegmentId": "rug", "targetUserId": "u0", "scenario": "of-segment"}"#,
    ),
    ("recomms/users/u0/users/", "{}"),
    ("recomms/items/lamp0/users/", "{}"),
    ("recomms/users/u0/item-segments/", r#"{"scenario": "segments-of-user"}"#),
    (
        "recomms/items/lamp0/item-segments/",
        r#"{"targetUserId": null, "scenario": "segments-of-item"}"#,
    ),
    (
        "recomms/item-segments/item-segments/",
        r#"{"contextSegmentId": "rug", "targetUserId": "u0", "scenario": "segments-of-segment"}"#,
    ),
    ("recomms/composite/", r#"{"userId": "u0", "scenario": "composite"}"#),
    ("search/users/u0/items/", r#"{"searchQuery": "lamp"}"#),
    ("search/users/u0/item-segments/", r#"{"searchQuery": "lamp", "scenario": "search-segments"}"#),
    ("items/lamp0/recomms/", "{}"),
    ("users/u0/recomms/", "{}"),
    ("users/nobody/recomms/", r#"{"allowNonexistent": true}"#),
];

async fn put_scenarios(app: &TestApp) {
    for (name, endpoint) in [
        ("of-segment", "recommendItemsToItemSegment"),
        ("segments-of-user", "recommendItemSegmentsToUser"),
        ("segments-of-item", "recommendItemSegmentsToItem"),
        ("segments-of-segment", "recommendItemSegmentsToItemSegment"),
        ("search-segments", "searchItemSegments"),
    ] {
        app.put_scenario(name, json!({ "endpoint": endpoint, "segmentation": "categories" })).await;
    }
    app.put_scenario("composite", json!({ "endpoint": "compositeRecommendation" })).await;
}

fn with(body: &str, more: Value) -> Value {
    let mut body: Value = serde_json::from_str(body).unwrap();
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// Lists of all operations, each asked for in three lengths and once more.
async fn table(app: &TestApp) -> String {
    let mut table = String::new();
    for (path, body) in CALLS {
        let list = |count: usize| app.list(path, with(body, json!({ "count": count })));
        let all = list(100).await;
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{path}: {all:?}");
        assert_eq!(list(100).await, all, "{path}: the same state, another list");
        for count in [1, 2, 5, 12] {
            let some = list(count).await;
            assert_eq!(some, all[..count.min(all.len())], "{path}: the first {count}");
        }
        let shown = all[..all.len().min(8)].join(" ");
        table += &format!("{path} {body}\n  {} in all: {shown}\n", all.len());
    }
    table
}

#[tokio::test]
async fn every_operation_gives_a_complete_list_with_the_best_first() {
    let app = shop().await;
    put_scenarios(&app).await;
    insta::assert_snapshot!(table(&app).await);
    app.train().await;
    insta::assert_snapshot!(table(&app).await);
}

#[tokio::test]
async fn lists_are_to_the_taste_of_those_whom_they_are_for() {
    let app = trained_shop().await;
    let are_all = |list: &[String], kind: &str| list.iter().all(|id| id.starts_with(kind));
    for user in 0..12 {
        // Seven of the eight are not bought.
        let list = app.list(&format!("recomms/users/u{user}/items/"), json!({ "count": 6 })).await;
        assert!(are_all(&list, kind_of(user)), "u{user}: {list:?}");
        let alike = app.list(&format!("recomms/users/u{user}/users/"), json!({ "count": 3 })).await;
        let own = |id: &String| kind_of(id[1..].parse().unwrap()) == kind_of(user);
        assert!(alike.iter().all(own), "u{user}: {alike:?}");
    }
    let related =
        app.list("recomms/items/vase3/items/", json!({ "count": 5, "targetUserId": null })).await;
    assert!(are_all(&related, "vase") && !related.contains(&"vase3".to_owned()), "{related:?}");
    let fans = app.list("recomms/items/rug0/users/", json!({ "count": 3 })).await;
    assert!(fans.iter().all(|id| kind_of(id[1..].parse().unwrap()) == "rug"), "{fans:?}");
}

#[tokio::test]
async fn entries_come_with_what_was_asked_for() {
    let app = shop().await;
    put_scenarios(&app).await;
    let expressions = json!({
        "returnProperties": true,
        "includedProperties": "price,tags,city",
        "reqlExpressions": {
            "boolean": "true",
            "number": "if ('answer' > 0) then 1 else 2",
            "string": "\"test\"",
            "id": "'itemId'",
            "of user": "context_user[\"city\"]",
        },
        "count": 1,
        "returnAbGroup": true,
    });
    let mut lines = String::new();
    for (path, body) in CALLS {
        let mut answer = app.recommend(path, with(body, expressions.clone())).await;
        if let Some(object) = answer.as_object_mut() {
            assert_eq!(object.remove("recommId").unwrap().as_str().unwrap().len(), 36);
        }
        lines += &format!("{path}\n  {answer}\n");
    }
    let all = app
        .recommend("recomms/users/u0/items/", json!({ "count": 1, "returnProperties": true }))
        .await;
    lines += &format!("all properties\n  {}\n", all["recomms"][0]["values"]);
    let listed =
        json!({ "count": 1, "returnProperties": true, "includedProperties": ["title", "nothing"] });
    let listed = app.recommend("recomms/users/u0/items/", listed).await;
    lines += &format!("a list of names\n  {}\n", listed["recomms"][0]["values"]);
    insta::assert_snapshot!(lines);
}

#[tokio::test]
async fn expressions_of_segments_know_the_segment() {
    let app = shop().await;
    put_scenarios(&app).await;
    let body = json!({ "count": 3, "scenario": "segments-of-user", "reqlExpressions": {
        "id": "'segmentId'",
        "size": "size(segment_items(\"categories\", 'segmentId'))",
        "price": "'price'",
    } });
    let answer = app.recommend("recomms/users/u1/item-segments/", body).await;
    insta::assert_snapshot!(answer["recomms"]);
}

#[tokio::test]
async fn who_and_what_is_missing_is_refused_made_or_passed_over() {
    let app = shop().await;
    let mut lines = String::new();
    for (path, body) in [
        ("recomms/users/new0/items/", "{}"),
        ("recomms/users/new0/items/", r#"{"allowNonexistent": true}"#),
        ("recomms/users/new0/items/", r#"{"cascadeCreate": true}"#),
        ("recomms/items/new1/items/", r#"{"targetUserId": "u0"}"#),
        ("recomms/items/lamp1/items/", r#"{"targetUserId": "new2"}"#),
        ("recomms/items/new3/items/", r#"{"targetUserId": "new4", "cascadeCreate": true}"#),
        ("recomms/users/new5/users/", r#"{"cascadeCreate": true}"#),
        ("recomms/items/new6/users/", r#"{"cascadeCreate": true}"#),
        ("search/users/new7/items/", r#"{"searchQuery": "amber", "cascadeCreate": true}"#),
        ("items/new8/recomms/", r#"{"allowNonexistent": true}"#),
        ("users/new9/recomms/", r#"{"cascadeCreate": true}"#),
    ] {
        let answer = app.asked(path, with(body, json!({ "count": 3 }))).await;
        let what = match answer.status.is_success() {
            true => ids(&answer.body).len().to_string(),
            false => super::line(&answer),
        };
        lines += &format!("{path} {body}\n  {what}\n");
    }
    for kind in ["users", "items"] {
        let all = app.call(Method::GET, &format!("{kind}/list/"), "").await.body;
        let new = ids(&all).into_iter().filter(|id| id.starts_with("new"));
        lines += &format!("{kind}: {}\n", new.collect::<Vec<_>>().join(" "));
    }
    insta::assert_snapshot!(lines);
}

#[tokio::test]
async fn a_first_click_makes_the_list_theirs_and_a_deleted_item_is_in_none() {
    let app = trained_shop().await;
    let view = |item: &str| {
        request(
            "POST",
            "/detailviews/",
            json!({ "userId": "new", "itemId": item, "cascadeCreate": true }),
        )
    };
    app.change(vec![view("rug2")]).await;
    let list = app.list("recomms/users/new/items/", json!({ "count": 5 })).await;
    assert!(list.iter().all(|id| id.starts_with("rug")), "{list:?}");
    app.change(vec![request("DELETE", &format!("/items/{}", list[0]), Value::Null)]).await;
    for (path, body) in [
        ("recomms/users/new/items/", json!({ "count": 100 })),
        ("recomms/items/rug2/items/", json!({ "count": 100 })),
        ("search/users/new/items/", json!({ "count": 100, "searchQuery": "rug" })),
    ] {
        let now = app.list(path, body).await;
        assert!(!now.contains(&list[0]), "{path}: {now:?}");
    }
    let refused =
        app.asked(&format!("recomms/items/{}/items/", list[0]), json!({ "count": 1 })).await;
    assert_eq!(refused.status, 404);
}

#[tokio::test]
async fn rotation_relevance_impact_and_diversity_move_a_list() {
    let app = trained_shop().await;
    let rotating = || app.list("recomms/users/u0/items/", json!({ "count": 3, "rotationRate": 1 }));
    let (first, second) = (rotating().await, rotating().await);
    assert!(!second.iter().any(|id| first.contains(id)), "{first:?} {second:?}");
    let still = || app.list("recomms/users/u1/items/", json!({ "count": 3 }));
    assert_eq!(still().await, still().await);

    // Nothing speaks for anything to somebody new, so nothing is relevant to them.
    app.change(vec![request("PUT", "/users/new", Value::Null)]).await;
    let n_of = async |user: &str| {
        let path = format!("recomms/users/{user}/items/");
        let mut n_of = Vec::new();
        for level in ["low", "medium", "high"] {
            n_of.push(app.list(&path, json!({ "count": 100, "minRelevance": level })).await.len());
        }
        n_of
    };
    assert_eq!(n_of("new").await, [24, 0, 0]);
    let n_of_known = n_of("u1").await;
    assert!(n_of_known.is_sorted_by(|a, b| a >= b) && n_of_known[2] > 0, "{n_of_known:?}");

    // For a lamp, to somebody who likes rugs.
    let impact = |impact: f64| {
        app.list(
            "recomms/items/lamp0/items/",
            json!({ "count": 4, "targetUserId": "u1", "userImpact": impact }),
        )
    };
    let (item, user) = (impact(0.0).await, impact(1.0).await);
    assert!(item.iter().all(|id| id.starts_with("lamp")), "{item:?}");
    assert!(user.iter().all(|id| id.starts_with("rug")), "{user:?}");

    let diverse = |diversity: f64| {
        app.list("recomms/users/u0/items/", json!({ "count": 6, "diversity": diversity }))
    };
    let (same, different) = (diverse(0.0).await, diverse(1.0).await);
    let kinds =
        |list: &[String]| list.iter().map(|id| id[..3].to_owned()).collect::<BTreeSet<_>>().len();
    assert_eq!((kinds(&same), kinds(&different)), (1, 3), "{same:?} {different:?}");
}

#[tokio::test]
async fn nobody_is_recommended_what_they_bought_however_long_ago() {
    let app = shop().await;
    let for_lamp1 = async || app.list("recomms/items/lamp1/users/", json!({ "count": 100 })).await;
    assert!(!for_lamp1().await.contains(&"u0".to_owned()), "they bought it");
    // More than what is in memory of a user.
    let view = |n: usize| {
        let view = json!({ "userId": "u0", "itemId": "rug1", "timestamp": 1_700_000_000 + n });
        request("POST", "/detailviews/", view)
    };
    app.change((0..520).map(view).collect()).await;
    let found = for_lamp1().await;
    assert!(!found.contains(&"u0".to_owned()) && found.contains(&"u3".to_owned()), "{found:?}");
}
