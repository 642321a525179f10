//! Workspaces that are closed, and opened again, while clients send or read slowly.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode};
use domain::WorkspaceId;
use engine::Engine;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use server::{router, sign_target};
use tokio::sync::mpsc::{Sender, channel};
use tower::ServiceExt;
use web::{App, Settings};

use super::recombee::request;
use super::{TestApp, basic};

const N_ITEMS: usize = 400;

/// A shop whose workspace can be closed and opened.
struct Shop {
    test: TestApp,
    app: Arc<App>,
}

impl Shop {
    async fn new() -> Self {
        let mut test = TestApp::new().await;
        let app =
            TestApp::app(&test.engine, &test.folder.path().join("other"), Settings::default(), &[]);
        test.router = router(Arc::clone(&app));
        Self { test, app }
    }

    /// A shop with items whose list takes several chunks.
    async fn with_items() -> Self {
        let shop = Self::new().await;
        let mut requests =
            vec![request("PUT", "/items/properties/description", json!({ "type": "string" }))];
        requests.extend((0..N_ITEMS).map(|n| {
            let values = json!({ "description": format!("{n:0>1000}"), "!cascadeCreate": true });
            request("POST", &format!("/items/i{n:03}"), values)
        }));
        shop.test.batch_of(Value::from(requests)).await;
        shop
    }

    /// Closes the workspace as one whose store has failed: nobody but the test may hold it then.
    fn close(&self, while_: &str) {
        self.app.workspaces().close(self.test.engine.id(), "the test closes it");
        self.test.engine.stop();
        assert_eq!(
            Arc::strong_count(&self.test.engine),
            1,
            "somebody holds the workspace while {while_}"
        );
    }

    fn reopen(self) -> Self {
        let Self { test: TestApp { router, engine, disk, folder }, app } = self;
        drop(engine);
        let id = WorkspaceId::new("shop").unwrap();
        let engine =
            Engine::open_on(id, folder.path(), Arc::new(disk.clone()), &|_, _| {}).unwrap();
        let engine = Arc::new(engine);
        app.workspaces().open(Arc::clone(&engine));
        Self { test: TestApp { router, engine, disk, folder }, app }
    }
}

/// A body that a test sends piece by piece.
fn slow_body() -> (Sender<String>, Body) {
    // With one place, a piece is sent once the one before it was read.
    let (pieces, body) = channel::<String>(1);
    let read = stream::unfold(body, |mut body| async {
        Some((Ok::<_, std::io::Error>(Bytes::from(body.recv().await?)), body))
    });
    (pieces, Body::from_stream(read))
}

