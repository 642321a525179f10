//! Something, and what goes with it.

use serde_json::{Value, json};

use super::{ids, line, trained_shop};
use crate::TestApp;
use crate::recombee::request;

async fn put_scenarios(app: &TestApp) {
    app.put_scenario("item", json!({ "endpoint": "compositeRecommendation" })).await;
    let of_segments =
        json!({ "endpoint": "compositeRecommendation", "segmentation": "categories" });
    app.put_scenario("segment", of_segments).await;
    let filtered = json!({ "endpoint": "compositeRecommendation", "filter": "'available'" });
    app.put_scenario("filtered", filtered).await;
}

#[tokio::test]
async fn a_source_comes_with_what_goes_with_it() {
    let app = trained_shop().await;
    put_scenarios(&app).await;
    let mut lines = String::new();
    for body in [
        json!({ "scenario": "item", "userId": "u0" }),
        json!({ "scenario": "item", "itemId": "rug2" }),
        json!({ "scenario": "item", "itemId": "rug2", "userId": "u0" }),
        json!({ "scenario": "item", "searchQuery": "amber rug", "userId": "u0" }),
        json!({ "scenario": "item", "searchQuery": "sdhskldf", "userId": "u0" }),
        json!({ "scenario": "segment", "userId": "u1" }),
        json!({ "scenario": "segment", "itemId": "lamp3" }),
        json!({ "scenario": "segment", "segmentId": "rug" }),
        json!({ "scenario": "segment", "segmentId": "rug", "userId": "u0" }),
        json!({ "scenario": "segment", "segmentId": "rug", "itemId": "lamp3" }),
        json!({ "scenario": "segment", "segmentId": "rug", "itemId": "lamp3", "searchQuery": "vase" }),
        json!({ "scenario": "segment", "searchQuery": "vase", "userId": "u0" }),
        json!({ "scenario": "filtered", "userId": "u0" }),
        json!({ "scenario": "item" }),
        json!({ "scenario": "segment" }),
        json!({ "scenario": "item", "segmentId": "rug" }),
        json!({ "scenario": "item", "segmentId": "rug", "userId": "u0" }),
        json!({ "scenario": "item", "segmentId": "rug", "itemId": "rug2" }),
        json!({ "scenario": "segment", "segmentId": "nothing" }),
        json!({ "scenario": "item", "userId": "nobody" }),
        json!({ "scenario": "item", "itemId": "nothing" }),
    ] {
        let mut asked = body.clone();
        asked["count"] = 3.into();
        let answer = app.asked("recomms/composite/", asked).await;
        let what = match answer.status.is_success() {
            true => format!("{}: {}", answer.body["source"], ids(&answer.body).join(" ")),
            false => line(&answer),
        };
        lines += &format!("{body}\n  {what}\n");
    }
    insta::assert_snapshot!(lines);
}

#[tokio::test]
async fn because_you_watched_is_a_composite_whose_source_is_what_was_viewed_last() {
    let app = trained_shop().await;
    put_scenarios(&app).await;
    for (item, at) in [("vase1", 1_750_000_000), ("rug2", 1_750_000_060)] {
        let view = json!({ "userId": "u0", "itemId": item, "timestamp": at });
        app.change(vec![request("POST", "/detailviews/", view)]).await;
        let body = json!({
            "scenario": "item", "userId": "u0", "count": 3,
            "sourceSettings": { "logic": "recombee:recently-viewed" },
        });
        let answer = app.recommend("recomms/composite/", body).await;
        assert_eq!(answer["source"]["id"], item, "{answer}");
        let found = ids(&answer);
        assert!(
            found.len() == 3 && found.iter().all(|id| id[..3] == item[..3] && id != item),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn settings_hold_for_the_source_or_for_the_result() {
    let app = trained_shop().await;
    put_scenarios(&app).await;
    let ask = |source: Value, result: Value| {
        let body = json!({
            "scenario": "item", "userId": "u0", "count": 2, "sourceSettings": source, "resultSettings": result,
        });
        let app = &app;
        async move {
            let mut answer = app.recommend("recomms/composite/", body).await;
            answer.as_object_mut().unwrap().remove("recommId");
            answer.to_string()
        }
    };
    let lines = [
        ask(json!({ "filter": "'category' == \"vase\"" }), json!({})).await,
        ask(json!({}), json!({ "filter": "'category' == \"vase\"" })).await,
        ask(json!({ "returnProperties": true, "includedProperties": ["price"] }), json!({})).await,
        ask(json!({}), json!({ "returnProperties": true, "includedProperties": "title" })).await,
        ask(
            json!({ "reqlExpressions": { "a": "'price' * 2" } }),
            json!({ "reqlExpressions": { "b": "context_item[\"itemId\"]" } }),
        )
        .await,
        ask(
            json!({ "booster": "if 'itemId' == \"vase7\" then 1e9 else 1" }),
            json!({ "booster": "'price'" }),
        )
        .await,
        ask(json!({ "filter": "false" }), json!({})).await,
        ask(json!({ "logic": "recombee:popular" }), json!({ "userImpact": 1 })).await,
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn what_goes_with_an_item_is_something_else() {
    let app = trained_shop().await;
    put_scenarios(&app).await;
    let answer = app
        .recommend(
            "recomms/composite/",
            json!({ "count": 30, "itemId": "rug2", "scenario": "item" }),
        )
        .await;
    assert!(!ids(&answer).contains(&"rug2".to_owned()), "{answer}");
}
