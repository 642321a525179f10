//! Catalog files that are fetched again and again.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, mpsc};

use axum::body::Body;
use axum::http::{Method, Request};
use connectors::{NetworkPolicy, Outgoing, OutgoingOptions};
use domain::Timestamp;
use engine::{EngineOptions, ManualClock, Scheduled};
use serde_json::{Value, json};

use super::{Answer, TestApp};

const FEED: &str = "/api/workspaces/shop/feeds/shop";
const AT: i64 = 1_772_361_000_000;
const MINUTE_MS: i64 = 60 * 1_000;

/// Answers by path, each a status line and a body.
type Answers = Arc<Mutex<BTreeMap<&'static str, (&'static str, String)>>>;

/// A server of files. Returns its address.
fn serve(answers: &Answers) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answers = Arc::clone(answers);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4_096];
            let n = stream.read(&mut head).unwrap_or_default();
            let head = String::from_utf8_lossy(&head[..n]).into_owned();
            let path = head.split(' ').nth(1).unwrap_or_default();
            let known = answers.lock().unwrap().get(path).cloned();
            let (status, body) = known.unwrap_or(("404 Not Found", String::new()));
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n");
            // A caller may have gone.
            stream.write_all(format!("{head}{body}").as_bytes()).ok();
        }
    });
    address
}