/// A request with a body.
struct Upload {
    what: &'static str,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

fn uploads() -> [Upload; 4] {
    let admin = ("authorization", "Bearer admin".to_owned());
    let new_item = json!({ "requests": [request("PUT", "/items/new", Value::Null)] });
    let message = json!({ "type": "track", "event": "E", "userId": "u", "messageId": "m" });
    [
        Upload {
            what: "a catalog",
            method: Method::POST,
            path: "/api/workspaces/shop/catalog".to_owned(),
            headers: vec![admin.clone(), ("content-type", "text/csv".to_owned())],
            body: "item_id,title\na,A\nb,B\n".to_owned(),
        },
        Upload {
            what: "a scenario",
            method: Method::PUT,
            path: "/api/workspaces/shop/scenarios/home".to_owned(),
            headers: vec![admin],
            body: json!({ "endpoint": "recommendItemsToUser" }).to_string(),
        },
        Upload {
            what: "a call of the recommender API",
            method: Method::POST,
            path: sign_target("/shop/batch/", "private", engine::now()),
            headers: vec![],
            body: new_item.to_string(),
        },
        Upload {
            what: "messages",
            method: Method::POST,
            path: "/v1/batch".to_owned(),
            headers: vec![("authorization", basic("key"))],
            body: json!({ "batch": [message] }).to_string(),
        },
    ]
}

/// What the uploads change.
async fn changes(shop: &Shop) -> Value {
    let counts = shop.test.engine.counts();
    let scenarios = shop.test.admin("/api/workspaces/shop/scenarios").await.body;
    let users = shop.test.engine.find_user("u").is_some();
    json!([counts.items, scenarios["scenarios"].as_array().unwrap().len(), users])
}

#[tokio::test]
async fn a_client_that_sends_slowly_keeps_no_workspace_from_closing_and_comes_back() {
    for is_opened_again in [false, true] {
        for Upload { what, method, path, headers, body } in uploads() {
            let mut shop = Shop::new().await;
            let before = changes(&shop).await;
            let (pieces, slow) = slow_body();
            let mut request = Request::builder().method(method).uri(path);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let sent = shop.test.router.clone().oneshot(request.body(slow).unwrap());
            let answer = tokio::spawn(sent);
            let (first, last) = body.split_at(body.len() / 2);
            let (middle, last) = last.split_at(last.len() / 2);
            for piece in [first, middle] {
                pieces.send(piece.to_owned()).await.unwrap();
            }
            shop.close(what);
            if is_opened_again {
                shop = shop.reopen();
            }
            pieces.send(last.to_owned()).await.unwrap();
            drop(pieces);
            let answer = answer.await.unwrap().unwrap();
            if is_opened_again {
                assert!(answer.status().is_success(), "{what}: {}", answer.status());
                assert_ne!(changes(&shop).await, before, "{what}");
                continue;
            }
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{what}");
            assert!(answer.headers().contains_key("retry-after"), "{what}");
            let shop = shop.reopen();
            assert_eq!(changes(&shop).await, before, "nothing of it is done: {what}");
        }
    }
}

/// Calls with long answers.
fn long_calls() -> Vec<(Method, &'static str, Value)> {
    let all = json!({ "count": N_ITEMS, "returnProperties": true, "allowNonexistent": true });
    let list = request("GET", "/items/list/?returnProperties=true", Value::Null);
    vec![
        (Method::GET, "items/list/?returnProperties=true", Value::Null),
        (Method::POST, "recomms/users/nobody/items/", all.clone()),
        (Method::POST, "users/nobody/recomms/", all),
        (Method::POST, "batch/", json!({ "requests": [list] })),
    ]
}

#[tokio::test]
async fn a_client_that_reads_slowly_keeps_no_workspace_from_closing_and_takes_no_part_for_the_whole()
 {
    for is_opened_again in [false, true] {
        let mut shop = Shop::with_items().await;
        for (method, path, body) in long_calls() {
            let body = if body.is_null() { String::new() } else { body.to_string() };
            let target = sign_target(&format!("/shop/{path}"), "private", engine::now());
            let request =
                Request::builder().method(method).uri(target).body(Body::from(body)).unwrap();
            let answer = shop.test.router.clone().oneshot(request).await.unwrap();
            assert_eq!(
                (answer.status(), answer.headers().get("content-length")),
                (StatusCode::OK, None)
            );
            let mut chunks = answer.into_body().into_data_stream();
            let mut read = chunks.next().await.unwrap().unwrap().to_vec();
            shop.close(path);
            if is_opened_again {
                shop = shop.reopen();
            }
            let mut is_whole = true;
            while let Some(chunk) = chunks.next().await {
                match chunk {
                    Ok(chunk) => read.extend(chunk),
                    Err(_) => is_whole = false,
                }
            }
            assert_eq!(is_whole, is_opened_again, "{path}");
            let text = String::from_utf8(read).unwrap();
            assert_eq!(
                text.matches("\"description\"").count() == N_ITEMS,
                is_opened_again,
                "{path}"
            );
            if !is_opened_again {
                shop = shop.reopen();
            }
        }
    }
}

#[tokio::test]
async fn a_batch_says_which_requests_were_not_done_while_its_workspace_was_closed() {
    let shop = Shop::with_items().await;
    let requests: Vec<Value> =
        (0..N_ITEMS).map(|n| request("GET", &format!("/items/i{n:03}"), Value::Null)).collect();
    let target = sign_target("/shop/batch/", "private", engine::now());
    let body = json!({ "requests": requests }).to_string();
    let answer =
        shop.test.router.clone().oneshot(Request::post(target).body(Body::from(body)).unwrap());
    let mut chunks = answer.await.unwrap().into_body().into_data_stream();
    let mut read = chunks.next().await.unwrap().unwrap().to_vec();
    shop.close("a batch is read");
    while let Some(chunk) = chunks.next().await {
        read.extend(chunk.unwrap());
    }
    let answers: Vec<Value> = serde_json::from_slice(&read).unwrap();
    let codes: Vec<u64> = answers.iter().map(|answer| answer["code"].as_u64().unwrap()).collect();
    let n_done = codes.iter().take_while(|code| **code == 200).count();
    assert_eq!(codes.len(), N_ITEMS);
    assert!(
        (1..N_ITEMS).contains(&n_done) && codes[n_done..].iter().all(|code| *code == 503),
        "{codes:?}"
    );
}
