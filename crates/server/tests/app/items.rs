//! Items over the admin API: found, looked at, turned off for every list, and on again.

use axum::http::Method;
use serde_json::{Value, json};

use super::{Answer, TestApp};

const ITEMS: &str = "/api/workspaces/shop/items";

impl TestApp {
    async fn shop_with_items() -> Self {
        let app = Self::new().await;
        let rows = (0..12)
            .map(|n| format!("i{n},Lamp {n},{n}.5,{}\n", if n % 2 == 0 { "red" } else { "blue" }));
        app.upload_items(&rows.collect::<String>()).await;
        for user in 0..6 {
            for item in 0..12 {
                if (user + item) % 3 == 0 {
                    let body = json!({
                        "userId": format!("u{user}"),
                        "itemId": format!("i{item}"),
                        "cascadeCreate": true,
                    });
                    let answer = app.call(Method::POST, "detailviews/", body.to_string()).await;
                    assert_eq!(answer.status, 200, "{}", answer.body);
                }
            }
        }
        app
    }

    async fn upload_items(&self, rows: &str) -> Answer {
        let headers = [("authorization", "Bearer admin"), ("content-type", "text/csv")];
        let file = format!("item_id,title,price,colour\n{rows}");
        let answer = self.post("/api/workspaces/shop/catalog?confirm=12", file, &headers).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer
    }

    async fn switch(&self, method: Method, id: &str) -> Answer {
        let request = axum::http::Request::builder()
            .method(method)
            .uri(format!("{ITEMS}/{id}/off"))
            .header("authorization", "Bearer admin");
        self.send(request.body(axum::body::Body::empty()).unwrap()).await
    }

