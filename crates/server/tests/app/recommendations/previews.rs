//! Lists of calls as somebody sees them who tries settings: they are those of the calls, with
//! reasons, and say of an item where it is or which rule keeps it out.

use axum::http::Method;
use serde_json::{Value, json};

use super::{ids, trained_shop};
use crate::recombee::request;
use crate::{Answer, TestApp};

impl TestApp {
    async fn previewed(&self, body: Value) -> Answer {
        let admin = [("authorization", "Bearer admin")];
        self.post("/api/workspaces/shop/recommendations", body.to_string(), &admin).await
    }

    async fn preview(&self, body: Value) -> Value {
        let answer = self.previewed(body.clone()).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.line());
        answer.body
    }

    /// Where an item is in a list.
    async fn why_not(&self, mut body: Value, item: &str) -> Value {
        body["why_not"] = item.into();
        self.preview(body).await["why_not"].clone()
    }
}

fn listed(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_preview_is_the_list_of_the_call_and_records_nothing() {
    let app = trained_shop().await;
    let scenario = json!({
        "endpoint": "recommendItemsToUser", "filter": "'available'", "diversity": 0.5,
        "rotation_rate": 1, "constraint": [{ "property": "category", "max": 3 }],
    });
    app.put_scenario("home", scenario).await;
    app.put_scenario(
        "rugs",
        json!({ "endpoint": "recommendItemsToItemSegment", "segmentation": "categories" }),
    )
    .await;
    app.put_scenario(
        "sections",
        json!({ "endpoint": "recommendItemSegmentsToUser", "segmentation": "categories" }),
    )
    .await;
    for (preview, path, call) in [
        (json!({ "user": "u0" }), "recomms/users/u0/items/", json!({})),
        (json!({ "item": "lamp0" }), "recomms/items/lamp0/items/", json!({ "targetUserId": null })),
        (
            json!({ "user": "u1", "item": "lamp0", "settings": { "user_impact": 0.7 } }),
            "recomms/items/lamp0/items/",
            json!({ "targetUserId": "u1", "userImpact": 0.7 }),
        ),
        (
            json!({ "user": "u1", "query": "small" }),
            "search/users/u1/items/",
            json!({ "searchQuery": "small" }),
        ),
        (
            json!({ "user": "u2", "settings": { "booster": "'price'" } }),
            "recomms/users/u2/items/",
            json!({ "booster": "'price'" }),
        ),
        (
            json!({ "scenario": "rugs", "segment": "rug", "user": "u3" }),
            "recomms/item-segments/items/",
            json!({ "scenario": "rugs", "contextSegmentId": "rug", "targetUserId": "u3" }),
        ),
        (
            json!({ "scenario": "sections", "user": "u3" }),
            "recomms/users/u3/item-segments/",
            json!({ "scenario": "sections" }),
        ),
        // Last: the call turns the list round.
        (
            json!({ "scenario": "home", "user": "u4" }),
            "recomms/users/u4/items/",
            json!({ "scenario": "home" }),
        ),
    ] {
        for count in [3, 20] {
            let (mut preview, mut call) = (preview.clone(), call.clone());
            (preview["count"], call["count"]) = (count.into(), count.into());
            call.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            let shown = listed(&app.preview(preview.clone()).await);
            assert_eq!(listed(&app.preview(preview.clone()).await), shown, "{preview}");
            if count == 20 && path.contains("u4") {
                break;
            }
            let call = app.list(path, call).await;
            assert_eq!(shown, call, "{preview}");
        }
    }
}

#[tokio::test]
async fn a_preview_says_why_each_item_is_there_and_which_model_answered() {
    let app = trained_shop().await;
    let list = app.preview(json!({ "user": "u0", "count": 2 })).await;
    let first = &list["items"][0];
    assert_eq!((&first["source"], &list["user_known"]), (&json!("model"), &json!(true)));
    let reason = &first["because"][0];
    assert!(reason["percent"].as_f64().unwrap() > 1.0, "{first}");
    assert!(reason["title"].as_str().unwrap().starts_with("lamp "), "{first}");
    let model = app.admin("/api/workspaces/shop/models").await.body["active"].clone();
    assert_eq!(list["model"], model);
    let new = app.preview(json!({ "count": 2 })).await;
    assert_eq!((&new["fallback"], &new["user_known"]), (&json!(true), &Value::Null));
    assert_eq!(new["items"][0]["source"], "trending");
    let found = app.preview(json!({ "query": "amber" })).await;
    assert_eq!(found["items"][0]["source"], "match");
}

#[tokio::test]
async fn every_rule_that_keeps_an_item_out_is_named() {
    let app = trained_shop().await;
    let bought = app.call(Method::GET, "users/u0/purchases/", "").await.body[0]["itemId"].clone();
    let bought = bought.as_str().unwrap();
    app.put_scenario(
        "rugs",
        json!({ "endpoint": "recommendItemsToItemSegment", "segmentation": "categories" }),
    )
    .await;
    app.put_scenario(
        "cheap",
        json!({ "endpoint": "recommendItemsToUser", "filter": "'price' < 20" }),
    )
    .await;
    let of_u0 = |settings: Value| json!({ "user": "u0", "count": 3, "settings": settings });
    let plain = listed(&app.preview(of_u0(json!({}))).await);
    let (first, second) = (plain[0].as_str(), plain[1].as_str());
    let diverse = listed(&app.preview(of_u0(json!({ "diversity": 1 }))).await);
    let too_alike = plain.iter().find(|id| !diverse.contains(id)).unwrap();
    let mut cases = vec![
        ("unknown", of_u0(json!({})), "sofa"),
        ("filter", of_u0(json!({ "filter": "'category' == \"rug\"" })), first),
        ("filter", json!({ "user": "u0", "scenario": "cheap" }), "rug0"),
        ("excluded", of_u0(json!({})), bought),
        ("min_relevance", json!({ "settings": { "min_relevance": "high" } }), "lamp0"),
        (
            "constraint",
            of_u0(json!({ "constraint": [{ "property": "category", "max": 1 }] })),
            second,
        ),
        (
            "promoted",
            of_u0(json!({ "promoted": { "filter": "'category' == \"vase\"", "share": 1 } })),
            first,
        ),
        ("diversity", of_u0(json!({ "diversity": 1 })), too_alike),
        ("is_seed", json!({ "item": "lamp0" }), "lamp0"),
        ("other_segment", json!({ "scenario": "rugs", "segment": "rug", "count": 2 }), "lamp0"),
        ("no_match", json!({ "query": "rug" }), "lamp0"),
        ("not_found", json!({ "settings": { "logic": "picks", "picks": ["lamp0"] } }), "rug0"),
        ("left_out", of_u0(json!({ "logic": "watch_next", "exclude": "none" })), bought),
    ];
    let mut lines = Vec::new();
    for (rule, body, item) in std::mem::take(&mut cases) {
        let why = app.why_not(body.clone(), item).await;
        assert_eq!(why["rules"][0]["rule"], rule, "{body} {item}: {why}");
        assert_eq!(why["is_listed"], false, "{body}");
        lines.push(format!("{} without: {}", why["rules"], why["place_without"]));
    }
    insta::assert_snapshot!(lines.join("\n"));

    // A filter that is false for something that was bought too: both are named.
    let why = app.why_not(of_u0(json!({ "filter": "'category' == \"rug\"" })), bought).await;
    assert_eq!(why["rules"].as_array().unwrap().len(), 2, "{why}");

    let shown = app.list("recomms/users/u0/items/", json!({ "count": 3, "rotationRate": 1 })).await;
    let why = app.why_not(of_u0(json!({ "rotation_rate": 1 })), &shown[0]).await;
    assert_eq!((&why["rules"][0]["rule"], &why["place_without"]), (&json!("rotation"), &json!(1)));

    app.change(vec![request("DELETE", "/items/vase7", Value::Null)]).await;
    let why = app.why_not(of_u0(json!({})), "vase7").await;
    assert_eq!(why["rules"][0]["rule"], "unknown", "{why}");
}

#[tokio::test]
async fn an_item_that_is_just_too_far_down_has_its_place() {
    let app = trained_shop().await;
    let whole = app.list("recomms/users/u0/items/", json!({ "count": 24 })).await;
    for (n, item) in whole.iter().enumerate() {
        let why = app.why_not(json!({ "user": "u0", "count": 2 }), item).await;
        assert_eq!((&why["place"], &why["is_listed"]), (&json!(n + 1), &json!(n < 2)), "{why}");
        assert_eq!(why["rules"], json!([]));
    }
}

#[tokio::test]
async fn settings_that_cannot_be_tried_say_where_they_are_wrong() {
    let app = trained_shop().await;
    app.put_scenario("home", json!({ "endpoint": "recommendItemsToUser" })).await;
    let mut lines = Vec::new();
    for body in [
        json!({ "user": "u0", "settings": { "filter": "'prize' < 20" } }),
        json!({ "user": "u0", "settings": { "booster": "'price' <" } }),
        json!({ "user": "u0", "settings": { "diversity": 2 } }),
        json!({ "user": "u0", "settings": { "logic": "trending", "min_relevance": "high" } }),
        json!({ "user": "u0", "settings": { "logic": "similar" } }),
        json!({ "user": "u0", "settings": { "logic": "picks" } }),
        json!({ "item": "sofa" }),
        json!({ "scenario": "away" }),
        json!({ "scenario": "home", "endpoint": "searchItems" }),
        json!({ "count": 0 }),
        json!({ "usr": "u0" }),
    ] {
        lines.push(format!("{body}\n  {}", app.previewed(body.clone()).await.line()));
    }
    insta::assert_snapshot!(lines.join("\n"));
    let call = json!({ "count": 3, "logic": "recombee:popular", "minRelevance": "high" });
    let refused = app.asked("recomms/users/u0/items/", call).await;
    assert_eq!(refused.status, 400, "as in a preview: {}", refused.body);
    assert_eq!(ids(&app.recommend("recomms/users/u0/items/", json!({ "count": 1 })).await).len(), 1);
}
