//! Events that no mapping takes.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::path::Path;

use domain::{Arrival, Envelope, Timestamp, WorkspaceId, check_message};
use engine::{Engine, Entry, UNMATCHED_NAME_CHARS_MAX, UNMATCHED_NAMES_MAX};
use serde_json::{Value, json};

fn open(folder: &Path) -> Engine {
    Engine::open(WorkspaceId::new("shop").unwrap(), folder, &|_, _| {}).unwrap()
}

fn message(n: usize, body: &Value) -> Entry {
    let received_at = Timestamp(1_700_000_000_000 + n as i64 * 1_000);
    let arrival = Arrival { received_at, source: "web", peer_ip: None };
    let mut body = body.clone();
    body["messageId"] = json!(format!("m{n}"));
    body["userId"] = json!("u1");
    let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival).unwrap();
    Entry::Message(Box::new(message))
}

fn track(event: &str) -> Value {
    json!({ "type": "track", "event": event, "properties": { "product_id": "i1" } })
}

#[test]
fn events_that_no_preset_takes_are_counted_with_what_would_take_them() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let sent = [
        track("product_viewed"),
        track("Product Viewed"),
        track("product_viewed"),
        track("Products Searched"),
        json!({ "type": "page" }),
        json!({ "type": "page", "name": "Home" }),
        json!({ "type": "identify", "traits": { "vip": true } }),
        // A preset takes it, and cannot make anything of it: that is a rejection.
        json!({ "type": "track", "event": "Product Added" }),
        json!({ "type": "track", "event": "Order Completed", "properties": { "products": [] } }),
    ];
    engine
        .submit_blocking(sent.iter().enumerate().map(|(n, body)| message(n, body)).collect())
        .unwrap();
    // Sent again, it is a duplicate.
    engine.submit_blocking(vec![message(0, &sent[0])]).unwrap();
    let counted = |engine: &Engine| -> Vec<String> {
        let line = |event: engine::UnmatchedEvent| {
            let json = event.to_json();
            let (first_at, last_at) = (
                &json["first_at"].as_str().unwrap()[17..19],
                &json["last_at"].as_str().unwrap()[17..19],
            );
            let preset = json["would_be_taken_by"]["preset"].as_str().unwrap_or("-");
            format!(
                "{} {} x {} {first_at}..{last_at} {preset}",
                json["type"].as_str().unwrap(),
                event.event,
                event.count
            )
        };
        engine.snapshot().unmatched_events.list().into_iter().map(line).collect()
    };
    let expected = [
        "track product_viewed x 2 20..22 Ecommerce - Product Viewed",
        "page Page Viewed x 1 24..24 Page - Viewed",
        "track Products Searched x 1 23..23 -",
    ];
    assert_eq!(counted(&engine), expected);
    let example =
        &engine.snapshot().unmatched_events.list()[0].to_json()["would_be_taken_by"]["example"];
    assert_eq!(example["properties"]["product_id"], "item-1");
    drop(engine);
    assert_eq!(counted(&open(folder.path())), expected, "after a restart");
    fs_err::remove_dir_all(folder.path().join("store")).unwrap();
    assert_eq!(counted(&open(folder.path())), expected, "after a lost store");
}

#[test]
fn names_without_end_are_counted_together() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let names = (0..UNMATCHED_NAMES_MAX + 50).map(|n| track(&format!("event {n}")));
    let long = ["x".repeat(UNMATCHED_NAME_CHARS_MAX + 1), "x".repeat(UNMATCHED_NAME_CHARS_MAX + 2)];
    let sent: Vec<Value> = long.iter().map(|name| track(name)).chain(names).collect();
    engine
        .submit_blocking(sent.iter().enumerate().map(|(n, body)| message(n, body)).collect())
        .unwrap();
    let events = engine.snapshot().unmatched_events.list();
    assert_eq!(events.len(), UNMATCHED_NAMES_MAX + 1);
    assert_eq!((events[0].event.as_str(), events[0].count), ("(others)", 51));
    assert_eq!((events[1].event.chars().count(), events[1].count), (UNMATCHED_NAME_CHARS_MAX, 2));
    assert_eq!(events.iter().map(|event| event.count).sum::<u64>(), sent.len() as u64);
}
