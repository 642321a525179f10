//! What definitions of lists can say beside where their items come from: filters by what a person
//! did, what follows an empty list, mixes of traits; and what is refused when one is saved.

use axum::http::Method;
use serde_json::{Value, json};

use crate::traits::shop;
use crate::{Answer, TestApp, track};

const SHOP: &str = "/api/workspaces/shop";

impl TestApp {
    async fn preview_list(&self, body: Value) -> Answer {
        let admin = [("authorization", "Bearer admin")];
        self.post(&format!("{SHOP}/recommendations"), body.to_string(), &admin).await
    }

    /// The ids of the list of a person by a scenario.
    async fn listed(&self, user: &str, scenario: &str) -> Vec<String> {
        let body = json!({ "user": user, "scenario": scenario, "count": 20 });
        let answer = self.preview_list(body).await;
        assert_eq!(answer.status, 200, "{}", answer.line());
        let items = answer.body["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn items_are_filtered_by_what_a_person_did_last() {
    let app = shop().await;
    let chosen = |n: u32, user: &str, brand: Value| {
        track(80_000 + n, user, "Brand Chosen", json!({ "brands": brand }))
    };
    app.batch(json!([
        chosen(0, "u0", json!(["Weave"])),
        chosen(1, "u0", json!(["Lux", 7])),
        chosen(2, "u3", json!("Weave")),
    ]))
    .await;
    let scenario = |filter: Value| {
        let mut filter = filter;
        filter["event"] = "Brand Chosen".into();
        filter["property"] = "brands".into();
        filter["matches"] = "brand".into();
        json!({ "endpoint": "recommendItemsToUser", "exclude": "none", "event_filter": [filter] })
    };
    for (name, filter) in [
        ("same", json!({})),
        ("last_two", json!({ "last": 2 })),
        ("others", json!({ "keep": "exclude" })),
        ("lately", json!({ "within_s": 1 })),
    ] {
        let put = app.put_in_shop(&format!("scenarios/{name}"), scenario(filter)).await;
        assert_eq!(put.status, 201, "{}", put.line());
    }
    let all_are = |ids: &[String], kind: &str| ids.iter().all(|id| id.starts_with(kind));
    let of_one = app.listed("u0", "same").await;
    assert!(of_one.len() == 10 && all_are(&of_one, "lamp"), "{of_one:?}");
    assert!(all_are(&app.listed("u3", "same").await, "rug"));
    assert_eq!(app.listed("u0", "last_two").await.len(), 20);
    assert!(all_are(&app.listed("u0", "others").await, "rug"));
    // Who did nothing of the kind has nothing in common with any item.
    assert_eq!(app.listed("u5", "same").await.len(), 0);
    assert_eq!(app.listed("u5", "others").await.len(), 20);
    assert_eq!(app.listed("u0", "lately").await.len(), 0);

    let body = json!({ "user": "u0", "scenario": "same", "count": 20, "with_removed": true });
    let preview = app.preview_list(body).await.body;
    let rule = &preview["removed"]["by_rule"][0];
    assert_eq!((&rule["name"], &rule["n"]), (&json!("event_filter"), &json!(10)), "{preview}");
    assert_eq!(rule["text"], "'brand' in {\"7\", \"Lux\"}");

    let mut lines = Vec::new();
    for filter in [
        json!({ "last": 11 }),
        json!({ "keep": "some" }),
        json!({ "matches": "" }),
        json!({ "brand": 1 }),
    ] {
        let mut body = scenario(json!({}));
        for (key, value) in filter.as_object().unwrap() {
            body["event_filter"][0][key] = value.clone();
        }
        lines.push(app.put_in_shop("scenarios/wrong", body).await.line());
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn an_empty_list_is_followed_by_that_of_another_scenario_or_is_no_trait() {
    let app = shop().await;
    let same = json!({
        "event": "Brand Chosen", "property": "brand", "matches": "brand",
    });
    let of = |mut body: Value| {
        body["endpoint"] = "recommendItemsToUser".into();
        body
    };
    for (name, body) in [
        ("popular", of(json!({ "logic": "trending", "filter": "'brand' == \"Weave\"" }))),
        ("nothing", of(json!({ "filter": "false", "otherwise": "popular" }))),
        ("same", of(json!({ "event_filter": [same], "otherwise": "nothing" }))),
        ("alone", of(json!({ "event_filter": [same] }))),
    ] {
        let put = app.put_in_shop(&format!("scenarios/{name}"), body).await;
        assert_eq!(put.status, 201, "{}", put.line());
    }
    let preview =
        app.preview_list(json!({ "user": "u9", "scenario": "same", "count": 5 })).await.body;
    assert_eq!(preview["followed_by"], "popular");
    assert_eq!(preview["items"].as_array().unwrap().len(), 5);
    assert_eq!(
        app.preview_list(json!({ "user": "u9", "scenario": "popular" }))
            .await
            .body
            .get("followed_by"),
        None
    );

    let of_scenario = |scenario: &str| json!({ "scenario": scenario, "nothing_left": "no_trait" });
    assert_eq!(app.put_trait("followed", of_scenario("same")).await.status, 201);
    assert_eq!(app.put_trait("alone", of_scenario("alone")).await.status, 201);
    assert_eq!(app.put_trait("empty", json!({ "scenario": "alone" })).await.status, 201);
    let traits = app.computed("user_id:u9").await;
    assert_eq!(traits["followed"].as_array().unwrap().len(), 5, "{traits}");
    assert_eq!((traits.get("alone"), &traits["empty"]), (None, &json!([])));
    app.batch(json!([track(81_000, "u9", "Brand Chosen", json!({ "brand": "Lux" }))])).await;
    assert_eq!(app.computed("user_id:u9").await["alone"].as_array().unwrap().len(), 5);

    let mut lines = Vec::new();
    for (name, body) in [
        ("popular", of(json!({ "otherwise": "same" }))),
        ("popular", of(json!({ "otherwise": "nowhere" }))),
        ("popular", json!({ "endpoint": "recommendItemsToItem" })),
    ] {
        lines.push(app.put_in_shop(&format!("scenarios/{name}"), body).await.line());
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_definition_says_where_its_items_come_from_once_and_names_what_is_there() {
    let app = shop().await;
    let mix = json!([{ "logic": "personal", "weight": 70 }, { "logic": "newest", "weight": 30 }]);
    assert_eq!(app.put_trait("mixed", json!({ "mix": mix, "count": 10 })).await.status, 201);
    let traits = app.computed("user_id:u0").await;
    let items = traits["mixed__detail"]["items"].as_array().unwrap();
    let sources: Vec<&str> = items.iter().map(|item| item["source"].as_str().unwrap()).collect();
    assert_eq!(sources[..3], ["model", "model", "newest"], "{sources:?}");

    // A rule of the whole list is named beside another one.
    let settings =
        json!({ "min_relevance": "high", "constraint": [{ "property": "brand", "max": 1 }] });
    let body = json!({ "user": "u0", "settings": settings, "count": 5, "with_removed": true });
    let preview = app.preview_list(body).await.body;
    let by_rule = preview["removed"]["by_rule"].as_array().unwrap();
    assert!(by_rule.iter().any(|one| one["rule"] == "min_relevance"), "{preview}");

    let mut lines = vec![
        app.put_trait("a", json!({ "mix": mix, "logic": "trending" })).await.line(),
        app.put_trait("a", json!({ "item_type": "brnd" })).await.line(),
        app.put_trait("a", json!({ "item_type": "zzzzzzzz" })).await.line(),
        app.preview_list(json!({ "settings": { "logic": "newest", "mix": mix } })).await.line(),
    ];
    let hook = json!({ "kind": "webhook", "settings": { "url": "https://example.com/" } });
    assert_eq!(app.put_in_shop("destinations/crm", hook).await.status, 201);
    let sync = json!({ "destinations": ["crm"], "identifiers": [{ "type": "email" }] });
    lines.push(app.put_trait("a", json!({ "sync": sync })).await.line());
    let sync =
        json!({ "destinations": ["crm"], "with_traits": ["buyers", "no_such"], "at": ["7"] });
    lines.push(app.put_trait("a", json!({ "sync": sync })).await.line());
    let sync = json!({ "destinations": ["crm"], "with_traits": ["buyers", "no_such"],
        "at": ["07:00+01:00"], "when": "at_times" });
    assert_eq!(app.put_trait("a", json!({ "sync": sync })).await.status, 201);
    let shown = app.admin(&format!("{SHOP}/traits/a/sync")).await.body;
    lines.push(shown["problems"].to_string());
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn versions_say_who_changed_what_and_an_earlier_one_is_put_in_force_again() {
    let app = shop().await;
    assert_eq!(app.put_trait("next", json!({ "count": 3 })).await.status, 201);
    let changed = json!({ "count": 4, "who": { "audience": "buyers" } });
    assert_eq!(app.put_trait("next", changed).await.status, 200);
    let path = format!("{SHOP}/traits/next");
    let gone = app.administer(Method::DELETE, &path, Value::Null, &[]).await;
    assert_eq!(gone.status, 204, "{}", gone.line());
    let versions = app.admin(&format!("{path}/versions")).await.body["versions"].clone();
    let versions = versions.as_array().unwrap();
    assert_eq!(versions.len(), 3, "{versions:?}");
    assert_eq!(versions[0].get("definition"), None);
    assert_eq!(versions[1]["by"]["kind"], "bootstrap_token", "{versions:?}");
    let who = json!({ "audience": "buyers", "include_anonymous": false });
    let changes =
        json!([{ "key": "count", "before": 3, "after": 4 }, { "key": "who", "after": who }]);
    assert_eq!(versions[1]["changes"], changes);
    assert_eq!(versions[2]["changes"], json!([]));

    let first = versions[2]["definition"].clone();
    assert_eq!(app.put_in_shop("traits/next", first.clone()).await.status, 201);
    assert_eq!(app.admin(&path).await.body["count"], 3);
    let versions = app.admin(&format!("{path}/versions")).await.body["versions"].clone();
    assert_eq!(versions[0]["definition"], first);
    assert_eq!(app.admin(&format!("{SHOP}/scenarios/nowhere/versions")).await.status, 404);
}
