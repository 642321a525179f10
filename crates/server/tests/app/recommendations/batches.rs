//! Recommendations within batches.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{ids, shop};
use crate::recombee::{codes, request};

fn for_user(user: &str, more: Value) -> Value {
    let mut params = json!({ "count": 5 });
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request("POST", &format!("/recomms/users/{user}/items/"), params)
}

#[tokio::test]
async fn distinct_lists_of_a_user_share_nothing() {
    let app = shop().await;
    let requests = || {
        vec![
            for_user("u0", json!({})),
            for_user("u1", json!({})),
            for_user("u0", json!({ "logic": "trending" })),
            request(
                "POST",
                "/recomms/items/lamp0/items/",
                json!({ "count": 5, "targetUserId": "u0" }),
            ),
            request(
                "POST",
                "/search/users/u0/items/",
                json!({ "count": 5, "searchQuery": "lamp" }),
            ),
            request("POST", "/recomms/items/lamp0/items/", json!({ "count": 5 })),
            request("POST", "/recomms/items/lamp0/items/", json!({ "count": 5 })),
        ]
    };
    let ask = async |distinct: bool| -> Vec<Vec<String>> {
        let body = json!({ "requests": requests(), "distinctRecomms": distinct });
        let answers = app.recommend("batch/", body).await;
        answers.as_array().unwrap().iter().map(|answer| ids(&answer["json"])).collect()
    };
    let (free, distinct) = (ask(false).await, ask(true).await);
    assert_eq!(free[0], distinct[0]);
    assert_eq!(free[1], distinct[1], "other users have lists of their own");
    assert_eq!((&free[5], &free[5]), (&distinct[5], &distinct[6]), "nobody is shown nothing");
    let of_u0 = [0, 2, 3, 4].map(|n| distinct[n].clone()).concat();
    assert_eq!(of_u0.iter().collect::<BTreeSet<_>>().len(), of_u0.len(), "{of_u0:?}");
    let free_of_u0 = [0, 2, 3, 4].map(|n| free[n].clone()).concat();
    assert_ne!(
        free_of_u0.iter().collect::<BTreeSet<_>>().len(),
        free_of_u0.len(),
        "{free_of_u0:?}"
    );
}

#[tokio::test]
async fn lists_of_a_batch_see_what_its_earlier_requests_wrote() {
    let app = shop().await;
    let only = |filter: &str| for_user("u0", json!({ "filter": filter }));
    let answers = app
        .batch_of(json!([
            only("'itemId' == \"new\""),
            request("PUT", "/items/new", Value::Null),
            only("'itemId' == \"new\""),
            request("POST", "/items/new", json!({ "price": 0.5 })),
            only("'price' < 1"),
            request("POST", "/purchases/", json!({ "userId": "u0", "itemId": "new" })),
            only("'price' < 1"),
            request("POST", "/items/rug1", json!({ "price": 0.5, "title": "quokka" })),
            only("'price' < 1"),
            request(
                "POST",
                "/search/users/u0/items/",
                json!({ "count": 5, "searchQuery": "quokka" })
            ),
            request("DELETE", "/items/rug1", Value::Null),
            only("'price' < 1"),
            request(
                "POST",
                "/search/users/u0/items/",
                json!({ "count": 5, "searchQuery": "quokka" })
            ),
        ]))
        .await;
    let lists =
        answers.iter().filter(|(_, json)| json.is_object()).map(|(_, json)| ids(json).join(" "));
    assert_eq!(lists.collect::<Vec<_>>(), ["", "new", "new", "", "rug1", "rug1", "", ""]);
}

#[tokio::test]
async fn a_wrong_request_of_a_batch_fails_in_its_place() {
    let app = shop().await;
    let answers = app
        .batch_of(json!([
            for_user("u0", json!({})),
            for_user("u0", json!({ "count": 0 })),
            for_user("u0", json!({ "filter": "'price' <" })),
            for_user("nobody", json!({})),
            request("POST", "/recomms/users/u0/item-segments/", json!({ "count": 1 })),
            request("POST", "/recomms/next/items/7", json!({ "count": 1 })),
            request("PUT", "/items/new", Value::Null),
            for_user("u0", json!({ "filter": "'itemId' == \"new\"" })),
        ]))
        .await;
    assert_eq!(codes(&answers), [200, 400, 400, 404, 400, 400, 201, 200]);
    let errors = answers.iter().filter(|(code, _)| *code >= 400);
    let errors: Vec<String> = errors.map(|(_, json)| json.to_string()).collect();
    insta::assert_snapshot!(errors.join("\n"));
    assert_eq!(ids(&answers[7].1), ["new"]);
}

#[tokio::test]
async fn a_list_of_a_batch_can_be_continued_in_it() {
    let app = shop().await;
    let begun = app.batch_of(json!([for_user("u0", json!({}))])).await.remove(0).1;
    let next = request(
        "POST",
        &format!("/recomms/next/items/{}", begun["recommId"].as_str().unwrap()),
        json!({ "count": 5 }),
    );
    let answers = app.batch_of(json!([next, next])).await;
    let all = [ids(&begun), ids(&answers[0].1), ids(&answers[1].1)].concat();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 15, "{all:?}");
}

#[tokio::test]
async fn a_segment_takes_no_item_of_its_name_out_of_distinct_lists() {
    let app = shop().await;
    let scenario =
        json!({ "endpoint": "recommendItemSegmentsToUser", "segmentation": "categories" });
    app.put_scenario("segments", scenario).await;
    let requests = [
        request("PUT", "/items/rug", Value::Null),
        request(
            "POST",
            "/recomms/users/u0/item-segments/",
            json!({ "count": 3, "scenario": "segments" }),
        ),
        for_user("u0", json!({ "filter": "'itemId' == \"rug\"" })),
    ];
    let answers =
        app.recommend("batch/", json!({ "requests": requests, "distinctRecomms": true })).await;
    assert_eq!(ids(&answers[2]["json"]), ["rug"]);
}
