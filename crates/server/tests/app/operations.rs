//! How a workspace runs: sizes, background work and slow requests.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use axum::routing::{get, post};
use domain::WorkspaceId;
use engine::{BackgroundThread, BackgroundWork, Next, Signals, WorkResult};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;
use web::slow_requests::{OfWorkspace, RoutePattern, SLOW_REQUEST};
use web::{App, ConnectionLimits, Listener, Settings, layered};

use super::{TestApp, track};

const SHOP: &str = "/api/workspaces/shop";

#[tokio::test]
async fn operations_tell_sizes_lag_and_limits() {
    let app = TestApp::new().await;
    app.batch(json!([{ "type": "track", "event": "Seen", "userId": "ann" }])).await;
    let operations = app.admin(&format!("{SHOP}/operations")).await.body;
    assert_eq!(operations["ready"], true);
    assert_eq!(operations["fold_lag"], 0);
    // The journal of these tests is in memory, the store is not.
    assert!(operations["disk"]["store_bytes"].as_u64().unwrap() > 0);
    let requests = &operations["requests"];
    assert!(requests["requests"].as_u64() <= requests["requests_max"].as_u64());
    assert_eq!(operations["budget"].as_array().unwrap().len(), engine::MemoryPart::ALL.len());
    assert_eq!(operations["connections"], Value::Null, "nothing listens");
    assert_eq!(operations["streams"]["open"], 0);
    assert_eq!(operations["slow_requests"], json!([]));
    let names = operations["background"].as_array().unwrap().iter().map(|thread| &thread["name"]);
    assert_eq!(names.collect::<Vec<_>>(), ["recorder", "ticker", "history"], "those of the engine");
    assert_eq!(operations["journal_check"], Value::Null);
    app.engine.check_journal(&mut |_| std::ops::ControlFlow::Continue(()));
    let operations = app.admin(&format!("{SHOP}/operations")).await.body;
    assert_eq!(operations["journal_check"]["is_complete"], true);
    assert_eq!(operations["journal_check"]["share"], 1.0);
}

/// What a step of [`Obedient`] does.
enum Order {
    Fail(&'static str),
    FailFor(&'static str, &'static str),
    SucceedFor(&'static str),
    Nothing,
}

/// Work that does what it is told to, one order a step, and says when a step begins.
struct Obedient {
    orders: Receiver<Order>,
    began: Sender<()>,
}

impl BackgroundWork for Obedient {
    fn name(&self) -> &'static str {
        "obedient"
    }

    fn task(&self) -> &'static str {
        "Does what it is told to"
    }

    fn stop_time_max(&self) -> Duration {
        Duration::from_secs(20)
    }

    fn step(&mut self, signals: &Signals) -> Next {
        self.began.send(()).ok();
        let id = |name| WorkspaceId::new(name).unwrap();
        match self.orders.recv() {
            Ok(Order::Fail(text)) => signals.fail(text),
            Ok(Order::FailFor(name, text)) => {
                signals.work_for(&id(name), || WorkResult::Failed(text.to_owned()));
            }
            Ok(Order::SucceedFor(name)) => {
                signals.work_for(&id(name), || WorkResult::Succeeded);
            }
            Ok(Order::Nothing) => {}
            Err(_) => return Next::End,
        }
        Next::Step
    }
}

/// A server that shows the thread of [`Obedient`].
struct Watched {
    app: TestApp,
    state: Arc<App>,
    threads: Vec<BackgroundThread>,
    orders: Sender<Order>,
    began: Receiver<()>,
}

impl Watched {
    async fn new() -> Self {
        let mut app = TestApp::new().await;
        let folder = app.folder.path().join("watched");
        let state = TestApp::app(&app.engine, &folder, Settings::default(), &[("other", "away")]);
        app.router = server::router(Arc::clone(&state));
        let ((orders, to_do), (has_begun, began)) = (channel(), channel());
        let thread = BackgroundThread::start(Obedient { orders: to_do, began: has_begun }).unwrap();
        began.recv().unwrap();
        let threads = vec![thread];
        state.background.watch(&threads);
        Self { app, state, threads, orders, began }
    }

    /// Waits until the step has ended.
    fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
        self.began.recv().unwrap();
    }

    /// The thread as callers see it.
    async fn thread(&self, key: &str) -> Value {
        let path = format!("{SHOP}/operations");
        let bearer = format!("Bearer {key}");
        let operations = self.app.get(&path, &[("authorization", &bearer)]).await.body;
        operations["background"][0].clone()
    }

    /// The titles and texts of what needs attention.
    async fn attention(&self) -> Vec<(String, String)> {
        let overview = self.app.admin(&format!("{SHOP}/overview")).await.body;
        let own = overview["attention"].as_array().unwrap().clone().into_iter();
        // Of the other workspace it is told that it is closed.
        let own = own.filter(|one| !one["title"].as_str().unwrap().contains("closed"));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        own.map(|one| {
            assert_eq!((&one["place"], &one["severity"]), (&json!("operations"), &json!("error")));
            (text(&one["title"]), text(&one["text"]))
        })
        .collect()
    }
}

