//! Records come in as CleverTap's upload API takes them.

use axum::body::{Body, Bytes};
use axum::http::Request;
use futures_util::stream;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{Answer, TestApp};

const WEB: [(&str, &str); 2] = [("x-clevertap-account-id", "key"), ("x-clevertap-passcode", "key")];

async fn upload(app: &TestApp, records: &Value) -> Answer {
    app.post("/1/upload", json!({ "d": records }).to_string(), &WEB).await
}

fn viewed(ts: i64, item: &str) -> Value {
    json!({
        "type": "event", "identity": "u1", "ts": ts, "evtName": "Product Viewed",
        "evtData": { "product_id": item },
    })
}

#[tokio::test]
async fn records_become_messages_that_count_once() {
    let app = TestApp::new().await;
    let records = json!([
        viewed(1_700_000_000, "i1"),
        { "type": "profile", "identity": "u1", "ts": 1_700_000_001, "profileData": {
            "Name": "Ada", "Email": "ada@example.org", "DOB": "$D_500000000", "Plan": "gold",
            "Colours": { "$set": ["red", "blue", "red"] },
        } },
        { "type": "event", "objectId": "d1", "ts": 1_700_000_002, "evtName": "Opened" },
        { "type": "event", "FBID": 77, "ts": "1700000003", "evtName": "Opened" },
        { "type": "event", "identity": "u1", "ts": 1_700_000_004, "evtName": "Charged", "evtData": {
            "Amount": 30.5, "Currency": "EUR", "Charged ID": "o1", "Payment Mode": "Card",
            "Items": [{ "Item ID": 2, "Category": "Books", "Quantity": 3, "Price": 10.0 }],
        } },
    ]);
    for _ in 0..2 {
        let answer = upload(&app, &records).await;
        let expected = json!({ "status": "success", "processed": 5, "unprocessed": [] });
        assert_eq!((answer.status.as_u16(), answer.body), (200, expected));
    }
    assert_eq!(app.engine.counts().message_ids, 5);
    assert_eq!(app.engine.counts().interactions, 2, "a view and a purchase");
    let mut traits = app.profile("user_id:u1", "traits").await.body["traits"].take();
    traits.as_object_mut().unwrap().retain(|key, _| !key.starts_with("recommended_items"));
    insta::assert_json_snapshot!(traits);
    let events = app.profile("user_id:u1", "events").await;
    let order =
        events.body["data"].as_array().unwrap().iter().find(|e| e["event"] == "Order Completed");
    insta::assert_json_snapshot!(order.unwrap()["properties"]);
    for id in ["anonymous_id:d1", "anonymous_id:fbid:77"] {
        assert_eq!(app.profile(id, "events").await.status, 200, "{id}");
    }
}

