//! Recommended-items traits over HTTP: who has them, whose list they are, and what one would come
//! to before it is made.

use axum::http::Method;
use serde_json::{Value, json};

use crate::{Answer, TestApp, track};

const SHOP: &str = "/api/workspaces/shop";
const N_BUYERS: u32 = 60;

impl TestApp {
    pub(crate) async fn put_in_shop(&self, path: &str, body: Value) -> Answer {
        self.administer(Method::PUT, &format!("{SHOP}/{path}"), body, &[]).await
    }

    pub(crate) async fn put_trait(&self, key: &str, mut body: Value) -> Answer {
        body["kind"] = "recommended_items".into();
        self.put_in_shop(&format!("traits/{key}"), body).await
    }

    pub(super) async fn calculate(&self, mut body: Value) -> Answer {
        body["kind"] = "recommended_items".into();
        self.administer(Method::POST, &format!("{SHOP}/traits/calculate"), body, &[]).await
    }

    /// The keys and values of a profile's computed traits.
    pub(crate) async fn computed(&self, person: &str) -> Value {
        let answer = self.profile(person, "traits?class=computed_trait&limit=50").await;
        assert_eq!(answer.status, 200, "{}", answer.line());
        answer.body["traits"].clone()
    }
}

/// Sixty people who each view lamps or rugs, of whom the first ten have ordered something; an
/// anonymous visitor; a trained model, and an audience of those who ordered.
pub(crate) async fn shop() -> TestApp {
    let app = TestApp::new().await;
    let items: String =
        (0..10).flat_map(|n| [format!("lamp{n},Lux\n"), format!("rug{n},Weave\n")]).collect();
    let admin = [("authorization", "Bearer admin"), ("content-type", "text/csv")];
    let catalog = format!("item_id,brand\n{items}");
    assert_eq!(app.post(&format!("{SHOP}/catalog"), catalog, &admin).await.status, 200);
    let buyers = json!({ "condition": "did \"Order Placed\"" });
    assert_eq!(app.put_in_shop("audiences/buyers", buyers).await.status, 201);
    let mut messages = Vec::new();
    for user in 0..N_BUYERS {
        let kind = if user % 2 == 0 { "lamp" } else { "rug" };
        // Some are more active than others.
        let n_views = 3 + user % 5;
        for n in 0..n_views {
            let item = format!("{kind}{}", (user / 2 * 3 + n) % 10);
            let mut view = track(
                1_000 * user + n,
                &format!("u{user}"),
                "Product Viewed",
                json!({ "product_id": item }),
            );
            view["timestamp"] = (1_700_000_000 + 100 * n + user).into();
            messages.push(view);
        }
        if user < 10 {
            let order = track(1_000 * user + 900, &format!("u{user}"), "Order Placed", json!({}));
            messages.push(order);
        }
    }
    let visitor = json!({ "type": "track", "messageId": "v", "anonymousId": "visitor",
        "event": "Order Placed", "properties": {} });
    messages.push(visitor);
    for part in messages.chunks(100) {
        assert_eq!(app.batch(part.into()).await.status, 200);
    }
    assert_eq!(app.train().await["state"], "done");
    app
}

