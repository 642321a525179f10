//! Definitions that are taken and refused, and what they say.

use serde_json::{Value, json};

use crate::{Destination, Journey, WorkspaceConfig, WorkspaceId};

fn config(journeys: &[Value]) -> WorkspaceConfig {
    let mut config = WorkspaceConfig::empty(WorkspaceId::new("shop").unwrap());
    config.put_destination(Destination::new("mail", Some("webhook")));
    for (key, start) in [
        ("note", json!({ "type": "triggered" })),
        ("once", json!({ "type": "at", "at": "2026-01-01T00:00:00Z" })),
    ] {
        let campaign = json!({ "key": key, "channel": "mail", "start": start,
            "content": { "text": "Hello" } });
        config.put_campaign(serde_json::from_value(campaign).unwrap());
    }
    for journey in journeys {
        config.put_journey(serde_json::from_value(journey.clone()).unwrap());
    }
    config
}

fn journey(nodes: Value) -> Value {
    json!({ "key": "steps", "entry": { "type": "event", "event": "Start" }, "nodes": nodes })
}

fn mistake(journeys: &[Value]) -> String {
    config(journeys).validate().expect_err("it is refused").what
}

#[test]
fn mistakes_name_the_node() {
    let wait = |name: &str, next: &str| json!({ "name": name, "type": "delay", "seconds": 600, "next": next });
    let update = |name: &str, next: &str| {
        json!({ "name": name, "type": "update_profile", "next": next,
            "changes": [{ "trait": "n", "change": "increment", "value": 1 }] })
    };
    let said = [
        json!([wait("a", "b")]),
        json!([wait("a", "end"), wait("b", "end")]),
        json!([wait("a", "b"), wait("b", "a")]),
        json!([update("a", "b"), { "name": "b", "type": "random", "branches": [
            { "percent": 50, "next": "a" }, { "percent": 50 }] }]),
        json!([{ "name": "a", "type": "delay", "seconds": 299 }]),
        json!([{ "name": "end", "type": "exit" }]),
        json!([wait("a", "b"), wait("b", "end"), wait("b", "end")]),
        json!([{ "name": "a", "type": "message", "campaign": "gone" }]),
        json!([{ "name": "a", "type": "message", "campaign": "once" }]),
        json!([{ "name": "a", "type": "message", "campaign": "note", "clicked": "end" }]),
        json!([{ "name": "a", "type": "send", "destination": "gone" }]),
        json!([{ "name": "a", "type": "trigger", "journey": "steps" }]),
        json!([{ "name": "a", "type": "random", "branches": [{ "percent": 50 }, { "percent": 40 }] }]),
        json!([{ "name": "a", "type": "hold_until", "timeout_s": 600, "branches": [
            { "event": "Ship", "same_value": true }] }]),
        json!([{ "name": "a", "type": "update_profile", "changes": [
            { "trait": "n", "change": "increment", "value": "x" }] }]),
        json!([]),
    ]
    .map(|nodes| mistake(&[journey(nodes)]));
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn journeys_that_begin_each_other_in_a_circle_are_refused() {
    let one = |key: &str, other: &str| {
        json!({ "key": key, "entry": { "type": "triggered" },
            "nodes": [{ "name": "go", "type": "trigger", "journey": other }] })
    };
    let said = mistake(&[one("a", "b"), one("b", "a")]);
    assert!(said.contains("journey \"a\"") && said.contains("lead back"), "{said}");
    assert!(
        config(&[
            one("a", "b"),
            json!({ "key": "b", "entry": { "type": "triggered" },
        "nodes": [{ "name": "out", "type": "exit" }] })
        ])
        .validate()
        .is_ok()
    );
}

#[test]
fn keys_that_are_unknown_are_refused_and_forms_are_kept() {
    let node = json!({ "name": "a", "type": "delay", "seconds": 600, "nxt": "b" });
    let error = serde_json::from_value::<Journey>(journey(json!([node]))).expect_err("unknown");
    assert!(error.to_string().contains("nxt"), "{error}");
    let nodes = json!([
        { "name": "mail", "type": "message", "campaign": "note", "sent": "wait",
            "refused": "end", "viewed": "size", "within_s": 86_400 },
        { "name": "wait", "type": "delay", "seconds": 5_400, "next": "nine" },
        { "name": "nine", "type": "delay_until", "time": "09:00", "days": ["monday", "friday"],
            "local_time": "person", "next": "hold" },
        { "name": "hold", "type": "hold_until", "timeout_s": 172_800, "timeout": "size",
            "branches": [{ "event": "Ship", "where": "total > 1", "next": "size" },
                { "event": "Update", "again": true }] },
        { "name": "size", "type": "split", "otherwise": "half", "branches": [
            { "when": "trait journey.entry.total > 100", "next": "tell" }] },
        { "name": "half", "type": "random", "sticky": true, "branches": [
            { "percent": 50, "next": "tell" }, { "percent": 50 }] },
        { "name": "tell", "type": "send", "destination": "mail", "next": "note" },
        { "name": "note", "type": "update_profile", "next": "out", "changes": [
            { "trait": "n", "change": "increment", "value": 1 },
            { "trait": "tags", "change": "add", "value": "x" }] },
        { "name": "out", "type": "exit" },
    ]);
    let mut whole = journey(nodes);
    whole["name"] = "Steps".into();
    whole["goals"] = json!([{ "name": "buys", "event": "Buy", "where": "total > 2" }]);
    whole["exits"] = json!([{ "event": "Cancel" }]);
    whole["timeout_s"] = 604_800.into();
    let config = config(&[whole]);
    config.validate().unwrap();
    let journey = &config.journeys[0];
    let again: Journey = serde_json::from_str(&serde_json::to_string(journey).unwrap()).unwrap();
    assert_eq!(again, *journey);
    insta::assert_snapshot!(journey.to_text());
}
