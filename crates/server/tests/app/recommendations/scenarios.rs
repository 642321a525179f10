//! What scenarios make of lists.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use serde_json::{Value, json};

use super::{line, shop, trained_shop};
use crate::recombee::request;

const PATH: &str = "recomms/users/u0/items/";

fn kinds(list: &[String]) -> BTreeMap<&str, usize> {
    let mut kinds = BTreeMap::new();
    for id in list {
        *kinds.entry(id.trim_end_matches(|c: char| c.is_ascii_digit())).or_default() += 1;
    }
    kinds
}

#[tokio::test]
async fn filters_of_scenario_and_request_hold_together() {
    let app = shop().await;
    app.put_scenario(
        "home",
        json!({ "endpoint": "recommendItemsToUser", "filter": "'available'" }),
    )
    .await;
    let list = |filter: &str| {
        app.list(PATH, json!({ "count": 100, "scenario": "home", "filter": filter }))
    };
    let mut lines = Vec::new();
    for filter in ["true", "'category' == \"rug\"", "not 'available'", ""] {
        let mut list = list(filter).await;
        list.sort_unstable();
        lines.push(format!("{filter}: {}", list.join(" ")));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn constraints_and_promotion_hold_at_every_length() {
    let app = trained_shop().await;
    let constraint = json!([{ "property": "category", "max": 2 }]);
    app.put_scenario(
        "mixed",
        json!({ "endpoint": "recommendItemsToUser", "constraint": constraint }),
    )
    .await;
    let promoted = json!({ "filter": "'category' == \"vase\"", "share": 0.4 });
    app.put_scenario(
        "promoting",
        json!({ "endpoint": "recommendItemsToUser", "promoted": promoted }),
    )
    .await;
    let both = json!({ "endpoint": "recommendItemsToUser", "constraint": constraint, "promoted": promoted });
    app.put_scenario("both", both).await;
    for count in [1, 2, 3, 5, 6, 10, 20] {
        let list = |scenario: &str| app.list(PATH, json!({ "count": count, "scenario": scenario }));
        let mixed = list("mixed").await;
        assert!(kinds(&mixed).values().all(|n| *n <= 2), "{mixed:?}");
        assert_eq!(mixed.len(), count.min(6), "{mixed:?}");
        let promoting = list("promoting").await;
        assert_eq!(promoting.len(), count);
        for places in 1..=count {
            let n_vases = kinds(&promoting[..places]).get("vase").copied().unwrap_or(0);
            assert!(
                n_vases as f32 >= (0.4 * places as f32 + 1e-3).floor().min(8.0),
                "{places}: {promoting:?}"
            );
        }
        let both = list("both").await;
        assert!(kinds(&both).values().all(|n| *n <= 2), "{both:?}");
    }
    // Sets: no item more once one of its values has all its places.
    let constraint = json!([{ "property": "tags", "max": 3 }]);
    app.put_scenario(
        "sets",
        json!({ "endpoint": "recommendItemsToUser", "constraint": constraint }),
    )
    .await;
    let sets = app
        .recommend(PATH, json!({ "count": 100, "scenario": "sets", "returnProperties": true }))
        .await;
    let mut n_with = BTreeMap::new();
    for entry in sets["recomms"].as_array().unwrap() {
        for tag in entry["values"]["tags"].as_array().unwrap() {
            *n_with.entry(tag.as_str().unwrap()).or_insert(0) += 1;
        }
    }
    assert_eq!(n_with.values().copied().max(), Some(3), "{n_with:?}");
}

#[tokio::test]
async fn constraints_hold_over_the_whole_list_of_a_segment() {
    let app = shop().await;
    let constraint = json!([{ "property": "tags", "max": 2 }]);
    let scenario = json!({
        "endpoint": "recommendItemsToItemSegment", "segmentation": "categories", "constraint": constraint,
    });
    app.put_scenario("rugs", scenario).await;
    let filter = "\"small\" in 'tags'";
    let body =
        json!({ "count": 24, "scenario": "rugs", "contextSegmentId": "rug", "filter": filter });
    let list = app.list("recomms/item-segments/items/", body).await;
    assert_eq!(list.len(), 2, "{list:?}");
}

/// Somebody new, of whom nothing is known, gets nothing where nothing fills the list up.
#[tokio::test]
async fn without_a_fallback_a_list_stays_short() {
    let app = trained_shop().await;
    let scenario = json!({ "endpoint": "recommendItemsToUser", "fallback": "none" });
    app.put_scenario("short", scenario).await;
    let body = json!({ "count": 5, "scenario": "short", "allowNonexistent": true });
    assert!(app.list("recomms/users/new/items/", body).await.is_empty());
}

/// What a scenario says, and what of it shows.
#[tokio::test]
async fn settings_of_a_scenario_show_in_its_lists() {
    let app = trained_shop().await;
    let bought = app.call(Method::GET, "users/u0/purchases/", "").await.body[0]["itemId"].clone();
    let mut lines = String::new();
    for (what, settings) in [
        ("nothing", json!({})),
        ("everything", json!({ "exclude": "none" })),
        ("nothing known", json!({ "exclude": "interacted" })),
        ("no filling", json!({ "fallback": "none", "logic": "recently_viewed" })),
        ("no filling of what is known", json!({ "fallback": "none", "exclude": "interacted" })),
        ("filling", json!({ "fallback": "personal", "logic": "recently_viewed" })),
        ("trending", json!({ "logic": "trending" })),
        (
            "bought by many",
            json!({ "logic": "trending", "interaction": "purchase", "exclude": "none" }),
        ),
        ("bought again", json!({ "logic": "buy_again", "fallback": "none" })),
        ("high relevance", json!({ "min_relevance": "high" })),
        ("diverse", json!({ "diversity": 1 })),
    ] {
        let mut scenario = settings.clone();
        scenario["endpoint"] = "recommendItemsToUser".into();
        app.put_scenario("s", scenario).await;
        let list = app.list(PATH, json!({ "count": 100, "scenario": "s" })).await;
        let first = list.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(" ");
        let has_bought = list.iter().any(|id| *id == bought);
        lines +=
            &format!("{what} {settings}: {} items, bought one {has_bought}, {first}\n", list.len());
    }
    insta::assert_snapshot!(lines);
}

#[tokio::test]
async fn what_a_request_says_wins() {
    let app = trained_shop().await;
    let list = |body: Value| {
        let mut body = body;
        body["count"] = 6.into();
        app.list(PATH, body)
    };
    let plain = list(json!({})).await;
    let trending = list(json!({ "logic": "trending" })).await;
    assert_ne!(plain, trending);
    app.put_scenario("diverse", json!({ "endpoint": "recommendItemsToUser", "diversity": 1 }))
        .await;
    assert_ne!(list(json!({ "scenario": "diverse" })).await, plain);
    assert_eq!(list(json!({ "scenario": "diverse", "diversity": 0 })).await, plain);
    app.put_scenario(
        "trending",
        json!({ "endpoint": "recommendItemsToUser", "logic": "trending" }),
    )
    .await;
    assert_eq!(list(json!({ "scenario": "trending" })).await, trending);
    assert_eq!(list(json!({ "scenario": "trending", "logic": "personal" })).await, plain);
    app.put_scenario(
        "picky",
        json!({ "endpoint": "recommendItemsToUser", "min_relevance": "high" }),
    )
    .await;
    assert_eq!(list(json!({ "scenario": "picky", "minRelevance": "low" })).await, plain);
    app.put_scenario("turning", json!({ "endpoint": "recommendItemsToUser", "rotation_rate": 1 }))
        .await;
    let still = json!({ "scenario": "turning", "rotationRate": 0 });
    assert_eq!((list(still.clone()).await, list(still).await), (plain.clone(), plain));
    let turning = json!({ "scenario": "turning" });
    let (first, second) = (list(turning.clone()).await, list(turning).await);
    assert!(!second.iter().any(|id| first.contains(id)), "{first:?} {second:?}");
}

#[tokio::test]
async fn the_vendors_names_of_logics_win_too() {
    let app = trained_shop().await;
    let list = |body: Value| {
        let mut body = body;
        body["count"] = 6.into();
        app.list(PATH, body)
    };
    let plain = list(json!({})).await;
    app.put_scenario(
        "trending",
        json!({ "endpoint": "recommendItemsToUser", "logic": "trending" }),
    )
    .await;
    assert_eq!(list(json!({ "scenario": "trending", "logic": "recombee:personal" })).await, plain);
}

#[tokio::test]
async fn a_logic_of_a_request_wins_over_a_scenario_about_another() {
    let app = trained_shop().await;
    let buyers = json!({ "endpoint": "recommendItemsToUser", "logic": "trending", "interaction": "purchase" });
    app.put_scenario("buyers", buyers).await;
    let answer =
        app.asked(PATH, json!({ "count": 6, "scenario": "buyers", "logic": "personal" })).await;
    assert_eq!(answer.status, 200, "{}", line(&answer));
}

#[tokio::test]
async fn segments_need_a_scenario_of_their_own_and_items_go_without() {
    let app = shop().await;
    app.put_scenario("cart", json!({ "endpoint": "recommendItemsToItem", "filter": "false" }))
        .await;
    let to_user = json!({ "endpoint": "recommendItemSegmentsToUser", "segmentation": "nothing" });
    app.put_scenario("no-segmentation", to_user).await;
    let segment = |scenario: Value| json!({ "contextSegmentId": "x", "targetUserId": "u0", "scenario": scenario });
    let mut lines = String::new();
    for (path, body) in [
        ("recomms/users/u0/items/", json!({ "scenario": "cart" })),
        ("recomms/users/u0/items/", json!({ "scenario": "never made" })),
        ("recomms/items/lamp0/items/", json!({ "scenario": "cart" })),
        ("recomms/users/u0/users/", json!({ "scenario": "cart" })),
        ("search/users/u0/items/", json!({ "scenario": "cart", "searchQuery": "lamp" })),
        ("recomms/users/u0/item-segments/", json!({})),
        ("recomms/users/u0/item-segments/", json!({ "scenario": "cart" })),
        ("recomms/users/u0/item-segments/", json!({ "scenario": "never-made" })),
        ("recomms/users/u0/item-segments/", json!({ "scenario": "no-segmentation" })),
        (
            "recomms/users/new/item-segments/",
            json!({ "scenario": "never-made", "cascadeCreate": true }),
        ),
        ("recomms/items/lamp0/item-segments/", json!({ "scenario": "cart" })),
        ("recomms/item-segments/items/", segment("cart".into())),
        ("recomms/item-segments/items/", segment("never-made".into())),
        ("recomms/item-segments/item-segments/", segment("never-made".into())),
        ("recomms/item-segments/item-segments/", segment(Value::Null)),
        ("search/users/u0/item-segments/", json!({ "scenario": "cart", "searchQuery": "lamp" })),
        ("recomms/composite/", json!({ "scenario": "cart", "userId": "u0" })),
        ("recomms/composite/", json!({ "scenario": "never-made", "userId": "u0" })),
        ("recomms/composite/", json!({ "userId": "u0" })),
    ] {
        let mut asked = body.clone();
        asked["count"] = 3.into();
        let answer = app.asked(path, asked).await;
        let what = match answer.status.is_success() {
            true => format!("{} entries", super::ids(&answer.body).len()),
            false => line(&answer),
        };
        lines += &format!("{path} {body}\n  {what}\n");
    }
    insta::assert_snapshot!(lines);
    assert_eq!(app.call(Method::GET, "users/new", "").await.status, 404);
}

#[tokio::test]
async fn users_fall_into_groups_by_their_shares_and_stay_there() {
    let app = shop().await;
    let group = |name: &str, share: f32, filter: &str| json!({ "name": name, "share": share, "filter": filter });
    let groups = json!([
        group("lamps", 0.2, "'category' == \"lamp\""),
        group("rugs", 0.5, "'category' == \"rug\""),
        group("vases", 0.3, "'category' == \"vase\""),
    ]);
    app.put_scenario(
        "test",
        json!({ "endpoint": "recommendItemsToUser", "filter": "false", "group": groups }),
    )
    .await;
    let entry = |user: usize, named: bool| {
        let params = json!({ "count": 1, "scenario": "test", "cascadeCreate": true, "returnAbGroup": named });
        request("POST", &format!("/recomms/users/visitor{user}/items/"), params)
    };
    let ask = |named: bool| {
        app.batch_of((0..400).map(|user| entry(user, named)).collect::<Vec<_>>().into())
    };
    let (first, again, unnamed) = (ask(true).await, ask(true).await, ask(false).await);
    let group_of = |answer: &(u64, Value)| answer.1["abGroup"].as_str().map(str::to_owned);
    let groups: Vec<_> = first.iter().map(group_of).collect();
    assert_eq!(groups, again.iter().map(group_of).collect::<Vec<_>>(), "the same group each time");
    assert!(unnamed.iter().all(|answer| group_of(answer).is_none()));
    let n_in = |name: &str| groups.iter().filter(|group| group.as_deref() == Some(name)).count();
    // Four standard deviations of 400 draws are 32 and 40.
    assert!(n_in("lamps").abs_diff(80) < 32 && n_in("rugs").abs_diff(200) < 40, "{groups:?}");
    assert_eq!(n_in("lamps") + n_in("rugs") + n_in("vases"), 400);
    for answer in first.iter().chain(&again).chain(&unnamed) {
        let kind = answer.1["abGroup"].as_str().map_or("", |group| &group[..group.len() - 1]);
        assert!(super::ids(&answer.1)[0].starts_with(kind), "{answer:?}");
    }
    assert_eq!(
        app.recommend(PATH, json!({ "count": 1, "returnAbGroup": true })).await.get("abGroup"),
        None
    );

    // What is handed out is journalled in the background; figures follow.
    let mut rows = BTreeSet::new();
    for _ in 0..100 {
        let kpis = app.admin("/api/workspaces/shop/kpis").await.body["kpis"].clone();
        let kpis = kpis.as_array().unwrap().iter().filter(|row| row["scenario"] == "test");
        rows = kpis
            .map(|row| format!("{} {} {}", row["group"], row["recommendations"], row["users"]))
            .collect();
        let n = |name: &str| format!("\"{name}\" {} {}", 3 * n_in(name), n_in(name));
        if rows == BTreeSet::from([n("lamps"), n("rugs"), n("vases")]) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{rows:?}");
}
