//! Holdouts of traits over HTTP: who gets no list, and what came of it.

use axum::http::Method;
use serde_json::{Value, json};

use crate::traits::shop;
use crate::{TestApp, track};

const SHOP: &str = "/api/workspaces/shop";

impl TestApp {
    async fn holdout(&self, key: &str) -> crate::Answer {
        self.admin(&format!("{SHOP}/traits/{key}/holdout")).await
    }
}

#[tokio::test]
async fn who_is_held_out_has_no_key_and_both_groups_are_compared() {
    let app = shop().await;
    let with_holdout = json!({ "count": 3, "who": {}, "holdout": { "percent": 50 } });
    assert_eq!(app.put_trait("next", with_holdout.clone()).await.status, 201);
    let (mut having, mut held_out) = (Vec::new(), Vec::new());
    for user in 0..60 {
        let traits = app.computed(&format!("user_id:u{user}")).await;
        if traits.get("next").is_some() { having.push(user) } else { held_out.push(user) }
    }
    assert!(having.len() > 15 && held_out.len() > 15, "{having:?}");
    let path = format!("{SHOP}/people/user_id:u{}/list?name=trait:next", held_out[0]);
    let problem = app.admin(&path).await.body["problem"].clone();
    assert_eq!(problem, "the person is held out of the trait, so that its effect is measured");
    let mut calculated = with_holdout.clone();
    calculated["key"] = "next".into();
    let calculated = app.calculate(calculated).await.body;
    assert_eq!(calculated["people"]["n"], having.len(), "{}", calculated["people"]);
    assert_eq!(calculated["lists"]["n"], having.len());

    // Everybody with the list buys, and one of those without.
    let buyers = having.iter().chain(&held_out[..1]);
    let order = |user: &u32| {
        let bought = json!({ "products": [{ "product_id": "lamp1", "price": 2.5 }] });
        track(500_000 + user, &format!("u{user}"), "Order Completed", bought)
    };
    let orders: Vec<Value> = buyers.map(order).collect();
    assert_eq!(app.batch(orders.into()).await.status, 200);
    let results = app.holdout("next").await;
    assert_eq!(results.status, 200, "{}", results.line());
    let results = results.body;
    let group = |name: &str| {
        let group = &results[name];
        [&group["people"], &group["reached"], &group["goals"]].map(|n| n.as_u64().unwrap() as usize)
    };
    assert_eq!(group("with_trait"), [having.len(); 3]);
    assert_eq!(group("held_out"), [held_out.len(), 1, 1]);
    assert_eq!(results["with_trait"]["value"], 2.5 * having.len() as f64);
    assert_eq!(results["with_trait"]["goal_rate"]["value"], 1.0);
    let comparisons = results["comparisons"].as_array().unwrap();
    let measures: Vec<&Value> = comparisons.iter().map(|one| &one["measure"]).collect();
    assert_eq!(measures, ["goal_rate", "goals_per_person", "value_per_person"]);
    assert_eq!(comparisons[0]["verdict"], "too_early", "one purchase decides nothing");
    assert!(comparisons[0]["days_missing"].is_u64(), "{}", comparisons[0]);

    // Another goal begins anew, and views have no value.
    let mut of_views = with_holdout;
    of_views["holdout"]["goal"] = "detail_view".into();
    assert_eq!(app.put_trait("next", of_views).await.status, 200);
    let next = domain::Timestamp(engine::now().0 + 1_000);
    app.engine.submit(vec![engine::Entry::Tick { at: next }]).await.unwrap();
    let anew = app.holdout("next").await.body;
    assert_eq!(anew["with_trait"]["reached"], 0);
    assert_eq!(anew["comparisons"].as_array().unwrap().len(), 2);
    assert_eq!(anew["comparisons"][0]["sentence"], "not enough yet: nobody has reached the goal");
}

#[tokio::test]
async fn a_holdout_that_makes_no_sense_is_refused() {
    let app = TestApp::new().await;
    let mut lines = Vec::new();
    for holdout in [
        json!({ "percent": 0 }),
        json!({ "percent": 51 }),
        json!({ "percent": 10, "goal": "happiness" }),
        json!({ "share": 10 }),
        json!({ "percent": 10, "goals": "purchase" }),
    ] {
        lines.push(app.put_trait("next", json!({ "holdout": holdout })).await.line());
    }
    lines.push(app.holdout("recommended_items").await.line());
    lines.push(app.holdout("nothing").await.line());
    let deleted = format!("{SHOP}/traits/recommended_items/holdout");
    lines.push(app.administer(Method::DELETE, &deleted, Value::Null, &[]).await.line());
    insta::assert_snapshot!(lines.join("\n"));
}
