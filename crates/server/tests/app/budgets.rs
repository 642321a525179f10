//! What one request may cost, and that long answers say the same as short ones.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use engine::RequestLimits;
use serde_json::{Value, json};
use web::{CallerLimits, Settings};

use super::TestApp;
use super::recombee::{codes, request};

const N_ITEMS: usize = 400;
const DESCRIPTION_BYTES: usize = 1_000;

async fn shop(private: RequestLimits, public: RequestLimits) -> TestApp {
    shop_with(CallerLimits { private, public, ..CallerLimits::default() }).await
}

async fn shop_with(callers: CallerLimits) -> TestApp {
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
            json!({ "count": N_ITEMS, "returnProperties": true, "allowNonexistent": true })
                .to_string(),
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
async fn an_answer_over_its_bytes_is_refused_before_it_begins_and_a_batch_ends_where_its_budget_does()
 {
    let narrow = RequestLimits { answer_bytes_max: 150_000, ..wide() };
    let app = shop(wide(), narrow).await;
    let all = json!({ "count": N_ITEMS, "returnProperties": true });
    let answer = app.public("recomms/users/u/items/", all.clone()).await;
    insta::assert_snapshot!(
        format!("{} {}", answer.status.as_u16(), answer.body["error"]),
        @r#"413 "the answer is over the limit of 150000 bytes for one request: ask for fewer entries, or name the properties that you need in includedProperties""#
    );
    let fewer =
        json!({ "count": N_ITEMS, "returnProperties": true, "includedProperties": ["price"] });
    assert_eq!(app.public("recomms/users/u/items/", fewer).await.status, StatusCode::OK);

    let some = json!({ "count": 50, "returnProperties": true });
    let list = || request("POST", "/recomms/users/u/items/", some.clone());
    let view = request("POST", "/detailviews/", json!({ "userId": "v", "itemId": "i001" }));
    let requests = json!({ "requests": [list(), list(), list(), list(), view] });
    let batch = app.public("batch/", requests).await;
    assert_eq!(batch.status, StatusCode::OK);
    let codes: Vec<u64> =
        batch.body.as_array().unwrap().iter().map(|one| one["code"].as_u64().unwrap()).collect();
    assert_eq!(codes, [200, 200, 413, 413, 413], "the rest is not done");
}

/// How many lists were made and journalled.
fn n_recommendations(app: &TestApp) -> u64 {
    let (from, until) = (domain::Day(0), domain::Day(u32::MAX));
    app.engine
        .snapshot()
        .attribution
        .kpis(from, until)
        .rows
        .iter()
        .map(|row| row.counts.recommendations)
        .sum()
}

#[tokio::test]
async fn what_expressions_yield_is_bounded_while_it_is_made() {
    let narrow = RequestLimits { answer_bytes_max: 150_000, ..wide() };
    let app = shop(narrow, narrow).await;
    let list = |bytes: usize| {
        let text = format!("\"{}\"", "x".repeat(bytes));
        json!({ "count": N_ITEMS, "reqlExpressions": { "e": text }, "allowNonexistent": true })
    };
    for (bytes, status) in [(100, StatusCode::OK), (1_000, StatusCode::PAYLOAD_TOO_LARGE)] {
        let public = app.public("recomms/users/u/items/", list(bytes)).await;
        let private =
            app.call(Method::POST, "recomms/users/u/items/", list(bytes).to_string()).await;
        assert_eq!((public.status, private.status), (status, status), "{}", public.body["error"]);
    }
    // Numbers are short in an answer, and take memory nevertheless.
    let numbers: serde_json::Map<String, Value> =
        (0..100).map(|n| (format!("e{n}"), Value::from("1"))).collect();
    let numbers = json!({ "count": 50, "reqlExpressions": numbers });
    let answer = app.public("recomms/users/u/items/", numbers).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn answers_that_nobody_takes_leave_room_for_others_and_count_until_they_are_taken() {
    let app = shop(wide(), wide()).await;
    let memory = app.engine.memory();
    let n_bytes = || memory.n_bytes(engine::MemoryPart::Answers);
    let target = format!(
        "/shop/items/list/?returnProperties=true&hmac_timestamp={}",
        engine::now().0 / 1_000
    );
    let slow = app.unread(Method::GET, &target, "hmac_sign", "private", "").await;
    let (held, chunk_bytes) = (n_bytes(), 64 * 1_024);
    assert!((chunk_bytes..2 * chunk_bytes + N_ITEMS * 40).contains(&held), "{held}");
    let all = axum::body::to_bytes(slow.into_body(), usize::MAX).await.unwrap();
    assert!(all.len() > N_ITEMS * DESCRIPTION_BYTES);
    assert_eq!(n_bytes(), 0);

    let others =
        memory.hold(engine::MemoryPart::Answers, memory.share(engine::MemoryPart::Answers));
    let long = json!({ "count": N_ITEMS, "allowNonexistent": true, "reqlExpressions": { "e": "'description'" } });
    let refused = app.call(Method::POST, "recomms/users/u/items/", long.to_string()).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.body);
    assert!(refused.headers.contains_key("retry-after"));
    let view = json!({ "userId": "v", "itemId": "i001", "cascadeCreate": true }).to_string();
    assert_eq!(
        app.call(Method::POST, "detailviews/", view).await.status,
        StatusCode::OK,
        "it is short"
    );
    assert_eq!(app.call(Method::GET, "items/i001", "").await.status, StatusCode::OK, "so is this");
    drop(others);
    let listed = app.call(Method::POST, "recomms/users/u/items/", long.to_string()).await;
    assert_eq!(listed.status, StatusCode::OK);
}

#[tokio::test]
async fn a_token_whose_answers_are_not_read_leaves_room_for_others() {
    let app =
        shop_with(CallerLimits { requests_per_token_max: 2, ..CallerLimits::default() }).await;
    let target = format!(
        "/shop/items/list/?returnProperties=true&hmac_timestamp={}",
        engine::now().0 / 1_000
    );
    let unread = async || app.unread(Method::GET, &target, "hmac_sign", "private", "").await;
    let slow = [unread().await, unread().await];
    let refused = app.call(Method::GET, "items/i001", "").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(
        refused.body["error"]
            .as_str()
            .unwrap()
            .starts_with("2 requests of this token are under way")
    );
    assert!(refused.headers.contains_key("retry-after"));
    let other = app.public("recomms/users/u/items/", json!({ "count": 1 })).await;
    assert_eq!(other.status, StatusCode::OK, "{}", other.body);
    drop(slow);
    assert_eq!(app.call(Method::GET, "items/i001", "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_batch_is_charged_for_answers_of_one_piece_too() {
    let app =
        shop(RequestLimits { answer_bytes_max: 5 * DESCRIPTION_BYTES as u64, ..wide() }, wide())
            .await;
    let item = || request("GET", "/items/i001", Value::Null);
    let missing = request("GET", "/items/nothing", Value::Null);
    let view = request(
        "POST",
        "/detailviews/",
        json!({ "userId": "v", "itemId": "i001", "cascadeCreate": true }),
    );
    let requests =
        json!([item(), missing, item(), view.clone(), item(), item(), item(), item(), view]);
    let answers = app.batch_of(requests).await;
    assert_eq!(codes(&answers), [200, 404, 200, 200, 200, 200, 413, 413, 413]);
    assert!(answers[8].1["error"].as_str().unwrap().contains("over the limit of 5000 bytes"));
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
    assert_eq!(
        app.call(Method::GET, "users/v", "").await.status,
        StatusCode::NOT_FOUND,
        "it was not done"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn work_ends_when_the_caller_has_left() {
    let app = shop(wide(), wide()).await;
    // Each list takes a while: nested lambdas over some texts, of the user, so that no values are
    // kept.
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
    assert!(
        tokio::time::timeout(Duration::from_millis(500), call).await.is_err(),
        "it goes on for long"
    );
    let n_made = || n_recommendations(&app);
    // What was made is journalled a moment later.
    let (begun, mut before) = (Instant::now(), u64::MAX);
    while before != n_made() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "somebody still works for a caller who has left"
        );
        before = n_made();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(before < 2_000, "the batch was done to its end");
}
