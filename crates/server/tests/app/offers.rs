//! Columns that say whether an item is offered: in stock, and from when until when.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use domain::Timestamp;
use engine::{EngineOptions, ManualClock};
use serde_json::{Value, json};

use super::{Answer, TestApp};

const AT: i64 = 1_772_361_000_000;
const HOUR_MS: i64 = 3_600_000;

impl TestApp {
    async fn offer_by(&self, settings: Value) -> Answer {
        let request = Request::builder().method(Method::PATCH);
        let request = request.uri("/api/workspaces/shop/settings");
        let request = request.header("authorization", "Bearer admin");
        let body = json!({ "catalog": settings }).to_string();
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn import_offers(&self, file: String, query: &str) -> Answer {
        let headers = [("authorization", "Bearer admin"), ("content-type", "text/csv")];
        self.post(&format!("/api/workspaces/shop/catalog{query}"), file, &headers).await
    }

    /// The ids of the lists for two people: the same in both.
    async fn offered(&self) -> Vec<String> {
        let preview = "/api/workspaces/shop/recommendations?count=9";
        let mut all: Option<Vec<String>> = None;
        for path in [format!("{preview}&user=u1"), format!("{preview}&user=nobody")] {
            let answer = self.admin(&path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
            let ids = answer.body["items"].as_array().unwrap().iter();
            let mut ids: Vec<String> =
                ids.map(|entry| entry["id"].as_str().unwrap().to_owned()).collect();
            ids.sort_unstable();
            assert_eq!(*all.get_or_insert_with(|| ids.clone()), ids, "{path}");
        }
        all.unwrap()
    }
}

#[tokio::test]
async fn what_is_out_of_stock_or_out_of_its_time_is_in_no_list_at_the_very_instant() {
    let clock = Arc::new(ManualClock::new(Timestamp(AT)));
    let app = TestApp::with_options(Arc::clone(&clock) as _, EngineOptions::default()).await;
    let [from, until] = [HOUR_MS, 2 * HOUR_MS].map(|ms| Timestamp(AT + ms));
    let file = format!(
        "item_id,title,stock,availability,from,until\n\
         a,Lamp a,3,in_stock,,\nb,Lamp b,0,in_stock,,\nc,Lamp c,1,out_of_stock,,\n\
         d,Lamp d,1,preorder,{from},\ne,Lamp e,,,,{until}\n"
    );
    assert_eq!(app.import_offers(file.clone(), "").await.status, 200);
    assert_eq!(app.offered().await, ["a", "b", "c", "d", "e"]);
    let refused = app.offer_by(json!({ "stocks": "stock" })).await;
    assert_eq!(refused.status, 400, "{}", refused.line());
    let refused = app.offer_by(json!({ "stock": "" })).await;
    assert!(refused.line().contains("catalog.stock has 0 bytes"), "{}", refused.line());
    let settings = json!({
        "available": "availability", "stock": "stock", "valid_from": "from", "valid_until": "until",
    });
    assert_eq!(app.offer_by(settings).await.status, 200);
    assert_eq!(app.offered().await, ["a", "e"]);
    let overview = app.admin("/api/workspaces/shop/overview").await.body;
    assert_eq!((&overview["items_on_offer"], &overview["counts"]["items"]), (&json!(2), &json!(5)));
    clock.set(Timestamp(from.0 - 1));
    assert_eq!(app.offered().await, ["a", "e"]);
    clock.set(from);
    assert_eq!(app.offered().await, ["a", "d", "e"]);
    clock.set(Timestamp(until.0 - 1));
    assert_eq!(app.offered().await, ["a", "d", "e"]);
    clock.set(until);
    assert_eq!(app.offered().await, ["a", "d"]);
    // Stock that arrives counts at once.
    let arrived = file.replace("b,Lamp b,0", "b,Lamp b,5");
    assert_eq!(app.import_offers(arrived, "").await.status, 200);
    assert_eq!(app.offered().await, ["a", "b", "d"]);

    // A file may not drop a column that decides what is offered without a word.
    let without = "item_id,title,availability,from,until\na,x,,,\nb,x,,,\nc,x,,,\nd,x,,,\ne,x,,,\n";
    let refused = app.import_offers(without.to_owned(), "").await;
    assert!(refused.line().contains("the setting catalog.stock"), "{}", refused.line());
    assert_eq!(app.import_offers(without.to_owned(), "?drop=stock").await.status, 200);
    assert_eq!(app.offered().await, ["a", "b", "c", "d", "e"]);
}
