//! Messages and calls as they arrive: pages, one opened, the stream.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, Request};
use engine::{Command, EntityKind, Entry, Outcome};
use futures_util::StreamExt;
use serde_json::{Value, json};
use server::router;
use tower::ServiceExt;
use web::Settings;
use web::streams::STREAMS_PER_ACCOUNT_MAX;

use super::{TestApp, track};

const MESSAGES: &str = "/api/workspaces/shop/messages";
const PATIENCE: Duration = Duration::from_secs(30);

/// A good message, the same again, one with a mistake, one that a preset cannot use, and calls.
async fn send_some(app: &TestApp) {
    let viewed = |n, product: Value| track(n, "ann", "Product Viewed", product);
    let mut wrong = viewed(3, json!({}));
    wrong["timestamp"] = json!("soon");
    let batch = [
        viewed(1, json!({ "product_id": "lamp" })),
        viewed(1, json!({ "product_id": "lamp" })),
        wrong,
        viewed(4, json!({ "sku": "" })),
        json!({ "type": "identify", "userId": "ann", "messageId": "m5", "traits": { "plan": "gold" } }),
        track(6, "bob", "Song Played", json!({})),
    ];
    assert_eq!(app.batch(json!(batch)).await.status, 400);
    let command =
        |command| Entry::Command { received_at: app.engine.now(), command: Box::new(command) };
    let add = || Command::Add { kind: EntityKind::Item, id: "chair".to_owned() };
    let outcomes = app.engine.submit(vec![command(add()), command(add())]).await.unwrap();
    assert!(matches!(outcomes[..], [Outcome::Applied, Outcome::Refused(_)]), "{outcomes:?}");
}

fn line(entry: &Value) -> String {
    let text = |key: &str| entry[key].as_str().unwrap_or("-");
    format!(
        "{} {} {} by {}: {} | {}",
        text("kind"),
        text("outcome"),
        text("event"),
        text("user_id"),
        entry["effects"],
        text("detail")
    )
}