#[tokio::test]
async fn a_background_thread_whose_step_fails_is_shown_as_failing_and_is_well_again_after() {
    let watched = Watched::new().await;
    watched.order(Order::Nothing);
    let thread = watched.thread("admin").await;
    assert_eq!((&thread["name"], &thread["steps"]), (&json!("obedient"), &json!(1)));
    assert_eq!((&thread["is_failing"], &thread["activity"]), (&json!(false), &json!("at_work")));
    assert_eq!(watched.attention().await, []);

    watched.order(Order::Fail("the disk is slow today"));
    let thread = watched.thread("admin").await;
    assert_eq!((&thread["is_failing"], &thread["failures"]), (&json!(true), &json!(1)));
    assert_eq!(thread["last_failure"]["text"], "the disk is slow today");
    assert!(thread["last_failure"]["at"].is_string() && thread["last_step_at"].is_string());
    let (title, text) = watched.attention().await.remove(0);
    assert_eq!(title, "The background thread “obedient” fails");
    assert_eq!(text, "the disk is slow today.");

    watched.order(Order::Nothing);
    let thread = watched.thread("admin").await;
    assert_eq!((&thread["is_failing"], &thread["failures"]), (&json!(false), &json!(1)));
    assert_eq!(thread["last_failure"]["text"], "the disk is slow today", "it can still be read");
    assert_eq!(watched.attention().await, []);

    let Watched { app, state, threads, orders, began } = watched;
    let (orders_of_nobody, _) = channel();
    drop(orders);
    assert!(threads[0].stop());
    let watched = Watched { app, state, threads, orders: orders_of_nobody, began };
    assert_eq!(watched.thread("admin").await["activity"], "ended");
    assert!(watched.attention().await[0].0.ends_with("has ended"));
    watched.state.start_stopping();
    assert_eq!(watched.attention().await, [], "all threads of a server that stops end");
}

#[tokio::test]
async fn what_failed_for_a_workspace_is_told_to_those_who_may_see_it() {
    let watched = Watched::new().await;
    let key = json!({ "name": "shop-only", "role": "analyst", "workspaces": ["shop"] }).to_string();
    let headers = [("authorization", "Bearer admin"), ("content-type", "application/json")];
    let made = watched.app.post("/api/api_keys", key, &headers).await;
    let limited = made.body["key"].as_str().unwrap().to_owned();
    watched.order(Order::FailFor("other", "no room for other"));
    watched.order(Order::Nothing);
    let thread = watched.thread("admin").await;
    assert_eq!(thread["is_failing"], true, "it has not succeeded for this workspace since");
    assert_eq!(thread["last_failure"]["workspace"], "other");
    let thread = watched.thread(&limited).await;
    assert_eq!((&thread["is_failing"], &thread["failures"]), (&json!(false), &json!(0)));
    assert_eq!(thread["last_failure"], Value::Null);
    assert_eq!(watched.attention().await, [], "the overview of a workspace is about its own");

    watched.order(Order::FailFor("shop", "no room for shop"));
    let thread = watched.thread(&limited).await;
    assert_eq!(thread["last_failure"]["text"], "no room for shop");
    assert_eq!(watched.attention().await[0].1, "no room for shop.");
    watched.order(Order::SucceedFor("shop"));
    assert_eq!(watched.attention().await, []);
    assert_eq!(watched.thread(&limited).await["is_failing"], false);
    assert_eq!(watched.thread("admin").await["is_failing"], true);
}

/// A server whose routes take longer than a request should.
async fn slow_server() -> (TestApp, Arc<App>, Router) {
    let app = TestApp::new().await;
    let folder = app.folder.path().join("slow");
    let state = TestApp::app(&app.engine, &folder, Settings::default(), &[]);
    let slow = || tokio::time::sleep(SLOW_REQUEST);
    let answer = move || async move {
        slow().await;
        "an answer"
    };
    let stream = move || async move {
        slow().await;
        ([(header::CONTENT_TYPE, "text/event-stream")], "data: x")
    };
    let routes = Router::new()
        .route("/console/{workspace}/people/{id}", get(answer))
        .route("/secret/{key}", get(answer))
        .route("/stream", get(stream))
        .route("/upload", post(|body: String| async move { body }))
        .route("/fast", get(|| async { "an answer" }));
    (app, Arc::clone(&state), layered(state, routes))
}

