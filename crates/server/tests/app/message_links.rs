//! Links and images of messages: where they lead, what they tell of, and that nobody forges one.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use connectors::InstanceKey;
use engine::{EngineOptions, SystemClock};
use serde_json::{Value, json};

use crate::{Answer, TestApp};

const TARGET: &str = "https://shop.example/möbel?a=1&b=2#x";
const MESSAGE_ID: &str = "00112233445566778899aabbccddeeff";

fn key() -> InstanceKey {
    InstanceKey::of_bytes([7; 32])
}

async fn app() -> TestApp {
    let options = EngineOptions { instance_key: Some(Arc::new(key())), ..EngineOptions::default() };
    TestApp::with_options(Arc::new(SystemClock), options).await
}

fn token(key: &InstanceKey, context: &str, is_link: bool) -> String {
    let mut link = json!({ "m": MESSAGE_ID, "p": ["user_id", "ann"], "k": "welcome", "c": "mail",
        "v": "b", "i": "sofa" });
    if is_link {
        link["a"] = json!([3, TARGET]);
    }
    let sealed = key.seal_token(&format!("{context}\0shop"), &link.to_string());
    format!("shop.{sealed}")
}

fn link() -> String {
    format!("/l/{}", token(&key(), "campaign link", true))
}

fn image() -> String {
    format!("/o/{}.gif", token(&key(), "campaign image", false))
}

/// Events of the person once there are so many, oldest first.
async fn events(app: &TestApp, n: usize) -> Vec<Value> {
    for _ in 0..200 {
        let answer = app.profile("user_id:ann", "events").await;
        let mut events = answer.body["data"].as_array().cloned().unwrap_or_default();
        if events.len() >= n {
            events.reverse();
            return events;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("there are not {n} events");
}

async fn head(app: &TestApp, path: &str) -> Answer {
    let request = Request::builder().method(Method::HEAD).uri(path).body(Body::empty()).unwrap();
    app.send(request).await
}

#[tokio::test]
async fn a_link_leads_on_and_a_click_is_told_but_no_look_ahead() {
    let app = app().await;
    let path = link();
    assert_eq!(head(&app, &path).await.status, 302);
    for name in ["purpose", "sec-purpose", "x-moz"] {
        assert_eq!(app.get(&path, &[(name, "prefetch")]).await.status, 302);
    }
    let answer = app.get(&path, &[]).await;
    assert_eq!(answer.status, 302);
    let location = answer.headers["location"].to_str().unwrap();
    assert_eq!(location, "https://shop.example/m%C3%B6bel?a=1&b=2#x");
    assert!(answer.headers["cache-control"].to_str().unwrap().contains("no-store"));
    let image = app.get(&image(), &[("user-agent", "Mozilla/5.0")]).await;
    assert_eq!(
        (image.status.as_u16(), &image.headers["content-type"]),
        (200, &"image/gif".parse().unwrap())
    );
    assert!(image.headers["cache-control"].to_str().unwrap().contains("no-store"));
    let events = events(&app, 2).await;
    let find = |name: &str| events.iter().find(|event| event["event"] == name).unwrap();
    assert_eq!(events.len(), 2);
    let clicked = find("Notification Clicked");
    assert_eq!(
        clicked["properties"],
        json!({ "campaign": "welcome", "message_id": MESSAGE_ID, "channel": "mail",
            "variant": "b", "item_id": "sofa", "link": 3, "url": TARGET })
    );
    assert_eq!(clicked["source_id"], "campaign");
    assert_eq!(find("Notification Viewed")["properties"]["machine"], true);
}

#[tokio::test]
async fn nobody_makes_a_link_or_makes_another_of_one() {
    let app = app().await;
    let other = token(&InstanceKey::of_bytes([8; 32]), "campaign link", true);
    let good = token(&key(), "campaign link", true);
    let mut changed = good.clone();
    changed.replace_range(40..41, if &good[40..41] == "A" { "B" } else { "A" });
    let of_nobody = good.replacen("shop.", "nobody.", 1);
    for token in [other.as_str(), &changed, &of_nobody, "shop.", "shop", ".", "https:%2F%2Fx"] {
        assert_eq!(app.get(&format!("/l/{token}"), &[]).await.status, 404, "{token}");
    }
    // A link is no image, and an image no link.
    assert_eq!(app.get(&format!("/o/{good}.gif"), &[]).await.status, 404);
    let image = token(&key(), "campaign image", false);
    assert_eq!(app.get(&format!("/l/{image}"), &[]).await.status, 404);
    assert_eq!(app.get(&format!("/o/{image}"), &[]).await.status, 404);
}
