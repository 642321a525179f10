//! The Profile API whole: users and accounts, by every route, with the answers as they are.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use crate::{Answer, TestApp, basic, track};

const PROFILES: &str = "/v1/spaces/shop/collections";

impl TestApp {
    /// A server whose workspace has rules of identity.
    pub(crate) async fn with_identity(rules: Value) -> Self {
        let app = Self::new().await;
        let request = Request::builder()
            .method(Method::PATCH)
            .uri("/api/workspaces/shop/settings")
            .header("authorization", "Bearer admin")
            .header("content-type", "application/json");
        let body = Body::from(json!({ "identity": rules }).to_string());
        let answer = app.send(request.body(body).unwrap()).await;
        assert_eq!(answer.status, 200, "{}", answer.line());
        app
    }

    pub(crate) async fn account(&self, id: &str, rest: &str) -> Answer {
        let path = format!("{PROFILES}/accounts/profiles/{id}/{rest}");
        self.get(&path, &[("authorization", &basic("profile"))]).await
    }

    async fn post_profiles(&self, path: &str, body: Value) -> Answer {
        let headers = [("authorization", basic("profile"))];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        self.post(&format!("{PROFILES}/{path}"), body.to_string(), &headers).await
    }

    /// Ann and Bob, who belong to Acme. Ann has an address and a card.
    pub(crate) async fn with_people() -> Self {
        let app = Self::with_identity(json!({ "version": 1 })).await;
        let card =
            json!({ "id": "card-7", "type": "card", "collection": "users", "encoding": "none" });
        let ann = json!({ "type": "identify", "userId": "ann", "anonymousId": "phone", "messageId": "i1",
            "timestamp": "2023-01-02T00:00:00Z", "context": { "externalIds": [card] },
            "traits": { "email": "ann@example.com", "plan": "gold" } });
        let older = json!({ "type": "identify", "userId": "ann", "messageId": "i2",
            "timestamp": "2023-01-01T00:00:00Z", "traits": { "plan": "free", "city": "Oslo" } });
        let group = |n: u32, user: &str, group: &str, traits: Value| {
            json!({ "type": "group", "userId": user, "groupId": group, "messageId": format!("g{n}"),
                    "timestamp": format!("2023-01-0{n}T00:00:00Z"), "traits": traits })
        };
        app.batch(json!([
            ann,
            older,
            group(1, "ann", "acme", json!({ "name": "Acme", "seats": 10 })),
            group(3, "bob", "acme", json!({ "seats": 12 })),
            group(2, "ann", "umbrella", json!({ "seats": 1 })),
            track(1, "ann", "Signed Up", json!({ "n": 1 })),
            track(2, "bob", "Signed Up", json!({ "n": 2 })),
        ]))
        .await;
        app
    }
}

