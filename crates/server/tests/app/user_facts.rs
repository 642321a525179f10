//! Audiences, computed traits and traits of sources as properties of the user in filters and
//! boosters.

use axum::http::Method;
use serde_json::{Value, json};

use crate::recombee::request;
use crate::traits::shop;
use crate::{TestApp, track};

const SHOP: &str = "/api/workspaces/shop";

impl TestApp {
    /// The items of a list for a user, or the refusal.
    async fn listed_with(&self, user: &str, settings: Value) -> Value {
        let body = json!({ "user": user, "settings": settings, "count": 20 });
        let admin = [("authorization", "Bearer admin")];
        let answer = self.post(&format!("{SHOP}/recommendations"), body.to_string(), &admin).await;
        if answer.status != 200 {
            return answer.line().into();
        }
        let items = answer.body["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].clone()).collect()
    }
}

#[tokio::test]
async fn filters_and_boosters_read_audiences_and_traits_of_the_user() {
    let app = shop().await;
    let viewed = json!({ "type": "count", "event": "Product Viewed" });
    assert_eq!(app.put_in_shop("computed_traits/views", viewed).await.status, 201);
    let brands = json!({ "type": "unique_list", "event": "Chosen", "property": "brand" });
    assert_eq!(app.put_in_shop("computed_traits/brands", brands).await.status, 201);
    let others = json!({ "condition": "did not \"Order Placed\"" });
    assert_eq!(app.put_in_shop("audiences/others", others).await.status, 201);
    let identify = json!({ "type": "identify", "messageId": "plan", "userId": "u3",
        "traits": { "plan": "pro", "size": 7 } });
    let chosen = track(800_000, "u3", "Chosen", json!({ "brand": "Lux" }));
    assert_eq!(app.batch(json!([identify, chosen])).await.status, 200);
    // Everybody is worked out with the next message.
    let order = track(800_001, "u40", "Order Placed", json!({}));
    assert_eq!(app.batch(json!([order])).await.status, 200);

    let shows = async |user: &str, condition: &str| {
        let settings = json!({ "logic": "newest", "filter": condition, "exclude": "none" });
        match app.listed_with(user, settings).await {
            Value::Array(items) => items.len().to_string(),
            refused => refused.as_str().unwrap().to_owned(),
        }
    };
    let mut lines = Vec::new();
    for (user, condition) in [
        ("u3", "context_user[\"buyers\"]"),
        ("u30", "context_user[\"buyers\"]"),
        // Never one of them: null, which is not false.
        ("u30", "context_user[\"buyers\"] == null"),
        // One of the others until they ordered.
        ("u40", "context_user[\"others\"] == false"),
        ("u30", "context_user[\"others\"]"),
        ("u3", "context_user[\"views\"] >= 3"),
        ("u3", "context_user[\"views\"] > 100"),
        ("u3", "'brand' in context_user[\"brands\"]"),
        ("u30", "'brand' in context_user[\"brands\"]"),
        ("u3", "context_user[\"plan\"] == \"pro\" and context_user[\"size\"] == 7"),
        ("u30", "context_user[\"plan\"] == \"pro\""),
        ("u3", "context_user[\"buyer\"]"),
        ("u3", "context_user[\"views\"] == \"many\""),
        ("u3", "context_user[\"brands\"] and true"),
    ] {
        lines.push(format!("{user} {condition}: {}", shows(user, condition).await));
    }
    insta::assert_snapshot!(lines.join("\n"));

    let booster = "if context_user[\"buyers\"] and 'brand' == \"Lux\" then 9 else 1";
    let boosted = json!({ "logic": "trending", "booster": booster, "exclude": "none" });
    let first =
        async |user| app.listed_with(user, boosted.clone()).await[0].as_str().unwrap().to_owned();
    assert!(first("u3").await.starts_with("lamp"));

    // A declared property of the same name counts.
    let declare = request("PUT", "/users/properties/buyers", json!({ "type": "string" }));
    app.batch_of(json!([declare])).await;
    assert_eq!(shows("u3", "context_user[\"buyers\"] == null").await, "20");
}

#[tokio::test]
async fn a_scenario_goes_on_when_an_audience_that_it_names_is_removed() {
    let app = shop().await;
    let filter = "context_user[\"buyers\"] and 'brand' == \"Lux\"";
    let home = json!({ "endpoint": "recommendItemsToUser", "logic": "newest", "filter": filter });
    assert_eq!(app.put_in_shop("scenarios/home", home).await.status, 201);
    let n_items = async |user: &str| {
        let body = json!({ "user": user, "scenario": "home", "count": 20 }).to_string();
        let admin = [("authorization", "Bearer admin")];
        let answer = app.post(&format!("{SHOP}/recommendations"), body, &admin).await;
        assert_eq!(answer.status, 200, "{}", answer.line());
        answer.body["items"].as_array().unwrap().len()
    };
    assert_eq!((n_items("u1").await, n_items("u30").await), (10, 0));
    let gone = format!("{SHOP}/audiences/buyers");
    assert_eq!(app.administer(Method::DELETE, &gone, Value::Null, &[]).await.status, 204);
    assert!(n_items("u30").await > 0, "the list goes on without the filter");
    let shown = app.admin(&format!("{SHOP}/scenarios/home")).await.body;
    insta::assert_snapshot!(shown["problems"]);
}
