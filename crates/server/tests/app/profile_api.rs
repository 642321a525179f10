//! Profiles are read back.

use serde_json::{Value, json};

use crate::{TestApp, basic, track};

#[tokio::test]
async fn an_anonymous_history_becomes_the_users_and_moves_the_list() {
    let app = TestApp::new().await;
    let view = |n: u32, item: &str| {
        json!({ "type": "track", "messageId": format!("a{n}"), "anonymousId": "device", "event": "Product Viewed",
                "timestamp": format!("2023-01-0{n}T00:00:00Z"), "properties": { "product_id": item } })
    };
    let order =
        track(1, "ann", "Order Completed", json!({ "products": [{ "product_id": "lamp" }] }));
    app.batch(json!([view(1, "chair"), view(2, "table"), order])).await;
    let empty = app.profile("user_id:ann", "traits?include=recommended_items").await;
    assert_eq!(empty.body["traits"]["recommended_items"], json!(["chair", "table"]));
    let identify = json!({ "type": "identify", "userId": "ann", "anonymousId": "device", "messageId": "i",
                           "traits": { "name": "Ann", "address": { "city": "Oslo" } } });
    app.batch(json!([identify])).await;

    let answer = app.profile("anonymous_id:device", "traits").await;
    assert_eq!(answer.status, 200);
    let mut body = answer.body;
    body["traits"]["recommended_items__detail"]["computed_at"] = Value::Null;
    body["traits"]["recommended_items__detail"]["recomm_id"] = Value::Null;
    insta::assert_json_snapshot!(body);
    let events = app.profile("user_id:ann", "events?sort=asc").await.body;
    let ids: Vec<&str> = events["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["message_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["a1", "a2", "m1"]);
    let mut first = events["data"][0].clone();
    first["received_at"] = Value::Null;
    insta::assert_json_snapshot!(first);
    let ids = app.profile("user_id:ann", "external_ids").await.body;
    let shown: Vec<_> = ids["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| format!("{}:{}", id["type"], id["id"]))
        .collect();
    assert_eq!(shown, ["\"user_id\":\"ann\"", "\"anonymous_id\":\"device\""]);
    let metadata = app.profile("user_id:ann", "metadata").await.body;
    assert_eq!(metadata["metadata"]["first_message_id"], "a1");
    assert_eq!(metadata["metadata"]["last_message_id"], "i");
}

#[tokio::test]
async fn pages_go_through_everything_once() {
    let app = TestApp::new().await;
    let messages: Vec<Value> = (0..57)
        .map(|n| {
            let mut message =
                track(n, "ann", if n % 3 == 0 { "A" } else { "B" }, json!({ "n": n }));
            // Many at one instant.
            message["timestamp"] = (1_600_000_000 + n / 10).into();
            message
        })
        .collect();
    app.batch(messages.into()).await;
    for (filter, n_expected) in
        [("", 57), ("&include=A", 19), ("&exclude=A", 38), ("&include=A,B&exclude=B", 19)]
    {
        for sort in ["asc", "desc"] {
            let (mut seen, mut next) = (Vec::new(), String::new());
            loop {
                let page = app
                    .profile(
                        "user_id:ann",
                        &format!("events?limit=10&sort={sort}{filter}&next={next}"),
                    )
                    .await
                    .body;
                let data = page["data"].as_array().unwrap();
                seen.extend(
                    data.iter().map(|event| event["message_id"].as_str().unwrap().to_owned()),
                );
                next = page["cursor"]["next"].as_str().unwrap().to_owned();
                if page["cursor"]["has_more"] == false {
                    break;
                }
            }
            assert_eq!(seen.len(), n_expected, "{filter} {sort}");
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), n_expected, "{filter} {sort}");
        }
    }
    let some = app
        .profile(
            "user_id:ann",
            "events?start=2020-09-13T12:26:41Z&end=2020-09-13T12:26:43Z&limit=100",
        )
        .await
        .body;
    assert_eq!(some["data"].as_array().unwrap().len(), 20);

    let traits: serde_json::Map<String, Value> =
        (0..25).map(|n| (format!("t{n:02}"), n.into())).collect();
    app.batch(json!([{ "type": "identify", "userId": "ann", "messageId": "i", "traits": traits }]))
        .await;
    let (mut keys, mut next) = (Vec::new(), String::new());
    for _ in 0..3 {
        let page = app.profile("user_id:ann", &format!("traits?limit=10&next={next}")).await.body;
        keys.extend(page["traits"].as_object().unwrap().keys().cloned());
        next = page["cursor"]["next"].as_str().unwrap().to_owned();
    }
    assert_eq!((keys.len(), next.as_str()), (27, ""));
    let computed = app.profile("user_id:ann", "traits?class=computed_trait").await.body;
    assert_eq!(computed["traits"].as_object().unwrap().len(), 2);
    let verbose = app.profile("user_id:ann", "traits?include=t03&verbose=true").await.body;
    assert_eq!(verbose["traits"]["t03"]["value"], 3);
    assert_eq!(verbose["traits"]["t03"]["source_id"], "web");
}

#[tokio::test]
async fn mistakes_have_answers() {
    let app = TestApp::new().await;
    app.batch(json!([track(1, "a/b é:c", "E", json!({}))])).await;
    assert_eq!(app.profile("user_id:a%2Fb%20%C3%A9:c", "events").await.status, 200);
    let mut lines = Vec::new();
    for (id, rest) in [
        ("user_id:nobody", "traits"),
        ("nobody", "traits"),
        ("email:a@b.c", "traits"),
        ("user_id:%FF", "traits"),
        ("user_id:a%2Fb%20%C3%A9:c", "traits?limit=201"),
        ("user_id:a%2Fb%20%C3%A9:c", "traits?limit=-1"),
        ("user_id:a%2Fb%20%C3%A9:c", "traits?class=x"),
        ("user_id:a%2Fb%20%C3%A9:c", "traits?verbose=maybe"),
        ("user_id:a%2Fb%20%C3%A9:c", "traits?next=%25"),
        ("user_id:a%2Fb%20%C3%A9:c", "events?sort=up"),
        ("user_id:a%2Fb%20%C3%A9:c", "events?start=soon"),
        ("user_id:a%2Fb%20%C3%A9:c", "events?next=bm9uc2Vuc2U"),
        ("user_id:a%2Fb%20%C3%A9:c", "external_ids?next=bm9uc2Vuc2U"),
        ("user_id:a%2Fb%20%C3%A9:c", "nothing"),
    ] {
        lines.push(format!("{id}/{rest}  {}", app.profile(id, rest).await.line()));
    }
    let place = |space: &str, collection: &str| {
        format!("/v1/spaces/{space}/collections/{collection}/profiles/user_id:u/traits")
    };
    for (space, collection, user) in
        [("shop", "users", "wrong"), ("other", "users", "profile"), ("shop", "accounts", "profile")]
    {
        let answer = app.get(&place(space, collection), &[("authorization", &basic(user))]).await;
        lines.push(format!("{space} {collection} {user}  {}", answer.line()));
    }
    lines.push(app.get(&place("shop", "users"), &[]).await.line());
    insta::assert_snapshot!(lines.join("\n"));
}
