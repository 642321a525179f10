//! What definitions of lists can say beside where their items come from: filters by what a person
//! did, what follows an empty list, mixes of traits; and what is refused when one is saved.

use axum::http::{Method, Request};
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
    let mut long_ago = chosen(3, "u7", json!("Lux"));
    long_ago["timestamp"] = "2024-01-01T00:00:00Z".into();
    app.batch(json!([
        chosen(0, "u0", json!(["Weave"])),
        chosen(1, "u0", json!(["Lux", 7])),
        chosen(2, "u3", json!("Weave")),
        long_ago,
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
        ("lately", json!({ "within_s": 3_600 })),
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
    assert_eq!(app.listed("u0", "lately").await.len(), 10);
    let (any_time, lately) = (app.listed("u7", "same").await, app.listed("u7", "lately").await);
    assert_eq!((any_time.len(), lately.len()), (10, 0));

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
    assert!(app.put_in_shop("destinations/crm", hook).await.status.is_success());
    let sync = json!({ "destinations": ["crm"], "identifiers": [{ "type": "email" }] });
    lines.push(app.put_trait("a", json!({ "sync": sync })).await.line());
    let sync =
        json!({ "destinations": ["crm"], "with_traits": ["buyers", "no_such"], "at": ["7"] });
    lines.push(app.put_trait("a", json!({ "sync": sync })).await.line());
    let sync = json!({ "destinations": ["crm"], "with_traits": ["buyers", "no_such"],
        "at": ["07:00+01:00"], "when": "at_times" });
    let put = app.put_trait("sent", json!({ "sync": sync })).await;
    assert_eq!(put.status, 201, "{}", put.line());
    let shown = app.admin(&format!("{SHOP}/traits/sent/sync")).await.body;
    lines.push(shown["problems"].to_string());
    for (line, expected) in lines.iter().zip([
        "logic and mix both say",
        "did you mean \"brand\"?",
        "import a catalog that has it first",
        "logic and mix both say",
        "without rules of identity",
        "no time of day",
        "no_such",
    ]) {
        assert!(line.contains(expected), "{line}");
    }
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

#[tokio::test]
async fn items_are_filtered_by_where_a_person_was_last() {
    let app = shop().await;
    // Lamps are in Berlin, rugs in Munich, one of each in both, and one nowhere.
    let row = |n: u32, kind: &str| match (kind, n) {
        ("lamp", 0) | ("rug", 0) => format!("{kind}{n},Lux,berlin|munich\n"),
        ("lamp", 9) => format!("{kind}{n},Lux,\n"),
        ("lamp", _) => format!("{kind}{n},Lux,berlin\n"),
        _ => format!("{kind}{n},Weave,munich\n"),
    };
    let rows: String = (0..10).flat_map(|n| [row(n, "lamp"), row(n, "rug")]).collect();
    let csv = [("authorization", "Bearer admin"), ("content-type", "text/csv")];
    let catalog = format!("item_id,brand,stores\n{rows}");
    assert_eq!(app.post(&format!("{SHOP}/catalog"), catalog, &csv).await.status, 200);
    let stores = "location_id,latitude,longitude\nberlin,52.52,13.40\nmunich,48.14,11.58\n";
    let put = Request::put(format!("{SHOP}/locations/stores"))
        .header("authorization", "Bearer admin")
        .header("content-type", "text/csv");
    let put = app.send(put.body(stores.into()).unwrap()).await;
    assert_eq!(put.status.as_u16() / 100, 2, "{}", put.line());
    let settings = json!({ "catalog": { "location_property": { "stores": "stores" } } });
    let set = app.administer(Method::PATCH, &format!("{SHOP}/settings"), settings, &[]).await;
    assert_eq!(set.status, 200, "{}", set.line());
    let near = json!({ "endpoint": "recommendItemsToUser", "exclude": "none",
        "location": { "catalog": "stores", "within_km": 50 } });
    assert_eq!(app.put_in_shop("scenarios/near", near).await.status, 201);

    assert_eq!(app.listed("u0", "near").await.len(), 0, "nobody knows where they are");
    let at = |n: u32, latitude: f64, longitude: f64| {
        let mut seen = track(90_000 + n, "u0", "App Opened", json!({}));
        seen["context"] = json!({ "location": { "latitude": latitude, "longitude": longitude } });
        seen
    };
    app.batch(json!([at(0, 52.4, 13.1)])).await;
    let berlin = app.listed("u0", "near").await;
    assert_eq!(berlin.iter().filter(|id| id.starts_with("lamp")).count(), 9, "{berlin:?}");
    assert!(berlin.contains(&"rug0".to_owned()) && berlin.len() == 10, "{berlin:?}");
    app.batch(json!([at(1, 48.2, 11.5)])).await;
    let munich = app.listed("u0", "near").await;
    assert!(munich.contains(&"lamp0".to_owned()) && munich.len() == 11, "{munich:?}");
    let identify = json!({ "type": "identify", "messageId": "i1", "userId": "u2",
        "traits": { "address": { "latitude": "48.1", "longitude": 11.6 } } });
    app.batch(json!([identify])).await;
    assert_eq!(app.listed("u2", "near").await.len(), 11, "by traits");

    let body = json!({ "user": "u0", "scenario": "near", "count": 20, "with_removed": true });
    let preview = app.preview_list(body).await.body;
    let rule = &preview["removed"]["by_rule"][0];
    assert_eq!((&rule["rule"], &rule["n"]), (&json!("location"), &json!(9)), "{preview}");
    let wrong = json!({ "endpoint": "recommendItemsToUser",
        "location": { "catalog": "stores", "within_km": 0 } });
    let refused = app.put_in_shop("scenarios/near", wrong).await;
    assert!(refused.line().contains("location.within_km is 0"), "{}", refused.line());
    let unknown = json!({ "location": { "catalog": "depots", "within_km": 5 } });
    let refused = app.preview_list(json!({ "user": "u0", "settings": unknown })).await;
    assert!(refused.line().contains("there is no catalog of locations"), "{}", refused.line());
}

#[tokio::test]
async fn new_items_come_alone_or_first() {
    let app = shop().await;
    let now_s = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let rows: String = (0..10)
        .flat_map(|n| {
            let old = now_s - 400 * 86_400;
            [format!("lamp{n},Lux,{old}\n"), format!("rug{n},Weave,{}\n", now_s - n * 86_400)]
        })
        .collect();
    let csv = [("authorization", "Bearer admin"), ("content-type", "text/csv")];
    let catalog = format!("item_id,brand,released\n{rows}");
    assert_eq!(app.post(&format!("{SHOP}/catalog"), catalog, &csv).await.status, 200);
    let scenario = |freshness: Value| json!({ "endpoint": "recommendItemsToUser", "exclude": "none", "freshness": freshness });
    let plain = json!({ "endpoint": "recommendItemsToUser", "exclude": "none" });
    assert_eq!(app.put_in_shop("scenarios/plain", plain).await.status, 201);
    for (name, freshness) in [
        ("new_alone", json!({ "property": "released", "within_s": 432_000 })),
        ("new_first", json!({ "property": "released", "within_s": 432_000, "boost": 100 })),
    ] {
        let put = app.put_in_shop(&format!("scenarios/{name}"), scenario(freshness)).await;
        assert_eq!(put.status, 201, "{}", put.line());
    }
    // u0 likes lamps, which are old: rugs of the last five days come alone, or before them.
    let is_new = |id: &String| (0..5).any(|n| *id == format!("rug{n}"));
    let alone = app.listed("u0", "new_alone").await;
    assert!(alone.len() == 5 && alone.iter().all(is_new), "{alone:?}");
    let first = app.listed("u0", "new_first").await;
    let n_new = |list: &[String]| list.iter().filter(|id| is_new(id)).count();
    assert!(first.len() == 20 && n_new(&first[..10]) == 5, "{first:?}");
    let plain = app.listed("u0", "plain").await;
    assert!(plain.len() == 20 && n_new(&plain[..10]) < 5, "{plain:?}");

    let body = json!({ "user": "u0", "scenario": "new_alone", "count": 20, "with_removed": true });
    let preview = app.preview_list(body).await.body;
    let rule = &preview["removed"]["by_rule"][0];
    assert_eq!((&rule["name"], &rule["n"]), (&json!("freshness"), &json!(15)), "{preview}");
    assert_eq!(rule["text"], "'released' > now() - 432000");

    // Who takes the property out of the catalog is told, and lists go on without it.
    let dry = app
        .post(
            &format!("{SHOP}/catalog?dry_run=true"),
            "item_id,brand\nlamp1,Lux\n".to_owned(),
            &csv,
        )
        .await;
    assert!(dry.body.to_string().contains("new_alone"), "{}", dry.body);

    let mut lines = Vec::new();
    for freshness in [
        json!({ "property": "", "within_s": 1 }),
        json!({ "property": "it's", "within_s": 1 }),
        json!({ "property": "released", "within_s": 0 }),
        json!({ "property": "released", "within_s": 1, "boost": 1 }),
        json!({ "property": "released", "within_s": 1, "share": 0.5 }),
    ] {
        lines.push(app.put_in_shop("scenarios/wrong", scenario(freshness)).await.line());
    }
    let fresh = json!({ "property": "released", "within_s": 1 });
    let people = json!({ "endpoint": "recommendUsersToItem", "freshness": fresh });
    lines.push(app.put_in_shop("scenarios/wrong", people).await.line());
    let by_hand =
        json!({ "user": "u0", "settings": { "freshness": { "property": "brnd", "within_s": 9 } } });
    lines.push(app.preview_list(by_hand).await.line());
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_scenario_is_calculated_for_everybody_with_what_is_typed() {
    let app = shop().await;
    let calculate = async |body: Value| {
        let path = format!("{SHOP}/recommendations/calculate");
        app.administer(Method::POST, &path, body, &[]).await
    };
    let lamps = json!({ "endpoint": "recommendItemsToUser", "filter": "'brand' == \"Lux\"" });
    assert_eq!(app.put_in_shop("scenarios/lamps", lamps).await.status, 201);
    let all = calculate(json!({ "count": 5 })).await;
    assert_eq!(all.status, 200, "{}", all.line());
    assert_eq!((&all.body["people"]["n"], &all.body["lists"]["n"]), (&json!(61), &json!(61)));
    assert_eq!(all.body["samples"].as_array().unwrap().len(), 3);
    assert_eq!(all.body["accuracy"]["length"], 5, "{}", all.body);
    let distinct = |body: &Value| body["lists"]["distinct_items"].as_u64().unwrap();
    let of_lamps = calculate(json!({ "scenario": "lamps", "count": 10 })).await.body;
    assert!(distinct(&all.body) > 10 && distinct(&of_lamps) == 10, "{of_lamps}");
    // What is typed holds before what the scenario says, and is not saved.
    let nothing = json!({ "scenario": "lamps", "settings": { "filter": "false" } });
    let nothing = calculate(nothing).await.body;
    assert_eq!(nothing["lists"]["empty"]["value"], 1.0, "{nothing}");
    let lines = [
        calculate(json!({ "scenario": "none" })).await.line(),
        calculate(json!({ "settings": { "filter": "'brand' ==" } })).await.line(),
        calculate(json!({ "settings": { "anchors": 99 } })).await.line(),
        calculate(json!({ "count": 0 })).await.line(),
        calculate(json!({ "user": "u0" })).await.line(),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}