#[tokio::test]
async fn only_the_people_of_a_trait_have_its_key() {
    let app = shop().await;
    let of_buyers = json!({ "count": 3, "who": { "audience": "buyers" } });
    assert_eq!(app.put_trait("for_buyers", of_buyers.clone()).await.status, 201);
    let anonymous = json!({ "who": { "audience": "buyers", "include_anonymous": true } });
    assert_eq!(app.put_trait("also_anonymous", anonymous).await.status, 201);
    let has = |traits: &Value, key: &str| traits.get(key).is_some();
    let (buyer, other, visitor) = (
        app.computed("user_id:u3").await,
        app.computed("user_id:u30").await,
        app.computed("anonymous_id:visitor").await,
    );
    assert_eq!(buyer["for_buyers"].as_array().unwrap().len(), 3, "{buyer}");
    assert!(has(&buyer, "for_buyers__detail") && has(&buyer, "also_anonymous"));
    assert!(!has(&other, "for_buyers") && !has(&other, "also_anonymous"), "{other}");
    assert!(!has(&visitor, "for_buyers") && has(&visitor, "also_anonymous"), "{visitor}");
    assert!(has(&other, "recommended_items") && has(&visitor, "recommended_items"));

    // Whoever joins the audience has it at once, and while it is paused nobody has.
    app.batch(json!([track(99_999, "u30", "Order Placed", json!({}))])).await;
    assert!(has(&app.computed("user_id:u30").await, "for_buyers"));
    let mut paused = of_buyers;
    paused["paused"] = true.into();
    assert_eq!(app.put_trait("for_buyers", paused).await.status, 200);
    assert!(!has(&app.computed("user_id:u3").await, "for_buyers"));
    let path = format!("{SHOP}/people/user_id:u3/list?name=trait:for_buyers");
    assert_eq!(app.admin(&path).await.body["problem"], "the trait is paused");

    let mut lines = Vec::new();
    for (key, body) in [
        ("a", json!({ "who": { "audience": "nobody" } })),
        ("a", json!({ "scenario": "nowhere" })),
        ("calculate", json!({})),
        ("a", json!({ "who": { "audiences": "buyers" } })),
        ("a", json!({ "fallback": ["newest", "newest"] })),
        ("a", json!({ "fallback": ["similar"] })),
    ] {
        lines.push(app.put_trait(key, body).await.line());
    }
    let gone = format!("{SHOP}/audiences/buyers");
    lines.push(app.administer(Method::DELETE, &gone, Value::Null, &[]).await.line());
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_trait_of_a_scenario_has_its_list_with_filter_mix_and_fallback() {
    let app = shop().await;
    let home = json!({
        "endpoint": "recommendItemsToUser",
        "mix": [{ "logic": "personal", "weight": 70 }, { "logic": "newest", "weight": 30 }],
        "fallback": ["trending"],
        "filter": "'itemId' != \"rug9\"",
    });
    assert_eq!(app.put_in_shop("scenarios/home", home).await.status, 201);
    assert_eq!(app.put_trait("home", json!({ "scenario": "home", "count": 10 })).await.status, 201);
    let traits = app.computed("user_id:u0").await;
    let details = traits["home__detail"]["items"].as_array().unwrap().clone();
    let sources: Vec<&str> = details.iter().map(|item| item["source"].as_str().unwrap()).collect();
    assert_eq!(sources[..3], ["model", "model", "newest"], "{sources:?}");
    let ids: Vec<&Value> = details.iter().map(|item| &item["id"]).collect();
    assert!(!ids.contains(&&json!("rug9")), "{ids:?}");
    let distinct: std::collections::BTreeSet<String> =
        ids.iter().map(ToString::to_string).collect();
    assert_eq!((ids.len(), distinct.len()), (10, 10));
    assert_eq!(traits["home__detail"]["fallback"], false);
    let of_call = app
        .post(
            &format!("{SHOP}/recommendations"),
            json!({ "user": "u0", "scenario": "home", "count": 10 }).to_string(),
            &[("authorization", "Bearer admin")],
        )
        .await;
    let of_call: Vec<&Value> =
        of_call.body["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, of_call, "one list, wherever it is read");

    let own = json!({ "scenario": "home", "logic": "trending" });
    let refused = app.put_trait("home", own).await;
    assert!(refused.line().contains("the settings of the list stand there"), "{}", refused.line());
    let path = format!("{SHOP}/scenarios/home");
    let gone = app.administer(Method::DELETE, &path, Value::Null, &[]).await;
    assert!(gone.line().contains("there is no such scenario"), "{}", gone.line());
}

#[tokio::test]
async fn a_preview_says_what_each_rule_removed() {
    let app = shop().await;
    for item in ["lamp2", "lamp4"] {
        let bought = json!({ "products": [{ "product_id": item }] });
        let order =
            track(if item == "lamp2" { 70_001 } else { 70_002 }, "u0", "Order Completed", bought);
        app.batch(json!([order])).await;
    }
    let off = format!("{SHOP}/items/lamp6/off");
    app.administer(Method::PUT, &off, Value::Null, &[]).await;
    let removed = async |settings: Value| {
        let body = json!({ "user": "u0", "settings": settings, "count": 5, "with_removed": true });
        let admin = [("authorization", "Bearer admin")];
        let answer = app.post(&format!("{SHOP}/recommendations"), body.to_string(), &admin).await;
        assert_eq!(answer.status, 200, "{}", answer.line());
        answer.body
    };
    let preview = removed(json!({ "filter": "'brand' == \"Lux\"" })).await;
    let by_rule = |preview: &Value, rule: &str| {
        let rules = preview["removed"]["by_rule"].as_array().unwrap().clone();
        rules.into_iter().find(|one| one["rule"] == rule).unwrap_or_default()
    };
    assert_eq!(preview["removed"]["n_candidates"], 20);
    assert_eq!(by_rule(&preview, "off")["items"][0]["id"], "lamp6");
    assert_eq!(by_rule(&preview, "filter")["n"], 10, "{}", preview["removed"]);
    assert_eq!(by_rule(&preview, "filter")["items"].as_array().unwrap().len(), 5);
    let bought = by_rule(&preview, "excluded");
    assert_eq!((&bought["n"], &bought["kind"]), (&json!(2), &json!("purchase")));

    let preview = removed(json!({ "min_count": 50 })).await;
    assert_eq!(preview["items"], json!([]));
    assert_eq!(by_rule(&preview, "too_short")["n"], 5);
    let preview = removed(json!({ "active_within_s": 60 })).await;
    assert_eq!(
        preview["items"].as_array().unwrap().is_empty(),
        by_rule(&preview, "inactive")["n"] == 5
    );
    let preview = removed(json!({ "constraint": [{ "property": "brand", "max": 1 }] })).await;
    assert!(by_rule(&preview, "constraint")["n"].as_u64() > Some(0), "{}", preview["removed"]);
    let preview = removed(json!({ "min_relevance": "high" })).await;
    let n_listed = preview["items"].as_array().unwrap().len() as u64;
    let n_removed = by_rule(&preview, "min_relevance")["n"].as_u64().unwrap_or_default();
    assert!(n_listed < 5 && n_removed <= 5 - n_listed, "{preview}");
}

#[tokio::test]
async fn a_calculation_counts_people_and_lists_and_saves_nothing() {
    let app = shop().await;
    let all = app.calculate(json!({ "count": 5, "who": {} })).await;
    assert_eq!(all.status, 200, "{}", all.line());
    let people = &all.body["people"];
    assert_eq!((&people["n"], &people["is_exact"]), (&json!(60), &json!(true)));
    let lists = &all.body["lists"];
    assert_eq!(lists["n"], 60);
    let share = |name: &str| lists[name]["value"].as_f64().unwrap();
    assert!((share("personal") + share("fallback") + share("empty") - 1.0).abs() < 1e-9);
    assert!(share("personal") > 0.9, "{lists}");
    assert!(lists["distinct_items"].as_u64() > Some(5));
    assert_eq!(all.body["samples"].as_array().unwrap().len(), 3);

    let buyers = app.calculate(json!({ "who": { "audience": "buyers" } })).await.body;
    assert_eq!(
        buyers["people"],
        json!({ "n": 10, "low": 10, "high": 10, "is_exact": true,
        "n_asked": 11, "of": 11 })
    );
    let both = json!({ "who": { "audience": "buyers", "include_anonymous": true } });
    let both = app.calculate(both).await.body;
    assert_eq!(both["people"]["n"], 11);
    assert_eq!(both["lists"]["n"], 11);

    // What training has measured, for all and by how active people were.
    let accuracy = &all.body["accuracy"];
    assert_eq!(accuracy["length"], 5, "{}", all.body);
    let groups = accuracy["by_activity"].as_array().unwrap();
    let n_people: u64 = groups.iter().map(|group| group["n_people"].as_u64().unwrap()).sum();
    assert_eq!(accuracy["all"]["n_people"], n_people);
    let (own, popular) = (&accuracy["all"]["hit_rate"], &accuracy["all"]["popular_hit_rate"]);
    assert!(own["value"].as_f64() > popular["value"].as_f64(), "{accuracy}");
    let trending = app.calculate(json!({ "logic": "trending" })).await.body;
    assert!(trending.get("accuracy").is_none());
    assert!(trending["not_measured"].as_str().unwrap().contains("everything a person did"));

    let refused = app.calculate(json!({ "who": { "audience": "nobody" } })).await;
    assert_eq!(refused.status, 400, "{}", refused.line());
    let traits = app.admin(&format!("{SHOP}/traits")).await.body;
    assert_eq!(traits["traits"].as_array().unwrap().len(), 1, "nothing is saved: {traits}");
}
