//! Which threads wait for an engine: none that serves requests.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use engine::{Engine, Entry};
use serde_json::json;
use server::sign_target;
use tower::ServiceExt;

use super::{TestApp, basic, track};

/// A thread that waits longer than this for the views waits behind the fold.
const STUCK_AFTER: Duration = Duration::from_millis(100);
/// A server that does not answer within this does not answer.
const DEADLINE: Duration = Duration::from_secs(30);
/// Often enough for a request to come as far as it does without waiting.
const POLLS: usize = 32;

/// Waits until the fold waits for the views, so that whoever asks for them waits behind it.
fn wait_for_fold(engine: &Arc<Engine>) {
    loop {
        let ((told, has_views), engine) = (channel(), Arc::clone(engine));
        std::thread::spawn(move || {
            drop(engine.snapshot());
            told.send(()).ok();
        });
        if has_views.recv_timeout(STUCK_AFTER).is_err() {
            return;
        }
    }
}

#[test]
fn no_route_waits_for_the_engine_on_a_thread_that_serves_requests() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let app = runtime.block_on(async {
        let app = TestApp::new().await;
        app.batch(json!([track(1, "u", "Product Viewed", json!({ "product_id": "i" }))])).await;
        app
    });
    let of_shop = |path: &str| (format!("/api/workspaces/shop{path}"), "Bearer admin".to_owned());
    let of_user = |path: &str| {
        (format!("/v1/spaces/shop/collections/users/profiles/user_id:u/{path}"), basic("profile"))
    };
    let of_client = |path: &str| {
        (sign_target(&format!("/shop/{path}"), "private", engine::now()), String::new())
    };
    let routes = vec![
        ("/metrics".to_owned(), String::new()),
        ("/readyz".to_owned(), String::new()),
        ("/api/workspaces".to_owned(), "Bearer admin".to_owned()),
        of_shop(""),
        of_shop("/settings"),
        of_shop("/interaction_weights"),
        of_shop("/sources"),
        of_shop("/sources/web"),
        of_shop("/tokens"),
        of_shop("/tokens/private"),
        of_shop("/traits"),
        of_shop("/traits/recommended_items"),
        of_shop("/rejections"),
        of_shop("/messages"),
        of_shop("/messages/1"),
        of_shop("/events"),
        of_shop("/scenarios"),
        of_shop("/recommendations?user=u"),
        of_shop("/recommendations/0190a8a0-0000-7000-8000-000000000000"),
        of_shop("/kpis"),
        of_shop("/training"),
        of_shop("/models"),
        of_shop("/catalog"),
        of_user("traits"),
        of_user("events"),
        of_user("external_ids"),
        of_user("metadata"),
        of_client("items/i"),
        of_client(
            "items/list/?filter='itemId' == \"i\"".replace(' ', "%20").replace('"', "%22").as_str(),
        ),
        of_client("recomms/users/u/items/?count=1"),
    ];
    let reads = routes
        .into_iter()
        .map(|(path, authorization)| (Method::GET, path, authorization, String::new()));
    let segmentation = json!({ "sourceType": "items", "expression": "{\"all\"}" }).to_string();
    let (auto, no_authorization) = of_client("segmentations/auto-reql/s");
    let (scenario, administrator) = of_shop("/scenarios/home");
    let endpoint = json!({ "endpoint": "recommendItemsToUser" }).to_string();
    let routes: Vec<(Method, String, String, String)> = reads
        .chain([
            (Method::PUT, auto, no_authorization, segmentation),
            (Method::PUT, scenario, administrator, endpoint),
        ])
        .collect();
    let engine = Arc::clone(&app.engine);
    let held = engine.snapshot();
    let writer = {
        let engine = Arc::clone(&engine);
        std::thread::spawn(move || {
            engine.submit_blocking(vec![Entry::Resumed { received_at: engine.now() }]).unwrap()
        })
    };
    wait_for_fold(&engine);
    let (told, serves_on) = channel();
    let server = std::thread::spawn({
        let routes = routes.clone();
        move || {
            runtime.block_on(async {
                let mut waiting = Vec::new();
                for (method, path, authorization, body) in routes {
                    let request = Request::builder().method(method).uri(&path);
                    let request = request.header("authorization", authorization);
                    let request = request.body(Body::from(body)).unwrap();
                    waiting.push((path, tokio::spawn(app.router.clone().oneshot(request))));
                    for _ in 0..POLLS {
                        tokio::task::yield_now().await;
                    }
                    told.send(app.get("/healthz", &[]).await.status.as_u16()).unwrap();
                }
                let mut answers = Vec::new();
                for (path, answer) in waiting {
                    answers.push((path, answer.await.unwrap().unwrap().status().as_u16()));
                }
                answers
            })
        }
    });
    for (_, path, ..) in &routes {
        assert_eq!(serves_on.recv_timeout(DEADLINE), Ok(200), "{path} waits for the engine");
    }
    drop(held);
    writer.join().unwrap();
    for (path, status) in server.join().unwrap() {
        let expected = if path.contains("recommendations/0190") { 404 } else { 200 };
        assert!(status == expected || status == 201, "{path}: {status}");
    }
}
