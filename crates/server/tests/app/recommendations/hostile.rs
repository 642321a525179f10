//! Expressions that would take for ever: they are given up, and nobody else waits for long.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::Method;
use domain::Endpoint;
use engine::{Command, Engine, EntityKind, Entry, RecommendationRequest, RequestBudget};
use serde_json::{Value, json};

use super::shop;
use crate::TestApp;
use crate::recombee::request;

/// How long a call may take, with room for a slow machine: evaluation ends after 1 s.
const CALL_MAX: Duration = Duration::from_secs(5);

/// A shop of many items with many tags.
async fn large_shop(n_items: usize) -> TestApp {
    let app = shop().await;
    let tags: Vec<String> = (0..30).map(|n| format!("tag{n}")).collect();
    let item = |n: usize| {
        let values =
            json!({ "tags": tags, "price": n, "category": "lamp", "!cascadeCreate": true });
        request("POST", &format!("/items/many{n}"), values)
    };
    app.change((0..n_items).map(item).collect()).await;
    app
}

/// One that looks at each item's tags in so many nested ways.
fn nested(depth: usize) -> String {
    let begin: String = (0..depth).map(|n| format!("exists(lambda 'v{n}': ")).collect();
    let end = ", 'tags')".repeat(depth);
    format!("{begin}'v0' + \"!\" == 'v{}'{end}", depth - 1)
}

async fn timed(app: &TestApp, method: Method, path: &str, body: Value) -> (String, Duration) {
    let begun = Instant::now();
    let answer = app.call(method, path, body.to_string()).await;
    (super::line(&answer), begun.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_given_up_and_stops_nobody() {
    let app = large_shop(600).await;
    app.put_scenario(
        "promoting",
        json!({ "endpoint": "recommendItemsToUser", "promoted": { "filter": nested(3), "share": 0.5 } }),
    )
    .await;
    let user = "recomms/users/u0/items/";
    let mut lines = String::new();
    for (method, path, body) in [
        (Method::POST, user, json!({ "count": 5, "filter": nested(3) })),
        (Method::POST, user, json!({ "count": 5, "filter": nested(3) })),
        (
            Method::POST,
            user,
            json!({ "count": 5, "booster": format!("if {} then 2 else 1", nested(3)) }),
        ),
        (Method::POST, user, json!({ "count": 5, "scenario": "promoting" })),
        (
            Method::POST,
            "search/users/u0/items/",
            json!({ "count": 5, "searchQuery": "tag1", "filter": nested(3) }),
        ),
        (Method::GET, "items/list/", json!({ "filter": nested(3) })),
        (Method::POST, "more-items/", json!({ "filter": nested(3), "changes": { "price": 0 } })),
    ] {
        let hostile = timed(&app, method.clone(), path, body.clone());
        let others = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let write = timed(&app, Method::POST, "items/lamp0", json!({ "price": 10 }));
            tokio::join!(timed(&app, Method::POST, user, json!({ "count": 1 })), write)
        };
        let ((answer, took), (read, write)) = tokio::join!(hostile, others);

        lines += &format!("{method} {path}: {answer}\n");
        assert!(took < CALL_MAX, "{method} {path} {body}: {took:?}");
        assert!(read.0.starts_with("200") && read.1 < CALL_MAX, "{read:?}");
        assert!(write.0.starts_with("200") && write.1 < CALL_MAX, "{write:?}");
    }
    insta::assert_snapshot!(lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn expressions_of_entries_that_take_too_long_are_given_up() {
    let app = large_shop(600).await;
    let one = |n: usize| (n.to_string(), Value::from(nested(4)));
    let expressions: serde_json::Map<String, Value> = (0..10).map(one).collect();
    let body = json!({ "count": 200, "reqlExpressions": expressions });
    let (answer, took) = timed(&app, Method::POST, "recomms/users/u0/items/", body).await;
    assert!(took < CALL_MAX && answer.starts_with("400"), "{took:?} {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn segmentations_that_take_too_long_stop_nobody() {
    let app = large_shop(600).await;
    let expression = format!("if {} then {{\"a\"}} else {{\"b\"}}", nested(4));
    let slow = json!({ "sourceType": "items", "expression": expression });
    app.change(vec![request("PUT", "/segmentations/auto-reql/slow", slow)]).await;
    app.put_scenario(
        "slow",
        json!({ "endpoint": "recommendItemSegmentsToUser", "segmentation": "slow" }),
    )
    .await;
    let body = json!({ "count": 5, "scenario": "slow" });
    let hostile = timed(&app, Method::POST, "recomms/users/u0/item-segments/", body);
    let write = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        timed(&app, Method::POST, "items/lamp0", json!({ "price": 10 })).await
    };
    let (_, (_, took)) = tokio::join!(hostile, write);
    assert!(took < CALL_MAX, "{took:?}");
}

/// A batch does what its requests one after the other would do.
#[tokio::test]
async fn segments_follow_a_change_at_once() {
    let app = large_shop(3_000).await;
    app.put_scenario(
        "of-segment",
        json!({ "endpoint": "recommendItemsToItemSegment", "segmentation": "categories" }),
    )
    .await;
    let list = |segment: &str| {
        let params = json!({ "count": 5, "scenario": "of-segment", "contextSegmentId": segment });
        request("POST", "/recomms/item-segments/items/", params)
    };
    let answers = app
        .batch_of(json!([
            list("lamp"),
            request("POST", "/items/rug0", json!({ "category": "a" })),
            list("a"),
            request("POST", "/items/rug1", json!({ "category": "b" })),
            list("b"),
        ]))
        .await;
    assert_eq!(crate::recombee::codes(&answers), [200; 5]);
}

/// What depends on the time is computed anew beside requests and changes, and none of the three
/// waits for another for good.
#[tokio::test]
async fn filters_of_the_time_are_refreshed_while_items_change() {
    // Its folder stays as long as it does.
    let app = large_shop(600).await;
    let engine = Arc::clone(&app.engine);
    // It is computed anew in every second.
    let (until, (done, is_done)) =
        (Instant::now() + Duration::from_secs(2), std::sync::mpsc::channel());
    let refresh = |engine: &Engine, _: usize| engine.refresh();
    let ask = |engine: &Engine, _: usize| {
        let mut request = RecommendationRequest::new(Endpoint::RecommendItemsToUser, 5);
        request.options.settings.filter = Some("'released' < now() and 'price' >= 0".to_owned());
        engine.request_recommendations(&request, &Arc::new(RequestBudget::unlimited())).unwrap();
    };
    let change = |engine: &Engine, n: usize| {
        let values = json!({ "price": n }).to_string();
        let (kind, id) = (EntityKind::Item, "lamp0".to_owned());
        let command = Box::new(Command::SetValues { kind, id, values, cascade_create: false });
        engine
            .submit_blocking(vec![Entry::Command { received_at: engine::now(), command }])
            .unwrap();
    };
    let works: [fn(&Engine, usize); 5] = [refresh, ask, ask, change, change];
    for work in works {
        let (engine, done) = (Arc::clone(&engine), done.clone());
        // Nobody waits for threads that hang.
        std::thread::spawn(move || {
            (0..).take_while(|_| Instant::now() < until).for_each(|n| work(&engine, n));
            done.send(()).unwrap();
        });
    }
    for _ in works {
        is_done.recv_timeout(Duration::from_secs(30)).expect("nobody waits for good");
    }
}
