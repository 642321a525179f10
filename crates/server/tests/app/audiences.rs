//! Audiences over HTTP: they are kept as messages come, and are traits of the people in them.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use domain::Timestamp;
use engine::ManualClock;
use serde_json::{Value, json};

use crate::{Answer, TestApp, track};

const START: &str = "/api/workspaces/shop/audiences";
/// 2026-03-01T12:00:00Z.
const NOON: i64 = 1_772_366_400_000;
const DAY_MS: i64 = 86_400_000;

impl TestApp {
    async fn put_audience(&self, key: &str, condition: Value) -> Answer {
        self.change_audience(Method::PUT, key, json!({ "condition": condition })).await
    }

    async fn change_audience(&self, method: Method, key: &str, body: Value) -> Answer {
        self.send_json(method, &format!("{START}/{key}"), body).await
    }

    async fn preview_audience(&self, condition: Value) -> Answer {
        let path = "/api/workspaces/shop/audience_previews";
        self.send_json(Method::POST, path, json!({ "condition": condition })).await
    }

    async fn send_json(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", "Bearer admin")
            .body(Body::from(body.to_string()));
        self.send(request.unwrap()).await
    }

    /// The traits of a class, as far as they are of audiences.
    async fn memberships(&self, user: &str) -> Value {
        let rest = "traits?class=audience";
        self.profile(&format!("user_id:{user}"), rest).await.body["traits"].clone()
    }
}

fn ordered(n: u32, user: &str, at_ms: i64) -> Value {
    let mut order = track(n, user, "Order Completed", json!({ "total": 10 }));
    order["timestamp"] = Timestamp(at_ms).to_string().into();
    order
}

#[tokio::test]
async fn who_ordered_lately_has_a_trait_that_turns_false_when_the_time_is_over() {
    let clock = Arc::new(ManualClock::new(Timestamp(NOON)));
    let app = TestApp::at(clock.clone()).await;
    let lately = "did \"Order Completed\" in the last 30 days";
    assert_eq!(app.put_audience("lately", json!(lately)).await.status, 201);
    let others = json!({ "not": { "audience": "lately" } });
    assert_eq!(app.put_audience("others", others).await.status, 201);
    app.batch(json!([ordered(1, "ann", NOON), ordered(2, "bob", NOON - 40 * DAY_MS)])).await;
    assert_eq!(app.memberships("ann").await, json!({ "lately": true }));
    assert_eq!(app.memberships("bob").await, json!({ "others": true }));
    let both = app.profile("user_id:ann", "traits?include=lately,others&verbose=true").await;
    let lately = &both.body["traits"]["lately"];
    assert_eq!((&lately["value"], &lately["source_id"]), (&json!(true), &json!("audience")));

    // A single message does not move the clock of the journal by weeks.
    for day in (2..30u32).step_by(2) {
        clock.set(Timestamp(NOON + i64::from(day) * DAY_MS));
        app.batch(json!([track(10 + day, "cat", "Seen", json!({}))])).await;
    }
    // A millisecond before the order is 30 days old, and then.
    clock.set(Timestamp(NOON + 30 * DAY_MS - 1));
    app.batch(json!([track(3, "cat", "Seen", json!({}))])).await;
    assert_eq!(app.memberships("ann").await, json!({ "lately": true }));
    clock.set(Timestamp(NOON + 30 * DAY_MS));
    app.batch(json!([track(4, "cat", "Seen", json!({}))])).await;
    assert_eq!(app.memberships("ann").await, json!({ "lately": false, "others": true }));
    let members = app.admin(&format!("{START}/others/members")).await.body;
    assert_eq!(members["members"].as_array().unwrap().len(), 3, "{members}");
    let ann = app.admin("/api/workspaces/shop/people/user_id:ann/audiences").await.body;
    let stay = &ann["audiences"][0]["stays"][0];
    assert_eq!(stay["left"], Timestamp(NOON + 30 * DAY_MS).to_string(), "{ann}");
}