/// An answer without what differs between runs.
fn stable(mut body: Value) -> Value {
    match &mut body {
        Value::Object(members) => {
            for (key, value) in members {
                let differs = ["created_at", "received_at", "timestamp", "context"];
                *value = if differs.contains(&key.as_str()) {
                    json!("...")
                } else {
                    stable(value.take())
                };
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| *value = stable(value.take())),
        _ => {}
    }
    body
}

#[tokio::test]
async fn every_part_of_a_person_and_of_an_account_has_its_answer() {
    let app = TestApp::with_people().await;
    let mut shown = Vec::new();
    for (id, rest) in [
        ("email:ann@example.com", "traits?include=plan,city,email&verbose=true"),
        ("card:card-7", "external_ids?verbose=true&include=email,card"),
        ("user_id:ann", "external_ids?limit=1"),
        ("anonymous_id:phone", "links"),
        ("user_id:ann", "links?limit=1"),
        ("user_id:ann", "events"),
    ] {
        let answer = app.profile(id, rest).await;
        assert!(answer.headers.contains_key("request-id"), "{id}/{rest}");
        shown.push(json!({ format!("users {id}/{rest}"): stable(answer.body) }));
    }
    for rest in
        ["traits", "external_ids", "links", "events?sort=asc", "traits?class=computed_trait"]
    {
        let answer = app.account("group_id:acme", rest).await;
        assert_eq!(answer.status, 200, "{}", answer.line());
        shown.push(json!({ format!("accounts acme/{rest}"): stable(answer.body) }));
    }
    insta::assert_json_snapshot!(shown);

    let metadata = app.account("group_id:acme", "metadata").await.body["metadata"].clone();
    assert_eq!(
        (&metadata["first_message_id"], &metadata["last_message_id"]),
        (&json!("g1"), &json!("g3"))
    );
    let metadata =
        app.profile("user_id:ann", "metadata?verbose=true").await.body["metadata"].clone();
    assert_eq!((&metadata["external_ids"], &metadata["merges"]), (&json!(4), &json!(0)));

    let (mut groups, mut next) = (Vec::new(), String::new());
    for _ in 0..2 {
        let page = app.profile("user_id:ann", &format!("links?limit=1&next={next}")).await.body;
        groups.push(page["data"][0]["external_ids"][0]["id"].clone());
        next = page["cursor"]["next"].as_str().unwrap().to_owned();
    }
    assert_eq!((groups, next.as_str()), (vec![json!("acme"), json!("umbrella")], ""));
}

#[tokio::test]
async fn an_answer_that_the_caller_has_is_not_sent_again() {
    let app = TestApp::with_people().await;
    let path = format!("{PROFILES}/users/profiles/user_id:ann/traits?include=plan");
    let auth = basic("profile");
    let first = app.get(&path, &[("authorization", &auth)]).await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    let headers = [("authorization", auth.as_str()), ("if-none-match", tag.as_str())];
    let same = app.get(&path, &headers).await;
    assert_eq!(
        (same.status.as_u16(), &same.body, &same.headers["etag"]),
        (304, &json!(""), &first.headers["etag"])
    );
    app.batch(json!([{ "type": "identify", "userId": "ann", "messageId": "i9", "traits": { "plan": "none" } }])).await;
    let changed = app.get(&path, &headers).await;
    assert_eq!((changed.status.as_u16(), &changed.body["traits"]["plan"]), (200, &json!("none")));
}

#[tokio::test]
async fn many_profiles_are_read_at_once() {
    let app = TestApp::with_people().await;
    let body = json!({ "profiles": ["user_id:ann", "user_id:nobody", "email:ann@example.com", "x"], "include": ["plan"] });
    let answer = app.post_profiles("users/profiles/batch", body).await;
    let accounts = json!({ "profiles": ["group_id:acme"], "verbose": true, "include": ["seats"] });
    let accounts = app.post_profiles("accounts/profiles/batch", accounts).await;
    insta::assert_json_snapshot!([answer.body, accounts.body]);
    for body in
        [json!({ "profiles": [] }), json!({ "profiles": vec!["user_id:ann"; 101] }), json!([])]
    {
        assert_eq!(app.post_profiles("users/profiles/batch", body).await.status, 400);
    }
}

#[tokio::test]
async fn one_id_of_a_person_is_deleted() {
    let app = TestApp::with_people().await;
    let mut lines = Vec::new();
    for (name, deleted) in [
        ("user_id:ann", json!([{ "id": "ann@example.com", "type": "email" }])),
        ("user_id:ann", json!([{ "id": "ann@example.com", "type": "email" }])),
        ("user_id:ann", json!([{ "id": "ann", "type": "user_id" }])),
        ("user_id:ann", json!([{ "id": "acme", "type": "group_id" }])),
        ("user_id:ann", json!([{ "id": "a", "type": "x" }, { "id": "b", "type": "x" }])),
        ("anonymous_id:phone", json!([{ "id": "card-7", "type": "card" }])),
        ("user_id:nobody", json!([{ "id": "a", "type": "x" }])),
    ] {
        let path = format!("users/profiles/{name}/external_ids/delete");
        let answer = app.post_profiles(&path, json!({ "delete_external_ids": deleted })).await;
        lines.push(format!("{name} {deleted}  {}", answer.line()));
    }
    assert_eq!(app.profile("email:ann@example.com", "traits").await.status, 404);
    lines.push(app.account("group_id:none", "traits").await.line());
    lines.push(app.account("user_id:ann", "traits").await.line());
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_message_whose_ids_are_all_blocked_is_nobodys() {
    let app = TestApp::with_people().await;
    app.batch(json!([{ "type": "track", "anonymousId": "null", "event": "Product Viewed", "messageId": "b",
                       "properties": { "product_id": "lamp" } }]))
        .await;
    assert_eq!(app.profile("anonymous_id:null", "events").await.status, 404);
    let rejections = app.admin("/api/workspaces/shop/rejections").await.body;
    let latest = &rejections["latest"][0];
    assert_eq!(
        (&latest["reason"], &latest["message_id"]),
        (&json!("identity_limit"), &json!("b")),
        "{rejections}"
    );
}

#[tokio::test]
async fn an_account_has_what_the_events_of_all_its_members_come_to() {
    let app = TestApp::with_people().await;
    let order = |user: &str, id: &str, total: u32| {
        json!({ "type": "track", "event": "Order Completed", "userId": user, "messageId": id,
            "properties": { "total": total } })
    };
    app.batch(json!([order("ann", "o1", 30), order("bob", "o2", 12)])).await;
    let spent = json!({ "of": "accounts", "type": "sum", "event": "Order Completed",
        "property": "total", "last": "30 days" });
    let made = app.put_in_shop("computed_traits/account_spent", spent.clone()).await;
    assert_eq!((made.status.as_u16(), &made.body["of"]), (201, &json!("accounts")));
    let mut with_session = spent.clone();
    with_session["session"] = with_session["last"].take();
    with_session.as_object_mut().unwrap().remove("last");
    let mut with_sync = spent;
    with_sync["sync"] = json!({ "destinations": ["crm"] });
    for (wrong, at) in [(with_session, "session"), (with_sync, "sync")] {
        let refused = app.put_in_shop("computed_traits/wrong", wrong).await;
        assert_eq!(refused.status, 400, "{}", refused.line());
        assert!(refused.line().contains(&format!("{at}: ")), "{}", refused.line());
    }
    let audience = json!({ "condition": "account trait account_spent >= 50" });
    let made = app.put_in_shop("audiences/spending", audience).await;
    assert_eq!(made.status, 201, "{}", made.line());

    // The past is read behind the answer.
    let path = "traits?class=computed_trait&verbose=true";
    let mut value = Value::Null;
    for n in 100..300 {
        app.batch(json!([track(n, "cat", "Seen", json!({}))])).await;
        value = app.account("group_id:acme", path).await.body["traits"]["account_spent"].clone();
        if value["value"] == json!(42) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!((&value["value"], &value["source_id"]), (&json!(42), &json!("computed")));
    let umbrella = app.account("group_id:umbrella", path).await.body["traits"].clone();
    assert_eq!(umbrella["account_spent"]["value"], json!(30), "Ann is a member of both");

    app.batch(json!([order("bob", "o3", 8), order("bob", "o3", 8)])).await;
    let ann = app.profile("user_id:ann", "traits?include=account_spent,spending").await.body;
    assert_eq!(ann["traits"], json!({ "spending": true }), "it is no trait of people");
    let shown = app.admin("/api/workspaces/shop/people/user_id:ann").await;
    let accounts = &shown.body["accounts"];
    assert_eq!(accounts[0]["computed_traits"][0]["value"], json!(50), "{}", shown.line());

    let path = "/api/workspaces/shop/computed_traits/account_spent";
    let removed = app.administer(Method::DELETE, path, Value::Null, &[]).await;
    assert_eq!(removed.status, 409, "an audience asks for it");
}