#[tokio::test]
async fn each_record_over_a_limit_is_refused_with_its_code() {
    let app = TestApp::new().await;
    let event =
        |data: Value| json!({ "type": "event", "identity": "u", "evtName": "E", "evtData": data });
    let many = |n: usize| Value::Object((0..n).map(|n| (format!("k{n}"), json!(n))).collect());
    let item = json!({ "id": "i" });
    let profile = |data: Value| json!({ "type": "profile", "identity": "u", "profileData": data });
    let charged = |n: usize| json!({ "type": "event", "identity": "u", "evtName": "Charged", "evtData": { "Items": vec![&item; n] } });
    let good = json!([
        event(many(256)),
        event(json!({ "x".repeat(120): "x".repeat(512) })),
        profile(json!({ "many": (0..300).collect::<Vec<_>>() })),
        charged(256),
    ]);
    let answer = upload(&app, &good).await;
    assert_eq!(answer.body["status"], "success", "{}", answer.body);
    let traits = app.profile("user_id:u", "traits").await;
    let many_values = traits.body["traits"]["many"].as_array().unwrap();
    assert_eq!((many_values.len(), &many_values[0]), (100, &json!(200)), "the latest are kept");

    let bad = json!([
        7,
        { "type": "token", "identity": "u" },
        { "type": "event", "evtName": "E" },
        { "type": "event", "identity": "u", "objectId": "o", "evtName": "E" },
        { "type": "event", "identity": "..", "evtName": "E" },
        { "type": "event", "identity": "u" },
        { "type": "event", "identity": "u", "evtName": "A&B" },
        { "type": "event", "identity": "u", "evtName": "E", "ts": "soon" },
        { "type": "event", "identity": "u", "evtName": "E", "ts": i64::MAX },
        event(many(257)),
        event(json!({ "x".repeat(121): 1 })),
        event(json!({ "k": "x".repeat(513) })),
        event(json!({ "k": [1] })),
        profile(many(257)),
        profile(json!({ "k": { "$incr": 1 } })),
        charged(257),
        event(json!({})),
    ]);
    let answer = upload(&app, &bad).await;
    assert_eq!(answer.status, 200);
    assert_eq!((&answer.body["status"], &answer.body["processed"]), (&json!("partial"), &json!(1)));
    let lines: Vec<String> = answer.body["unprocessed"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
        .map(|(n, refused)| {
            assert_eq!((&refused["status"], &refused["record"]), (&json!("fail"), &bad[n]));
            let error = refused["error"].as_str().unwrap().replace(&"x".repeat(120), "(120 x)");
            format!("{} {error}", refused["code"])
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
    let rejections = app.admin("/api/workspaces/shop/rejections").await;
    assert_eq!(rejections.body["total"], 16, "what was refused can be looked up");
    let answer = upload(&app, &json!([7])).await;
    assert_eq!((answer.status.as_u16(), &answer.body["status"]), (200, &json!("fail")));
}

#[tokio::test]
async fn an_account_is_a_source_and_its_passcode_a_token_of_it() {
    let app = TestApp::new().await;
    let body = || json!({ "d": [viewed(1, "i")] }).to_string();
    let mut lines = Vec::new();
    for (account, passcode) in [
        ("key", "key"),
        ("bearer-key", "t2"),
        ("bearer-key", "bearer-key"),
        ("key", "t2"),
        ("nope", "nope"),
        ("off-key", "off-key"),
        ("key", ""),
    ] {
        let headers = [("x-clevertap-account-id", account), ("x-clevertap-passcode", passcode)];
        let answer = app.post("/1/upload", body(), &headers).await;
        lines.push(format!("{account} {passcode}: {} {}", answer.status.as_u16(), answer.body));
    }
    for body in ["{", "[]", "{}", "{\"d\":[]}", "{\"d\":{}}"] {
        let answer = app.post("/1/upload", body, &WEB).await;
        lines.push(format!("{body}: {} {}", answer.status.as_u16(), answer.body));
    }
    let answer = upload(&app, &json!(vec![7; 1_001])).await;
    lines.push(format!("1001 records: {} {}", answer.status.as_u16(), answer.body));
    insta::assert_snapshot!(lines.join("\n"));
    // A workspace may be named as the path begins.
    let line = async |id: &str| {
        let answer = app.get(&format!("/{id}/items/list/"), &[]).await;
        format!("{} {}", answer.status, answer.body).replace(id, "(id)")
    };
    assert_eq!(line("1").await, line("9").await);
}

#[tokio::test]
async fn the_sixteenth_call_of_an_account_at_once_is_told_to_wait() {
    let app = TestApp::new().await;
    let begin = || {
        let request =
            WEB.iter().fold(Request::post("/1/upload"), |r, (name, value)| r.header(*name, *value));
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let whole = Bytes::from(json!({ "d": [viewed(1, "i")] }).to_string());
        let body = Body::from_stream(stream::once(async move {
            receiver.await.map(|()| whole).map_err(std::io::Error::other)
        }));
        let call = tokio::spawn(app.router.clone().oneshot(request.body(body).unwrap()));
        (sender, call)
    };
    let calls: Vec<_> = (0..15).map(|_| begin()).collect();
    // The test has one thread: each call runs until it waits for its body.
    tokio::task::yield_now().await;
    let answer = upload(&app, &json!([viewed(2, "i")])).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.body["error"], "Too many concurrent requests");
    assert!(answer.headers.contains_key("retry-after"));
    let other = [("x-clevertap-account-id", "bearer-key"), ("x-clevertap-passcode", "t1")];
    let answer = app.post("/1/upload", json!({ "d": [viewed(3, "i")] }).to_string(), &other).await;
    assert_eq!(answer.status, 200, "another account is not concerned");
    for (sender, call) in calls {
        sender.send(()).unwrap();
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(upload(&app, &json!([viewed(2, "i")])).await.status, 200);
}