#[tokio::test]
async fn slow_requests_are_kept_by_the_pattern_of_their_route_without_ids_and_secrets() {
    let (app, state, router) = slow_server().await;
    let ask = |path: &'static str| {
        let (router, request) = (router.clone(), Request::get(path).body(Body::empty()).unwrap());
        async move { router.oneshot(request).await.unwrap() }
    };
    ask("/fast").await;
    ask("/stream").await;
    ask("/console/shop/people/ann%40mail.example?token=hush").await;
    ask("/console/nobody/people/bob").await;
    ask("/secret/hush").await;
    let path = "/secret/hush";
    let odd = Request::builder().method("HUSH").uri(path).body(Body::empty()).unwrap();
    router.clone().oneshot(odd).await.unwrap();

    let kept = serde_json::to_value(state.slow_requests.list(|_| true)).unwrap();
    let routes = kept.as_array().unwrap().iter().map(|one| (&one["route"], &one["workspace"]));
    let people = json!("/console/{workspace}/people/{id}");
    assert_eq!(
        routes.collect::<Vec<_>>(),
        [
            (&json!("/secret/{key}"), &Value::Null),
            (&people, &Value::Null),
            (&people, &json!("shop")),
        ]
    );
    for hidden in ["ann", "bob", "hush", "HUSH", "nobody"] {
        assert!(!kept.to_string().contains(hidden), "{hidden} in {kept}");
    }
    assert!(kept[0]["duration_ms"].as_f64().unwrap() >= SLOW_REQUEST.as_secs_f64() * 1_000.0);
    assert_eq!((&kept[0]["method"], &kept[0]["status"]), (&json!("GET"), &json!(200)));
    drop(app);
}

#[tokio::test]
async fn a_workspace_shows_its_own_slow_requests_and_limited_callers_no_others() {
    let (mut app, state, router) = slow_server().await;
    for path in ["/console/shop/people/ann", "/secret/hush"] {
        router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    }
    app.router = server::router(state);
    let key = json!({ "name": "shop-only", "role": "analyst", "workspaces": ["shop"] }).to_string();
    let headers = [("authorization", "Bearer admin"), ("content-type", "application/json")];
    let made = app.post("/api/api_keys", key, &headers).await;
    let limited = format!("Bearer {}", made.body["key"].as_str().unwrap());
    let path = format!("{SHOP}/operations");
    let n_of = |operations: &Value| operations["slow_requests"].as_array().unwrap().len();
    assert_eq!(n_of(&app.admin(&path).await.body), 2);
    let operations = app.get(&path, &[("authorization", &limited)]).await.body;
    assert_eq!(n_of(&operations), 1);
    assert_eq!(operations["slow_requests"][0]["workspace"], "shop");
    assert_eq!(operations["slow_request_ms"], SLOW_REQUEST.as_millis() as u64);
}

#[tokio::test]
async fn the_time_that_a_body_takes_to_arrive_makes_no_request_slow() {
    let (_app, state, router) = slow_server().await;
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let limits = ConnectionLimits {
        connections_max: 10,
        connections_per_address_max: 10,
        unfinished_bytes_max: 1_000,
    };
    let listeners = vec![Listener { socket, tls: None }];
    let connections = Arc::clone(&state.connections);
    let (never, deadline) = (std::future::pending(), || Duration::ZERO);
    tokio::spawn(web::serve(router, listeners, limits, connections, never, deadline));
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    let head =
        b"POST /upload HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 8\r\n\r\n";
    client.write_all(head).await.unwrap();
    client.write_all(b"half").await.unwrap();
    tokio::time::sleep(2 * SLOW_REQUEST).await;
    assert_eq!(state.connections.usage().unwrap().open, 1);
    client.write_all(b"half").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("halfhalf"), "{answer}");
    assert_eq!(state.slow_requests.list(|_| true), []);
}

#[tokio::test]
async fn answers_say_of_which_workspace_and_route_they_are_where_the_path_does_not() {
    let app = TestApp::new().await;
    let body = json!({ "writeKey": "key", "batch": [track(1, "ann", "Seen", json!({}))] });
    let request = Request::post("/v1/batch").body(Body::from(body.to_string())).unwrap();
    let (parts, _) = app.send_raw(request).await;
    let OfWorkspace(id) = parts.extensions.get().unwrap();
    assert_eq!(id.as_str(), "shop");
    let target = "/shop/recomms/users/ann/items/?count=1";
    let target = server::sign_target(target, "private", engine::now());
    let (parts, _) = app.send_raw(Request::get(target).body(Body::empty()).unwrap()).await;
    let RoutePattern(pattern) = parts.extensions.get().unwrap();
    assert_eq!(pattern, "/{database}/recomms/users/{id}/items");
}