async fn lines(app: &TestApp, query: &str) -> Vec<String> {
    let page = app.admin(&format!("{MESSAGES}?{query}")).await;
    assert_eq!(page.status, 200, "{}", page.line());
    page.body["entries"].as_array().unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn each_message_and_call_says_what_became_of_it() {
    let app = TestApp::new().await;
    send_some(&app).await;
    insta::assert_snapshot!(lines(&app, "").await.join("\n"));
    for (query, n_found) in [
        ("outcome=rejected", 1),
        ("outcome=duplicate", 1),
        ("source=web", 6),
        ("source=backend", 0),
        ("event=product", 4),
        ("event=PRODUCT&outcome=accepted", 1),
        ("user=bob", 1),
        ("user=ann&source=&event=&outcome=", 5),
    ] {
        assert_eq!(lines(&app, query).await.len(), n_found, "{query}");
    }
    let wrong = app.admin(&format!("{MESSAGES}?outcome=lost")).await;
    assert_eq!((wrong.status.as_u16(), wrong.line().contains("applied_in_part")), (400, true));
}

#[tokio::test]
async fn pages_go_back_to_the_beginning_and_a_restart_says_what_is_no_longer_known() {
    let app = TestApp::new().await;
    send_some(&app).await;
    let all = lines(&app, "").await;
    let (mut paged, mut before) = (Vec::new(), String::new());
    loop {
        let page = app.admin(&format!("{MESSAGES}?limit=3{before}")).await.body;
        paged.extend(page["entries"].as_array().unwrap().iter().map(line));
        match page["before"].as_u64() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    assert_eq!(paged, all);
    let app = app.reopened();
    let outcomes: Vec<String> = lines(&app, "").await;
    let n_of = |word: &str| outcomes.iter().filter(|line| line.contains(word)).count();
    assert_eq!((n_of(" rejected "), n_of(" unknown ")), (1, 7), "{outcomes:#?}");
}

#[tokio::test]
async fn an_opened_message_has_its_mistakes_at_their_places_and_a_call_without_the_key() {
    let app = TestApp::new().await;
    send_some(&app).await;
    let body = r#"{"type":"track","writeKey":"key","userId":7,"event":"it's"}"#;
    app.post("/v1/track", body, &[]).await;
    let entries = app.admin(MESSAGES).await.body["entries"].clone();
    let open = async |outcome: &str| {
        let entries = entries.as_array().unwrap();
        let entry = entries.iter().find(|entry| entry["outcome"] == outcome).unwrap();
        let headers = [("authorization", "Bearer admin"), ("host", "shop.example:8080")];
        app.get(&format!("{MESSAGES}/{}", entry["offset"]), &headers).await.body
    };
    let rejected = open("rejected").await;
    assert_eq!(rejected["mistakes"][0]["place"], "/userId");
    let curl = rejected["curl"].as_str().unwrap();
    assert!(curl.contains("'http://shop.example:8080/v1/track'"), "{curl}");
    assert!(curl.contains("$WRITE_KEY") && curl.contains(r"it'\''s"), "{curl}");
    assert!(!rejected.to_string().contains(r#"writeKey\":\"key"#), "{rejected}");
    let in_part = open("applied_in_part").await;
    assert_eq!(in_part["mistakes"][0]["place"], "/properties/sku");
    assert_eq!(in_part["mappings"][0]["mapping"], "Ecommerce - Product Viewed");
    let refused = open("refused").await;
    assert_eq!((&refused["curl"], &refused["kind"]), (&Value::Null, &json!("call")));
    for wrong in ["0", "999", "x"] {
        assert_eq!(app.admin(&format!("{MESSAGES}/{wrong}")).await.status, 404, "{wrong}");
    }
}

/// The stream of a path, once its head is there.
async fn follow(router: &axum::Router, query: &str) -> (u16, HeaderMap, BodyDataStream) {
    let request = Request::get(format!("/api/workspaces/shop/live?{query}"))
        .header("authorization", "Bearer admin")
        .body(Body::empty())
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts.status.as_u16(), parts.headers, body.into_data_stream())
}

/// Reads until the text has come; all that came.
async fn read_until(stream: &mut BodyDataStream, text: &str) -> String {
    let mut all = String::new();
    while !all.contains(text) {
        let more = tokio::time::timeout(PATIENCE, stream.next()).await.expect("nothing comes");
        all.push_str(std::str::from_utf8(&more.expect("the stream ended").unwrap()).unwrap());
    }
    all
}

#[tokio::test]
async fn a_stream_brings_what_is_new_and_goes_on_behind_the_last_id() {
    let app = TestApp::new().await;
    app.batch(json!([track(100, "before", "E", json!({}))])).await;
    let (status, headers, mut stream) = follow(&app.router, "outcome=accepted").await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "text/event-stream"));
    send_some(&app).await;
    let shown = read_until(&mut stream, "bob").await;
    assert!(shown.contains("event: entry\n") && shown.contains("\"item_id\":\"lamp\""), "{shown}");
    assert!(!shown.contains("\"before\"") && !shown.contains("duplicate"), "{shown}");
    drop(stream);
    app.batch(json!([track(7, "meanwhile", "E", json!({}))])).await;
    let (_, last) = shown.rsplit_once("id: ").unwrap();
    let last = last.lines().next().unwrap();
    let (.., mut stream) = follow(&app.router, &format!("after={last}&source=web")).await;
    assert!(!read_until(&mut stream, "meanwhile").await.contains("bob"));
}

#[tokio::test]
async fn a_reader_who_is_too_slow_is_told_how_much_it_missed() {
    let app = TestApp::new().await;
    let many: Vec<Entry> = (0..1_500)
        .map(|n| {
            let command = Command::Add { kind: EntityKind::User, id: format!("u{n}") };
            Entry::Command { received_at: app.engine.now(), command: Box::new(command) }
        })
        .collect();
    app.engine.submit(many).await.unwrap();
    let (.., mut stream) = follow(&app.router, "after=1").await;
    let shown = read_until(&mut stream, "u1499").await;
    assert!(shown.contains("event: missed\n") && shown.contains("{\"entries\":500}"), "{shown}");
    assert!(!shown.contains("\"u499\"") && shown.contains("\"u500\""), "the last ones are there");
}

#[tokio::test]
async fn streams_are_few_for_one_account_and_end_when_the_server_stops() {
    let mut app = TestApp::new().await;
    let state = TestApp::app(&app.engine, &app.folder.path().join("s"), Settings::default(), &[]);
    app.router = router(Arc::clone(&state));
    let n_holders = Arc::strong_count(&app.engine);
    let mut open = Vec::new();
    for _ in 0..STREAMS_PER_ACCOUNT_MAX {
        open.push(follow(&app.router, "").await);
    }
    assert!(open.iter().all(|(status, ..)| *status == 200));
    assert_eq!(Arc::strong_count(&app.engine), n_holders, "the workspace can be closed meanwhile");
    assert_eq!(follow(&app.router, "").await.0, 429);
    open.pop();
    let (status, _, mut stream) = follow(&app.router, "").await;
    assert_eq!(status, 200, "a closed one makes room");
    state.start_stopping();
    while let Some(more) = tokio::time::timeout(PATIENCE, stream.next()).await.unwrap() {
        more.unwrap();
    }
}
