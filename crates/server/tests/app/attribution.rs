//! What became of recommendations, over HTTP.

use axum::body::Body;
use axum::http::Request;
use domain::Day;
use engine::{Entry, ListImpression, Place};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Answer, TestApp, track};

impl TestApp {
    /// The traits of a user, and the id of the list `recommended_items`.
    async fn cited_list(&self, user: &str) -> (Value, String) {
        let traits =
            self.profile(&format!("user_id:{user}"), "traits").await.body["traits"].clone();
        let id = traits["recommended_items__detail"]["recomm_id"].as_str().unwrap().to_owned();
        (traits, id)
    }

    async fn kpis(&self, parameters: &str) -> Answer {
        self.admin(&format!("/api/workspaces/shop/kpis?{parameters}")).await
    }
}

#[tokio::test]
async fn what_cites_a_list_counts_at_once() {
    let app = TestApp::new().await;
    app.batch(json!([
        track(1, "ann", "Product Viewed", json!({ "product_id": "lamp" })),
        track(2, "ben", "Product Viewed", json!({ "product_id": "rug" })),
    ]))
    .await;
    let (traits, id) = app.cited_list("ann").await;
    app.cited_list("ann").await;
    app.cited_list("ben").await;
    // Read without its companion, nobody can cite a list: it is no recommendation.
    app.profile("user_id:ben", "traits?include=recommended_items").await;
    let order = json!({ "recomm_id": id, "products": [{ "product_id": "lamp", "quantity": 2, "price": 12.75 }] });
    let messages = json!([
        track(3, "ann", "Product Viewed", json!({ "product_id": "rug", "recomm_id": id })),
        track(3, "ann", "Product Viewed", json!({ "product_id": "rug", "recomm_id": id })),
        track(4, "ann", "Order Completed", order),
        track(
            5,
            "ben",
            "Product Viewed",
            json!({ "product_id": "lamp", "recomm_id": "of another system" })
        ),
    ]);
    assert_eq!(app.batch(messages).await.status, 200);

    let today = Day::from_timestamp(engine::now()).to_string();
    let mut answer = app.kpis("").await;
    assert_eq!(answer.status, 200, "{}", answer.line());
    for row in ["kpis", "interactions"] {
        for row in answer.body[row].as_array_mut().unwrap() {
            assert_eq!(row["day"].take(), today);
        }
    }
    insta::assert_json_snapshot!(answer.body);

    let mut one = app.admin(&format!("/api/workspaces/shop/recommendations/{id}")).await;
    assert_eq!(
        (one.status.as_u16(), one.body["recomm_id"].take()),
        (200, json!(id)),
        "{}",
        one.line()
    );
    assert_eq!(one.body["items"], traits["recommended_items"]);
    assert_eq!(one.body["at"].take(), one.body["last_at"].take());
    insta::assert_json_snapshot!(one.body);
    let looked_at = app.admin("/api/workspaces/shop/recommendations?user=ann").await.body;
    assert_eq!(looked_at.get("recomm_id"), None);
}

fn list(place: Place, group: Option<&str>) -> ListImpression {
    ListImpression {
        recomm_id: Some(Uuid::now_v7()),
        user: None,
        at: engine::now(),
        items: Vec::new(),
        place,
        group: group.map(str::to_owned),
        model: None,
        rotates: false,
        n_next: 0,
        request: None,
    }
}

fn of_scenario(scenario: Option<&str>) -> Place {
    Place::Scenario {
        endpoint: "recommendItemsToItem".to_owned(),
        scenario: scenario.map(str::to_owned),
    }
}

#[tokio::test]
async fn names_that_nobody_configured_take_no_room_from_those_that_are() {
    let app = TestApp::new().await;
    let put =
        Request::put("/api/workspaces/shop/scenarios/cart").header("authorization", "Bearer admin");
    let put = put.body(Body::from(r#"{"endpoint": "recommendItemsToItem"}"#)).unwrap();
    assert_eq!(app.send(put).await.status, 201);
    let others: Vec<ListImpression> =
        (0..1_100).map(|n| list(of_scenario(Some(&format!("s{n}"))), None)).collect();
    for lists in [others, vec![list(of_scenario(Some("cart")), None)]] {
        app.engine.submit(vec![Entry::ListImpressions { lists }]).await.unwrap();
    }
    let rows = app.kpis("").await.body["kpis"].clone();
    let rows = rows.as_array().unwrap();
    let n_of = |scenario: &str| {
        let row = rows.iter().find(|row| row["scenario"] == scenario);
        row.map_or(0, |row| row["recommendations"].as_u64().unwrap())
    };
    assert_eq!((n_of("cart"), n_of("s0")), (1, 1));
    let all: u64 = rows.iter().map(|row| row["recommendations"].as_u64().unwrap()).sum();
    assert_eq!((all, rows.len() < 1_100), (1_101, true));
}

#[tokio::test]
async fn figures_are_by_day_place_and_group() {
    let app = TestApp::new().await;
    let lists = vec![
        list(of_scenario(Some("cart")), None),
        list(of_scenario(None), None),
        list(of_scenario(Some("cart")), Some("b")),
        list(of_scenario(Some("a")), None),
        list(Place::Trait("t".to_owned()), None),
    ];
    app.engine.submit(vec![Entry::ListImpressions { lists }]).await.unwrap();
    let rows = app.kpis("").await.body["kpis"].clone();
    let row = |row: &Value| {
        format!("{} {} {} {}", row["trait"], row["endpoint"], row["scenario"], row["group"])
    };
    let rows: Vec<String> = rows.as_array().unwrap().iter().map(row).collect();
    insta::assert_snapshot!(rows.join("\n"));

    let today = Day::from_timestamp(engine::now());
    let n_rows = |answer: Answer| answer.body["kpis"].as_array().unwrap().len();
    assert_eq!(n_rows(app.kpis(&format!("from={today}&until={today}")).await), 5);
    assert_eq!(n_rows(app.kpis(&format!("until={}", today.earlier(1))).await), 0);
    let mut lines = Vec::new();
    for parameters in [
        "from=yesterday",
        "until=2026-02-30",
        "from=2026-1-1",
        "from=2026-01-02&until=2026-01-01",
        "day=1",
    ] {
        lines.push(format!("{parameters}\n  {}", app.kpis(parameters).await.line()));
    }
    for id in ["7", "00000000-0000-0000-0000-000000000000", "018bd12b-58ae-7000-8000-000000000000"]
    {
        let answer = app.admin(&format!("/api/workspaces/shop/recommendations/{id}")).await;
        lines.push(format!("{id}\n  {}", answer.line()));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn commands_of_the_recommender_api_cite_too() {
    let app = TestApp::new().await;
    app.batch(json!([track(1, "ann", "Product Viewed", json!({ "product_id": "lamp" }))])).await;
    for n in 0..20 {
        let (_, id) = app.cited_list("ann").await;
        let params = json!({ "userId": "ann", "itemId": "lamp", "recommId": id, "timestamp": 1_700_000_000 + n });
        let requests = json!([{ "method": "POST", "path": "/bookmarks/", "params": params }]);
        assert_eq!(app.batch_of(requests).await[0].0, 200);
    }
    let kpis = app.kpis("").await.body["kpis"].clone();
    let bookmarks = kpis.as_array().unwrap().iter().filter_map(|row| row["bookmarks"].as_u64());
    assert_eq!(bookmarks.sum::<u64>(), 20);
}