    /// The ids of the lists of every endpoint that lists items, and of the trait.
    async fn all_listed(&self) -> Vec<(String, Vec<String>)> {
        let scenario = |endpoint: &str, more: Value| {
            let mut body = json!({ "endpoint": endpoint });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body.to_string()
        };
        let picks = json!({ "logic": "picks", "picks": ["i3", "i4"] });
        self.scenario(Method::PUT, "picked", &scenario("recommendItemsToUser", picks)).await;
        let mut lists = Vec::new();
        for (path, more) in [
            ("recomms/users/u1/items/", json!({})),
            ("recomms/users/nobody/items/", json!({})),
            ("recomms/users/u1/items/", json!({ "scenario": "picked" })),
            ("recomms/users/u0/items/", json!({ "logic": "recombee:recently-viewed" })),
            ("recomms/items/i4/items/", json!({ "targetUserId": "u1" })),
            ("search/users/u1/items/", json!({ "searchQuery": "lamp" })),
        ] {
            let mut body = json!({ "count": 50, "cascadeCreate": true });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let answer = self.call(Method::POST, path, body.to_string()).await;
            assert_eq!(answer.status, 200, "{path} {more}: {}", answer.body);
            let ids = answer.body["recomms"].as_array().unwrap().iter();
            let ids = ids.map(|entry| entry["id"].as_str().unwrap().to_owned()).collect();
            lists.push((format!("{path} {more}"), ids));
        }
        let preview = "/api/workspaces/shop/recommendations?user=u1&count=50";
        let similar = format!("{ITEMS}/i4/similar");
        for (path, key) in [(preview, "id"), (&similar, "item_id")] {
            let answer = self.admin(path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
            let ids = answer.body["items"].as_array().unwrap().iter();
            lists.push((
                path.to_owned(),
                ids.map(|entry| entry[key].as_str().unwrap().to_owned()).collect(),
            ));
        }
        lists
    }
}

#[tokio::test]
async fn an_item_that_is_turned_off_is_in_no_list_until_it_is_turned_on() {
    let app = TestApp::shop_with_items().await;
    let has = |lists: &[(String, Vec<String>)]| -> Vec<String> {
        let with = lists.iter().filter(|(_, ids)| ids.iter().any(|id| id == "i3"));
        with.map(|(what, _)| what.clone()).collect()
    };
    let before = app.all_listed().await;
    assert!(has(&before).len() >= 5, "{before:?}");
    assert_eq!(app.switch(Method::PUT, "i3").await.status, 204);
    assert_eq!(has(&app.all_listed().await), Vec::<String>::new());
    let item = app.admin(&format!("{ITEMS}/i3")).await.body;
    assert_eq!((&item["state"], &item["title"]), (&json!("off"), &json!("Lamp 3")));
    assert_eq!(item["interactions"]["detail_view"], 2, "what people did stays: {item}");

    // A file that has it, one that leaves it out, and the way back: none of them turns it on.
    let rows =
        |first: u32| (first..12).map(|n| format!("i{n},Lamp {n},1,red\n")).collect::<String>();
    app.upload_items(&rows(0)).await;
    assert_eq!(has(&app.all_listed().await), Vec::<String>::new());
    app.upload_items(&rows(4)).await;
    app.upload_items(&rows(0)).await;
    assert_eq!(has(&app.all_listed().await), Vec::<String>::new());
    app.post(
        "/api/workspaces/shop/catalog/versions/2/activate",
        "",
        &[("authorization", "Bearer admin")],
    )
    .await;
    assert_eq!(has(&app.all_listed().await), Vec::<String>::new());

    assert_eq!(app.switch(Method::DELETE, "i3").await.status, 204);
    assert!(has(&app.all_listed().await).len() >= 5);
    insta::assert_snapshot!(app.switch(Method::PUT, "i99").await.line(), @r#"404 not_found: there is no item "i99" in the catalog"#);

    // A deleted item is gone with its switch: one of the same id is another.
    app.switch(Method::PUT, "i3").await;
    app.call(Method::DELETE, "items/i3", "").await;
    app.call(Method::PUT, "items/i3", "").await;
    assert_eq!(app.admin(&format!("{ITEMS}/i3")).await.body["state"], "on");
}

#[tokio::test]
async fn items_are_found_by_words_and_filter_the_most_used_first() {
    let app = TestApp::shop_with_items().await;
    let ids = |answer: &Answer| -> Vec<String> {
        let items = answer.body["items"].as_array().unwrap().iter();
        items.map(|item| item["item_id"].as_str().unwrap().to_owned()).collect()
    };
    let all = app.admin(&format!("{ITEMS}?count=5")).await;
    assert_eq!((ids(&all).len(), &all.body["has_more"]), (5, &json!(true)));
    assert_eq!((&all.body["n_available"], &all.body["n_off"]), (&json!(12), &json!(0)));
    let rest = app.admin(&format!("{ITEMS}?count=20&offset=5")).await;
    assert_eq!((ids(&rest).len(), &rest.body["has_more"]), (7, &json!(false)));
    let red = app.admin(&format!("{ITEMS}?q=red%20lamp&filter='price'%20%3C%203")).await;
    assert_eq!(red.body["items"].as_array().unwrap().len(), 2, "{}", red.body);
    app.switch(Method::PUT, "i2").await;
    assert_eq!(ids(&app.admin(&format!("{ITEMS}?state=off")).await), ["i2"]);
    assert_eq!(ids(&app.admin(&format!("{ITEMS}?state=on")).await).len(), 11);
    let wrong = app.admin(&format!("{ITEMS}?filter='price'%20%3C%20'colour'")).await;
    insta::assert_snapshot!(wrong.line());
    let far = app.admin(&format!("{ITEMS}?offset=10000")).await;
    insta::assert_snapshot!(far.line());
    let people = app.admin(&format!("{ITEMS}/i3/people")).await;
    assert_eq!(people.status, 200, "{}", people.body);
    let detail = app.admin(&format!("{ITEMS}/i3")).await.body;
    assert_eq!(detail["days"][0]["n"], 2, "{detail}");
    assert_eq!((&detail["n_sampled"], &detail["n_days"]), (&detail["n_people"], &json!(28)));
}
