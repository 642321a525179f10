//! The recommender API: signatures, batches, and mistakes that change nothing.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use tower::ServiceExt;

use super::{Answer, TestApp};

impl TestApp {
    /// A call signed with the private token.
    pub(super) async fn call(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        let target = format!("/shop/{path}");
        let target = format!("{target}{}hmac_timestamp={}", join(&target), engine::now().0 / 1_000);
        self.signed(method, &target, "hmac_sign", "private", body).await
    }

    pub(super) async fn signed(
        &self,
        method: Method,
        target: &str,
        name: &str,
        token: &str,
        body: impl Into<Body>,
    ) -> Answer {
        self.send(signed(method, target, name, token, body)).await
    }

    /// The same, with a body that is not read yet.
    pub(super) async fn unread(
        &self,
        method: Method,
        target: &str,
        name: &str,
        token: &str,
        body: impl Into<Body>,
    ) -> Response {
        self.router.clone().oneshot(signed(method, target, name, token, body)).await.unwrap()
    }

    /// A call signed with the public token, as from a page.
    pub(super) async fn public(&self, path: &str, body: Value) -> Answer {
        let target = format!("/shop/{path}");
        let target =
            format!("{target}{}frontend_timestamp={}", join(&target), engine::now().0 / 1_000);
        self.signed(Method::POST, &target, "frontend_sign", "public", body.to_string()).await
    }

