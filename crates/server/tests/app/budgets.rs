//! What one request may cost, and that long answers say the same as short ones.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use engine::RequestLimits;
use serde_json::{Value, json};
use server::{CallerLimits, Settings};

use super::TestApp;
use super::recombee::{codes, request};

const N_ITEMS: usize = 400;
const DESCRIPTION_BYTES: usize = 1_000;

async fn shop(private: RequestLimits, public: RequestLimits) -> TestApp {
    let callers = CallerLimits { private, public, ..CallerLimits::default() };
    let app = TestApp::with(Settings { callers, ..Settings::default() }).await;
    let mut requests = vec![
        request("PUT", "/items/properties/description", json!({ "type": "string" })),
        request("PUT", "/items/properties/price", json!({ "type": "double" })),
    ];
    requests.extend((0..N_ITEMS).map(|n| {
        let description = format!("{n:0>width$}", width = DESCRIPTION_BYTES);
        let values = json!({ "description": description, "price": n, "!cascadeCreate": true });
        request("POST", &format!("/items/i{n:03}"), values)
    }));
    let answers = app.batch_of(Value::from(requests)).await;
    assert!(codes(&answers).iter().all(|code| [200, 201].contains(code)));
    app
}

fn wide() -> RequestLimits {
    CallerLimits::default().private
}

#[tokio::test]
async fn long_answers_are_written_in_pieces_and_say_everything() {
    let app = shop(wide(), wide()).await;
    let all = app.call(Method::GET, "items/list/?returnProperties=true", "").await;
    let rows = all.body.as_array().unwrap();
    assert_eq!(rows.len(), N_ITEMS);
    assert!(all.headers.get("content-length").is_none(), "400 kB are not held in memory");
    for (n, row) in rows.iter().enumerate() {
        assert_eq!(row["itemId"], format!("i{n:03}"));
        assert_eq!(row["description"].as_str().unwrap().len(), DESCRIPTION_BYTES);
    }
    let listed = app
        .call(
            Method::POST,
            "recomms/users/nobody/items/",
            json!({ "count": N_ITEMS, "returnProperties": true, "allowNonexistent": true }).to_string(),
        )
        .await;
    assert_eq!(listed.body["recomms"].as_array().unwrap().len(), N_ITEMS);
    assert!(listed.body["recommId"].is_string() && listed.body["numberNextRecommsCalls"] == 0);
    let short = app.call(Method::GET, "items/list/?count=2", "").await;
    assert!(short.headers.contains_key("content-length"));
    let list = json!({ "returnProperties": true, "includedProperties": ["price"] });
    let answers = app.batch_of(json!([
        request("GET", "/items/list/", list),
        request("GET", "/items/nothing", Value::Null),
        request("GET", "/items/list/?returnProperties=true", Value::Null),
    ]));
    let answers = answers.await;
    assert_eq!(codes(&answers), [200, 404, 200]);
    assert_eq!(answers[0].1[7], json!({ "itemId": "i007", "price": 7.0 }));
    assert_eq!(answers[2].1, all.body);
    assert_eq!(app.batch_of(json!([])).await, []);
}

#[tokio::test]
async fn an_answer_over_its_bytes_is_refused_before_it_begins_and_a_batch_ends_where_its_budget_does() {
    let narrow = RequestLimits { answer_bytes_max: 150_000, ..wide() };
    let app = shop(wide(), narrow).await;
    let all = json!({ "count": N_ITEMS, "returnProperties": true });
    let answer = app.public("recomms/users/u/items/", all.clone()).await;
    insta::assert_snapshot!(
        format!("{} {}", answer.status.as_u16(), answer.body["error"]),
        @r#"413 "the answer is over the limit of 150000 bytes for one request: ask for fewer entries, or name the properties that you need in includedProperties""#
    );
    let fewer = json!({ "count": N_ITEMS, "returnProperties": true, "includedProperties": ["price"] });
    assert_eq!(app.public("recomms/users/u/items/", fewer).await.status, StatusCode::OK);

    let some = json!({ "count": 50, "returnProperties": true });
    let list = || request("POST", "/recomms/users/u/items/", some.clone());
    let view = request("POST", "/detailviews/", json!({ "userId": "v", "itemId": "i001" }));
    let requests = json!({ "requests": [list(), list(), list(), list(), view] });
    let batch = app.public("batch/", requests).await;
    assert_eq!(batch.status, StatusCode::OK);
    let codes: Vec<u64> =
        batch.body.as_array().unwrap().iter().map(|one| one["code"].as_u64().unwrap()).collect();
    assert_eq!(codes, [200, 200, 413, 413, 200], "what fits is done");
}

#[tokio::test]
async fn a_request_that_has_used_up_its_computing_does_no_more() {
    let app = shop(wide(), RequestLimits { computing_max: Duration::ZERO, ..wide() }).await;
    let answer = app.public("recomms/users/u/items/", json!({ "count": 1 })).await;
    insta::assert_snapshot!(
        format!("{} {}", answer.status.as_u16(), answer.body["error"]),
        @r#"429 "the request has used up its 0 ms of computing: send fewer or smaller lists at once, or simpler expressions""#
    );
    assert!(answer.headers.contains_key("retry-after"));
    let view = request("POST", "/detailviews/", json!({ "userId": "v", "itemId": "i001" }));
    let batch = app.public("batch/", json!({ "requests": [view] })).await;
    assert_eq!(batch.body[0]["code"], 429);
    assert_eq!(app.call(Method::GET, "users/v", "").await.status, StatusCode::NOT_FOUND, "it was not done");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_ends_when_the_caller_has_left() {
    let app = shop(wide(), wide()).await;
    // Each list takes a while: nested lambdas over some texts, of the user, so that no values are kept.
    let texts: Vec<String> = (0..12).map(|n| format!("\"w{n}\"")).collect();
    let texts = format!("{{{}}}", texts.join(","));
    let inner = format!("exists(lambda 'c': 'a' + 'b' + 'c' == context_user[\"userId\"], {texts})");
    let slow = format!("not exists(lambda 'a': exists(lambda 'b': {inner}, {texts}), {texts})");
    let list = || {
        request(
            "POST",
            "/recomms/users/u/items/",
            json!({ "count": 5, "filter": slow, "allowNonexistent": true }),
        )
    };
    let requests: Vec<Value> = (0..2_000).map(|_| list()).collect();
    let body = json!({ "requests": requests }).to_string();
    let call = app.call(Method::POST, "batch/", body);
    assert!(tokio::time::timeout(Duration::from_millis(500), call).await.is_err(), "it goes on for long");
    let n_made = || {
        let (from, until) = (domain::Day(0), domain::Day(u32::MAX));
        app.engine.kpis(from, until).rows.iter().map(|row| row.counts.recommendations).sum::<u64>()
    };
    // What was made is journalled a moment later.
    let (begun, mut before) = (Instant::now(), u64::MAX);
    while before != n_made() {
        assert!(begun.elapsed() < Duration::from_secs(20), "somebody still works for a caller who has left");
        before = n_made();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(before < 2_000, "the batch was done to its end");
}