impl TestApp {
    async fn call_feed(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", "Bearer admin");
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    /// Fetches the feed, and returns its last run as it is shown then.
    async fn fetch(&self, query: &str) -> Value {
        let started =
            self.call_feed(Method::POST, &format!("{FEED}/run{query}"), Value::Null).await;
        assert_eq!(started.status, 202, "{}", started.line());
        self.ended_job(&started).await;
        self.admin(FEED).await.body["last_run"].clone()
    }
}

fn products(ids: std::ops::Range<u32>) -> String {
    let product = |id: u32| format!("<item><g:id>{id}</g:id><g:price>{id}.50 EUR</g:price></item>");
    format!("<rss><channel>{}</channel></rss>", ids.map(product).collect::<String>())
}

/// Options of an engine that may fetch from this machine.
fn fetching() -> EngineOptions {
    let policy = NetworkPolicy { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
    let outgoing = OutgoingOptions { policy, ..OutgoingOptions::default() };
    EngineOptions {
        outgoing: Some(Arc::new(Outgoing::new(&outgoing).unwrap())),
        ..EngineOptions::default()
    }
}

#[tokio::test]
async fn a_feed_that_is_fetched_shows_its_job_until_it_has_ended() {
    let answers = Answers::default();
    answers.lock().unwrap().insert("/feed.xml", ("200 OK", products(0..3)));
    let address = serve(&answers);
    let clock = Arc::new(ManualClock::new(Timestamp(AT)));
    let app = TestApp::with_options(clock as _, fetching()).await;
    let feed = json!({ "url": format!("{address}/feed.xml"), "format": "google_merchant",
                       "every_minutes": 30 });
    assert_eq!(app.call_feed(Method::PUT, FEED, feed).await.status, 201);
    assert_eq!(app.admin(FEED).await.body.get("job"), None);
    // The server of files has no answer as long as this thread has them.
    let (took, is_taken) = mpsc::channel();
    let (release, is_released) = mpsc::channel();
    let holder = std::thread::spawn(move || {
        let held = answers.lock().unwrap();
        took.send(()).unwrap();
        is_released.recv().unwrap();
        drop(held);
    });
    is_taken.recv().unwrap();
    let started = app.call_feed(Method::POST, &format!("{FEED}/run"), Value::Null).await;
    for path in [FEED, "/api/workspaces/shop/feeds"] {
        let shown = app.admin(path).await.body;
        let job = shown.get("job").unwrap_or(&shown["feeds"][0]["job"]);
        assert_eq!((&job["id"], &job["kind"]), (&started.body["id"], &json!("import")), "{shown}");
    }
    release.send(()).unwrap();
    holder.join().unwrap();
    app.ended_job(&started).await;
    let ended = app.admin(FEED).await.body;
    assert_eq!((ended.get("job"), &ended["last_run"]["n_rows"]), (None, &json!(3)), "{ended}");
}

#[tokio::test]
async fn a_feed_becomes_the_catalog_where_it_differs_and_only_under_the_rules_of_imports() {
    let answers = Answers::default();
    let put = |path, status, body| drop(answers.lock().unwrap().insert(path, (status, body)));
    put("/feed.xml", "200 OK", products(0..40));
    let address = serve(&answers);
    let clock = Arc::new(ManualClock::new(Timestamp(AT)));
    let app = TestApp::with_options(Arc::clone(&clock) as _, fetching()).await;
    let feed = |path: &str| {
        json!({ "url": format!("{address}{path}"), "format": "google_merchant",
                "every_minutes": 30 })
    };
    let refused = app.call_feed(Method::PUT, FEED, json!({ "url": "x", "format": "pdf" })).await;
    assert_eq!(refused.status, 400, "{}", refused.line());
    let elsewhere = json!({ "url": "ftp://shop.example/feed.xml", "format": "csv" });
    let refused = app.call_feed(Method::PUT, FEED, elsewhere).await;
    assert_eq!((refused.status.as_u16(), &refused.body["pointer"]), (400, &json!("/url")));
    let made = app.call_feed(Method::PUT, FEED, feed("/feed.xml")).await;
    assert_eq!(made.status, 201, "{}", made.line());
    assert_eq!(app.engine.due(Scheduled::Feeds).unwrap(), ["shop"]);
    let run = app.fetch("").await;
    assert_eq!((&run["n_rows"], &run["error"]), (&json!(40), &Value::Null), "{run}");
    assert_eq!(run["outcome"], "version 1: 40 new, 0 changed, 0 withdrawn");
    assert!(app.engine.due(Scheduled::Feeds).unwrap().is_empty());
    let item = app.admin("/api/workspaces/shop/items/7").await.body;
    assert_eq!(item["properties"]["price"], 7.5, "{item}");

    // What says the same again changes nothing.
    let entries = app.engine.counts().journal_entries;
    assert_eq!(app.fetch("").await["outcome"], "unchanged");
    assert_eq!(app.engine.counts().journal_entries, entries);
    clock.set(Timestamp(AT + 30 * MINUTE_MS));
    assert_eq!(app.engine.due(Scheduled::Feeds).unwrap(), ["shop"]);

    // Half of the items may not go without a word.
    put("/feed.xml", "200 OK", products(0..20));
    let error = app.fetch("").await["error"].as_str().unwrap().to_owned();
    assert!(error.contains("20 of 40"), "{error}");
    assert_eq!(app.engine.counts().catalog_version, 1);
    assert!(app.engine.due(Scheduled::Feeds).unwrap().is_empty(), "it rests");
    assert_eq!(
        app.fetch("?confirm=20").await["outcome"],
        "version 2: 0 new, 0 changed, 20 withdrawn"
    );

    // Rows that are wrong are left out where the feed says so, and counted.
    let wrong = "<item><g:id></g:id></item></channel></rss>";
    put("/feed.xml", "200 OK", products(0..20).replace("</channel></rss>", wrong));
    let error = app.fetch("").await["error"].as_str().unwrap().to_owned();
    assert!(error.starts_with("1 of 21 rows is invalid"), "{error}");
    let mut lenient = feed("/feed.xml");
    lenient["skip_invalid"] = true.into();
    app.call_feed(Method::PUT, FEED, lenient).await;
    let run = app.fetch("").await;
    assert_eq!((&run["n_rows"], &run["n_skipped"]), (&json!(20), &json!(1)), "{run}");

    for (path, status, body, expected) in [
        ("/gone", "404 Not Found", "no such file", "404"),
        ("/moved", "301 Moved Permanently", "", "redirects are not followed"),
        ("/broken", "200 OK", "<rss><item>", "ends within an element"),
        ("/empty", "200 OK", "<rss></rss>", "no products"),
    ] {
        put(path, status, body.to_owned());
        let changed = app.call_feed(Method::PUT, FEED, feed(path)).await;
        assert_eq!(changed.status, 200, "{}", changed.line());
        let error = app.fetch("").await["error"].as_str().unwrap().to_owned();
        assert!(error.contains(expected), "{path}: {error}");
        assert_eq!(app.engine.counts().catalog_version, 2);
    }
    assert_eq!(app.call_feed(Method::DELETE, FEED, Value::Null).await.status, 204);
    assert_eq!(app.engine.counts().catalog_version, 2, "the catalog stays");
    let left = fs_err::read_dir(app.folder.path().join("timed/installation/exports")).unwrap();
    assert_eq!(left.count(), 0, "what was fetched is removed");
}