    pub(super) async fn batch_of(&self, requests: Value) -> Vec<(u64, Value)> {
        let body = json!({ "requests": requests }).to_string();
        let answer = self.call(Method::POST, "batch/", body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let answers = answer.body.as_array().unwrap().iter();
        answers.map(|answer| (answer["code"].as_u64().unwrap(), answer["json"].clone())).collect()
    }
}

fn join(target: &str) -> char {
    if target.contains('?') { '&' } else { '?' }
}

pub(super) fn request(method: &str, path: &str, params: Value) -> Value {
    json!({ "method": method, "path": path, "params": params })
}

pub(super) fn codes(answers: &[(u64, Value)]) -> Vec<u64> {
    answers.iter().map(|(code, _)| *code).collect()
}

#[tokio::test]
async fn a_batch_is_done_in_order_and_survives_a_reset() {
    let app = TestApp::new().await;
    let requests = json!([
        request("PUT", "/items/properties/price", json!({ "type": "double" })),
        request("PUT", "/items/properties/tags", json!({ "type": "set" })),
        request("PUT", "/items/a", Value::Null),
        request("PUT", "/items/a", Value::Null),
        request(
            "POST",
            "/items/b",
            json!({ "price": 5, "tags": ["x", "y", "x"], "!cascadeCreate": true })
        ),
        request("POST", "/items/b", json!({ "price": "dear" })),
        request("POST", "/items/b", json!({ "weight": 1 })),
        request("GET", "/items/b", Value::Null),
        request("GET", "/items/list/", json!({ "filter": "'price' < 10" })),
        request("GET", "/items/list/?filter=%22x%22+in+%27tags%27", Value::Null),
        request("GET", "/items/list/", json!({ "filter": "'weight' > 1" })),
        request("GET", "/items/list/", json!({ "filter": "'price' + 1" })),
        request("POST", "/purchases/", json!({ "userId": "u", "itemId": "a", "timestamp": 5 })),
        request(
            "POST",
            "/purchases/",
            json!({ "userId": "u", "itemId": "a", "timestamp": 5, "cascadeCreate": true })
        ),
        request(
            "POST",
            "/purchases/",
            json!({ "userId": "u", "itemId": "a", "timestamp": "1970-01-01T00:00:05Z" })
        ),
        request("GET", "/users/u/purchases/", Value::Null),
        request("DELETE", "/items/a", Value::Null),
        request("GET", "/users/u/purchases/", Value::Null),
        request("PUT", "/items/a", Value::Null),
        request("GET", "/items/a/purchases/", Value::Null),
        request(
            "POST",
            "/more-items/",
            json!({ "filter": "'price' == null", "changes": { "price": 7 } })
        ),
        request("DELETE", "/more-items/", json!({ "filter": "'price' == 7" })),
        request("GET", "/items/list/", Value::Null),
    ]);
    let answers = app.batch_of(requests).await;
    insta::assert_json_snapshot!(answers);

    assert_eq!(app.call(Method::DELETE, "", "").await.status, StatusCode::OK);
    let after = json!([
        request("GET", "/items/list/", Value::Null),
        request("GET", "/items/properties/list/", Value::Null),
        request("GET", "/users/list/", Value::Null),
        request("PUT", "/items/a", Value::Null),
    ]);
    let empty: Vec<Value> = Vec::new();
    let answers = app.batch_of(after).await;
    assert_eq!(answers[0].1, json!(empty));
    assert_eq!(answers[1].1, json!(empty));
    assert_eq!(answers[2].1, json!(empty));
    assert_eq!(answers[3].0, 201);
}

#[tokio::test]
async fn view_portions_of_a_session_move_forward_and_what_has_no_time_does_not_collide() {
    let app = TestApp::new().await;
    let portion = |portion: f64, at: u32| {
        let params = json!({ "userId": "u", "itemId": "a", "portion": portion, "timestamp": at, "sessionId": "s",
            "cascadeCreate": true });
        request("POST", "/viewportions/", params)
    };
    let view = || request("POST", "/detailviews/", json!({ "userId": "u", "itemId": "a" }));
    let answers = app
        .batch_of(json!([
            portion(0.2, 10),
            portion(0.5, 20),
            portion(0.4, 30),
            portion(0.6, 15),
            view(),
            view(),
            request("GET", "/users/u/viewportions/", Value::Null),
            request("GET", "/users/u/detailviews/", Value::Null),
        ]))
        .await;
    assert_eq!(codes(&answers), [200, 200, 409, 409, 200, 200, 200, 200]);
    assert_eq!(answers[6].1.as_array().unwrap().len(), 1);
    assert_eq!(answers[6].1[0]["portion"], 0.5);
    assert_eq!(answers[7].1.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_batch_with_an_address_that_leads_nowhere_does_nothing() {
    let app = TestApp::new().await;
    let requests =
        json!([request("PUT", "/items/a", Value::Null), request("PUT", "/itemz/b", Value::Null)]);
    let answer =
        app.call(Method::POST, "batch/", json!({ "requests": requests }).to_string()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let list = app.call(Method::GET, "items/list/", "").await;
    assert_eq!(list.body, json!([]));
}

#[tokio::test]
async fn mistakes_are_named_and_change_nothing() {
    let app = TestApp::new().await;
    let mut table = String::new();
    let long = format!("items/{}", "x".repeat(256));
    let deep = format!("items/list/?filter={}1{}", "(".repeat(400), ")".repeat(400));
    let calls: [(Method, &str, &str); 24] = [
        (Method::PUT, "items/a%20b", ""),
        (Method::PUT, &long, ""),
        (Method::PUT, "items/%ff", ""),
        (Method::POST, "items/a", "{"),
        (Method::POST, "items/a", "[1]"),
        (Method::POST, "items/a", "{\"id\": 1}"),
        (Method::POST, "items/a", "{\"x y\": 1}"),
        (Method::PUT, "items/properties/p", ""),
        (Method::PUT, "items/properties/p?type=text", ""),
        (Method::PUT, "items/properties/itemID?type=int", ""),
        (Method::PUT, "items/properties/p?type=int&role=titel", ""),
        (Method::PUT, "items/properties/p?type=int&role=title", ""),
        (Method::GET, "items/list/?count=0", ""),
        (Method::GET, "items/list/?filter='a", ""),
        (Method::GET, "items/list/?filter=1%20+%20%22a%22%20%3E%202", ""),
        (Method::GET, "items/list/?returnProperties=maybe", ""),
        (Method::GET, &deep, ""),
        (Method::POST, "ratings/", "{\"userId\": \"u\", \"itemId\": \"i\", \"rating\": 2}"),
        (Method::POST, "ratings/", "{\"userId\": \"u\", \"itemId\": \"i\"}"),
        (Method::POST, "purchases/", "{\"userId\": \"u\", \"itemId\": \"i\", \"timestamp\": -1}"),
        (Method::POST, "detailviews/", "{\"userId\": [], \"itemId\": \"i\"}"),
        (Method::POST, "batch/", "{\"requests\": {}}"),
        (
            Method::POST,
            "series/s/items/",
            "{\"itemType\": \"thing\", \"itemId\": \"i\", \"time\": 1}",
        ),
        (Method::PATCH, "items/a", ""),
    ];
    for (method, path, body) in calls {
        let answer = app.call(method.clone(), path, body.to_owned()).await;
        assert!(answer.status.is_client_error(), "{method} {path}: {}", answer.status);
        let path: String = path.chars().take(60).collect();
        table += &format!(
            "{method} {path} {body}\n  {} {}\n",
            answer.status.as_u16(),
            answer.body["error"]
        );
    }
    insta::assert_snapshot!(table);
    let list = app.call(Method::GET, "items/properties/list/", "").await;
    assert_eq!(list.body, json!([]));
}

#[tokio::test]
async fn a_public_token_does_what_browsers_may_and_nothing_else() {
    let app = TestApp::new().await;
    let at = engine::now().0 / 1_000;
    let public = |path: &str| format!("/shop/{path}?frontend_timestamp={at}");
    let view = json!({ "userId": "u", "itemId": "i", "cascadeCreate": true }).to_string();
    let answer =
        app.signed(Method::POST, &public("detailviews/"), "frontend_sign", "public", view).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let answer = app.signed(Method::PUT, &public("items/i2"), "frontend_sign", "public", "").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let hidden = json!({ "requests": [request("DELETE", "/users/u", Value::Null)] }).to_string();
    let answer =
        app.signed(Method::POST, &public("batch/"), "frontend_sign", "public", hidden).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let answer =
        app.signed(Method::POST, &public("detailviews/"), "frontend_sign", "wrong", "{}").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);

    // Nobody learns from a list what somebody did.
    let histories = json!({ "count": 1, "reqlExpressions": { "theirs": "user_interactions(\"u\", {\"detail_views\"})" } });
    let list = "recomms/users/u/items/";
    app.call(Method::PUT, "items/other", "").await;
    let theirs = |answer: Answer| answer.body["recomms"][0]["reqlEvaluations"]["theirs"].clone();
    let own = app.call(Method::POST, list, histories.to_string()).await;
    assert!(theirs(own).is_array());
    let told = app
        .signed(Method::POST, &public(list), "frontend_sign", "public", histories.to_string())
        .await;
    assert_eq!((told.status, theirs(told)), (StatusCode::OK, Value::Null));
}

#[tokio::test]
async fn times_of_properties_go_from_the_first_year_to_the_last() {
    let app = TestApp::new().await;
    app.call(Method::PUT, "items/properties/made?type=timestamp", "").await;
    let mut lines = String::new();
    for time in [
        "-1",
        "-62135596800",
        "253402300799",
        "253402300800",
        "1e300",
        "\"1969-12-31T23:59:59Z\"",
        "\"0001-01-01\"",
        "\"9999-12-31\"",
        "\"10000-01-01\"",
        "\"1600-02-30\"",
        "null",
    ] {
        let set = app
            .call(
                Method::POST,
                "items/i",
                format!("{{\"made\": {time}, \"!cascadeCreate\": true}}"),
            )
            .await;
        let told = app.call(Method::GET, "items/i", "").await;
        lines += &format!(
            "{time}\n  {} {} {}\n",
            set.status.as_u16(),
            set.body["error"],
            told.body["made"]
        );
    }
    insta::assert_snapshot!(lines);
}

#[tokio::test]
async fn properties_have_names() {
    let app = TestApp::new().await;
    app.call(Method::PUT, "items/i", "").await;
    for (method, path, body) in
        [(Method::POST, "items/i", "{\"\": 1}"), (Method::PUT, "items/properties/?type=int", "")]
    {
        let answer = app.call(method.clone(), path, body).await;
        assert!(
            answer.status.is_client_error(),
            "{method} {path}: {} {}",
            answer.status,
            answer.body
        );
    }
}

/// A request as a client signs it.
fn signed(
    method: Method,
    target: &str,
    name: &str,
    token: &str,
    body: impl Into<Body>,
) -> Request<Body> {
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(target.as_bytes());
    let sign: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let uri = format!("{target}&{name}={sign}");
    Request::builder().method(method).uri(uri).body(body.into()).unwrap()
}