#[tokio::test]
async fn what_is_wrong_with_an_audience_is_told() {
    let app = TestApp::new().await;
    assert_eq!(app.put_audience("a", json!("did \"X\"")).await.status, 201);
    assert_eq!(app.put_audience("b", json!("in audience a")).await.status, 201);
    let mut lines = Vec::new();
    for (key, condition) in [
        ("a", json!("not in audience b")),
        ("c", json!("did \"X\" at leest 2 times")),
        ("c", json!({ "did": "X", "at_leest": 2 })),
        ("c", json!("in audience nowhere")),
        ("c", json!("recommended item \"lamp\"")),
        ("C-d", json!("did \"X\"")),
    ] {
        let answer = app.put_audience(key, condition.clone()).await;
        lines.push(format!("{key}: {condition}\n  {}", answer.line()));
    }
    let named = app.change_audience(Method::DELETE, "a", Value::Null).await;
    lines.push(format!("DELETE a\n  {}", named.line()));
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_preview_says_how_many_by_what_they_are_reached_and_why() {
    let app = TestApp::at(Arc::new(ManualClock::new(Timestamp(NOON)))).await;
    assert_eq!(app.put_audience("vip", json!("trait vip = true")).await.status, 201);
    let known = json!({ "type": "identify", "messageId": "i", "userId": "ann",
        "traits": { "vip": true, "email": "ann@shop.example" } });
    app.batch(json!([
        ordered(1, "ann", NOON),
        ordered(2, "ann", NOON),
        ordered(3, "bob", NOON),
        known
    ]))
    .await;
    let preview = async |condition: Value| app.preview_audience(condition).await;
    let twice = "did \"Order Completed\" at least 2 times in the last 30 days";
    let answer = preview(json!(twice)).await;
    assert_eq!(answer.status, 200);
    let body = answer.body;
    let one = json!({ "count": 1, "low": 1, "high": 1, "is_exact": true });
    let none = json!({ "count": 0, "low": 0, "high": 0, "is_exact": true });
    assert_eq!(
        (&body["people"], &body["n_profiles"], &body["n_asked"]),
        (&one, &json!(2), &json!(2))
    );
    let reach = ["email", "phone", "push", "user_id", "anonymous_only"];
    let numbers = [&one, &none, &none, &one, &none];
    for (n, (channel, people)) in reach.into_iter().zip(numbers).enumerate() {
        assert_eq!(body["reach"][n], json!({ "channel": channel, "people": people }));
    }
    let overlap = json!([{ "audience": "vip", "both": one, "n_members": 1 }]);
    assert_eq!(body["overlaps"], overlap);
    let sample = &body["sample"][0];
    assert_eq!(sample["person"]["id"], "ann");
    let because = "Order Completed 2 times in this time, the last on 2026-03-01 12:00 UTC";
    assert_eq!(sample["why"], json!({ "part": twice, "holds": true, "because": because }));
    // What was previewed can be sent as it came back.
    let again = preview(body["condition_json"].clone()).await.body;
    assert_eq!(again["condition"], twice);

    for (condition, mistake) in [
        (json!("dod Order"), "condition: column 1"),
        (json!({ "and": [{ "audience": "vip" }, { "audienc": "vip" }] }), "did you mean"),
        (json!("in audience vipp"), "did you mean \"vip\"?"),
        (json!("trait recommended_items__detail exists"), "ask for \"recommended_items\""),
    ] {
        let refused = preview(condition).await;
        let text = refused.body.to_string().replace("\\\"", "\"");
        assert_eq!(refused.status, 400, "{text}");
        assert!(text.contains(mistake), "{text}");
    }
}

#[tokio::test]
async fn a_preview_warns_of_traits_of_accounts_that_nobody_can_have() {
    let app = TestApp::new().await;
    let condition = json!("account trait plan = \"pro\"");
    let warnings = async || app.preview_audience(condition.clone()).await.body["warnings"].clone();
    let group = |id: &str| json!({ "type": "group", "messageId": id, "userId": "ann", "groupId": "acme", "traits": { "plan": "pro" } });
    app.batch(json!([group("before")])).await;
    let told = warnings().await;
    assert!(told[0].as_str().unwrap().contains("no identity rules"), "{told}");
    let settings = "/api/workspaces/shop/settings";
    let rules = json!({ "identity": { "version": 1 } });
    assert_eq!(app.send_json(Method::PATCH, settings, rules).await.status, 200);
    let told = warnings().await;
    assert!(told[0].as_str().unwrap().contains("no group message"), "{told}");
    app.batch(json!([group("after")])).await;
    assert_eq!(warnings().await, Value::Null);
    let other = app.preview_audience(json!("trait plan = \"pro\"")).await.body;
    assert_eq!(other.get("warnings"), None);
}

#[tokio::test]
async fn a_preview_warns_of_traits_that_only_the_other_of_people_and_accounts_can_have() {
    let app = TestApp::with_identity(json!({ "version": 1 })).await;
    app.batch(json!([
        { "type": "group", "userId": "ann", "groupId": "acme",
            "traits": { "plan": "pro", "address": { "city": "Oslo" } } },
        { "type": "identify", "userId": "ann", "traits": { "seats": 2 } },
    ]))
    .await;
    for (key, of) in [("spent", "people"), ("account_spent", "accounts"), ("seats", "accounts")] {
        let sum = json!({ "of": of, "type": "sum", "event": "Order", "property": "total" });
        let path = format!("computed_traits/{key}");
        assert_eq!(app.put_in_shop(&path, sum).await.status, 201);
    }
    for (condition, expected) in [
        ("account trait plan = \"pro\"", None),
        ("account trait address.city = \"Oslo\"", None),
        ("account trait account_spent > 3", None),
        ("trait spent > 3", None),
        ("trait never_sent exists", None),
        // Sources set one of this key as well.
        ("trait seats > 1", None),
        ("account trait plann = \"pro\"", Some("no account has the trait plann: no group message")),
        ("account trait spent > 3 and trait spent > 3", Some("ask for `trait spent`")),
        ("not trait account_spent > 3", Some("ask for `account trait account_spent`")),
    ] {
        let preview = app.preview_audience(json!(condition)).await.body;
        let warnings = preview["warnings"].as_array().cloned().unwrap_or_default();
        assert_eq!(warnings.len(), usize::from(expected.is_some()), "{condition}: {preview}");
        if let Some(expected) = expected {
            assert!(warnings[0].as_str().unwrap().contains(expected), "{condition}: {preview}");
        }
    }
}

#[tokio::test]
async fn a_new_audience_says_that_not_everybody_is_worked_out_and_no_history_of_nobody() {
    let app = TestApp::new().await;
    let made = app.put_audience("big", json!("did \"Order\" where total > 4")).await.body;
    assert_eq!(made.get("history"), None, "{made}");
    assert!(made["is_worked_out"].is_boolean(), "{made}");
    for _ in 0..100 {
        let read = app.admin(&format!("{START}/big")).await.body;
        if read["is_worked_out"] == true {
            return assert_eq!(read.get("history"), None, "{read}");
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("nobody is worked out");
}

#[tokio::test]
async fn a_person_is_told_why_they_belong_or_do_not() {
    let app = TestApp::at(Arc::new(ManualClock::new(Timestamp(NOON)))).await;
    let condition = "did \"Order Completed\" in the last 30 days and not trait vip = true";
    assert_eq!(app.put_audience("plain", json!(condition)).await.status, 201);
    app.batch(json!([ordered(1, "ann", NOON), track(2, "bob", "Seen", json!({}))])).await;
    let why = async |user: &str| {
        app.admin(&format!("/api/workspaces/shop/people/{user}/audiences/plain")).await.body
    };
    let ann = why("ann").await;
    assert_eq!((&ann["is_member"], &ann["why"]["holds"]), (&json!(true), &json!(true)));
    assert_eq!(ann["why"]["parts"][1]["parts"][0]["because"], "vip is not known");
    let bob = why("bob").await;
    assert_eq!((&bob["is_member"], &bob["why"]["holds"]), (&json!(false), &json!(false)));
    assert_eq!(bob["why"]["parts"][0]["because"], "Order Completed never in this time");
}

#[tokio::test]
async fn what_can_be_kept_can_be_previewed_and_an_unknown_audience_is_refused() {
    let app = TestApp::new().await;
    app.put_audience("known", json!("trait plan = \"gold\"")).await;
    app.batch(json!([
        track(1, "ann", "Product Viewed", json!({ "product_id": "a" })),
        track(2, "bob", "Product Viewed", json!({ "product_id": "b" })),
    ]))
    .await;
    for condition in ["trait recommended_items has \"a\"", "recommended item \"a\""] {
        let previewed = app.preview_audience(json!(condition)).await;
        assert_eq!(previewed.status, 200, "{condition}: {}", previewed.line());
        let people = &previewed.body["people"];
        assert_eq!((&people["count"], &people["is_exact"]), (&json!(2), &json!(true)), "{people}");
        let kept = app.put_audience("asking", json!(condition)).await;
        assert!(kept.status.is_success(), "{condition}: {}", kept.line());
    }
    let condition = json!("in audience unheard");
    let kept = app.put_audience("asking", condition.clone()).await;
    for answer in [kept, app.preview_audience(condition).await] {
        assert_eq!(answer.status, 400, "{}", answer.line());
        assert!(answer.line().contains("audience \"unheard\" is unknown"), "{}", answer.line());
    }
}
