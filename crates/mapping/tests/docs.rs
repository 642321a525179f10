//! The page about mappings says what happens.

use mapping::{Mapping, Payload, Trigger, Value};
use serde_json::Value as Json;

const PAGE: &str = include_str!("../../../docs/mappings.md");

#[test]
fn every_example_is_true() {
    let blocks: Vec<&str> =
        PAGE.split("```json\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    assert!(blocks.len() > 10);
    for block in blocks {
        let json: Json = serde_json::from_str(block).expect(block);
        if json.get("matches").is_some() {
            check_trigger(&json);
        } else if json.get("gives").is_some() {
            check_fields(&Value::from_json(block).expect(block));
        } else {
            Mapping::from_json(block).expect(block);
        }
    }
}

fn check_trigger(example: &Json) {
    let text = example["trigger"].as_str().expect("a trigger");
    let trigger = Trigger::new(text).expect(text);
    for (key, expected) in [("matches", true), ("ignores", false)] {
        for message in example[key].as_array().expect(key) {
            let message = message.to_string();
            let payload = Payload::of_json(&message).expect(&message);
            assert_eq!(trigger.matches(&payload), Ok(expected), "{text} {message}");
        }
    }
}

fn check_fields(example: &Value<'_>) {
    let part = |key| example.as_object().and_then(|example| example.get(key)).expect(key).to_json();
    let mapping = format!(
        r#"{{"trigger":"type != \"x\"","action":"addBookmark","fields":{}}}"#,
        part("fields")
    );
    let mapping = Mapping::from_json(&mapping).expect(&mapping);
    let message = part("message");
    let payload = Payload::of_json(&message).expect(&message);
    assert_eq!(mapping.resolve(&payload).expect(&message).to_json(), part("gives"));
}

#[test]
fn every_limit_is_the_one_of_the_code() {
    for (what, limit) in [
        ("mappings of a destination", mapping::MAPPINGS_MAX),
        ("JSON of a mapping", mapping::MAPPING_BYTES_MAX),
        ("name of a mapping", mapping::NAME_BYTES_MAX),
        ("trigger", mapping::TRIGGER_BYTES_MAX),
        ("nesting of a mapping's fields", mapping::DEPTH_MAX),
        ("directives that a mapping resolves for one message", mapping::RESOLVE_STEPS_MAX),
        ("values that a mapping makes for one message", mapping::RESOLVE_BYTES_MAX),
        ("template of `@liquid`", mapping::LIQUID_CHARS_MAX),
        ("output of `@liquid`, and each value on the way", mapping::LIQUID_BYTES_MAX),
        ("pattern and replacement of `@replace`", mapping::PATTERN_CHARS_MAX),
        ("pattern and replacement of `@replace`", mapping::REPLACEMENT_CHARS_MAX),
        ("items of a list view", mapping::LISTED_ITEMS_MAX),
    ] {
        let row = format!("| {what} | {limit} ");
        let row = row.trim_end();
        let is_there = PAGE
            .lines()
            .any(|line| line.strip_prefix(row).is_some_and(|rest| rest.starts_with(' ')));
        assert!(is_there, "{row}");
    }
}

#[test]
fn every_action_is_listed() {
    for action in mapping::ActionType::ALL {
        assert!(PAGE.contains(&format!("`{}`", action.name())), "{}", action.name());
    }
}
