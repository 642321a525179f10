//! No text and no JSON makes the crate panic, and what it computes follows from its input alone.

use mapping::recombee::{Settings, TrialMappings, try_message};
use mapping::{Mapping, Path, Payload, Trigger, Value};
use proptest::prelude::*;

/// JSON with the keys and texts that directives know, so that many of them are nearly right.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let word = prop_oneof![
        Just("$.a".to_owned()),
        Just("$.a.b[0].c".to_owned()),
        Just("{{a}} {{{b.c}}}".to_owned()),
        Just("{{ a | append: b | replace: 'a', b }}".to_owned()),
        Just("{% if a %}{{ b.c[0] }}{% assign x = b %}{{ x }}{% endif %}".to_owned()),
        Just("upper".to_owned()),
        Just("encode".to_owned()),
        Just("decode".to_owned()),
        Just("left".to_owned()),
        Just(".".to_owned()),
        Just(String::new()),
        ".{0,12}",
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<f64>().prop_map(|number| serde_json::json!(number)),
        any::<i64>().prop_map(Into::into),
        word.prop_map(Into::into),
    ];
    let key = prop_oneof![
        4 => prop::sample::select(vec![
            "@path", "@template", "@if", "@case", "@replace", "@arrayPath", "@literal", "@flatten",
            "@json", "@merge", "@transform", "@excludeWhenNull", "@liquid", "@nope", "_metadata",
        ]).prop_map(str::to_owned),
        6 => prop::sample::select(vec![
            "exists", "blank", "then", "else", "value", "operator", "pattern", "replacement",
            "pattern2", "separator", "omitArrays", "mode", "objects", "direction", "apply",
            "mapping", "a", "b", "c", "userId", "itemId", "items", "item", "portion", "timestamp",
            "__segment_internal_directive", "0",
        ]).prop_map(str::to_owned),
        1 => ".{0,3}",
    ];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
            prop::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// Texts of tokens of triggers, in any order.
fn trigger() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        prop::sample::select(vec![
            "type",
            "event",
            "properties.a",
            "traits",
            "context.b.c",
            "userId",
            "name",
            "=",
            "!=",
            "<",
            ">=",
            "!",
            "and",
            "or",
            "null",
            "true",
            "(",
            ")",
            "[",
            "contains",
            "match",
            ",",
            "\"x\"",
            "'y'",
            "\"track\"",
            "5",
            "-",
            ".",
            "\\",
            "\"",
            "é",
        ])
        .prop_map(str::to_owned),
        ".{0,4}",
    ];
    (prop::collection::vec(token, 0..12), prop::sample::select(vec!["", " "]))
        .prop_map(|(tokens, gap)| tokens.join(gap))
}

fn action() -> impl Strategy<Value = &'static str> {
    prop::sample::select(mapping::ActionType::ALL.map(|action| action.name()).to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

    #[test]
    fn triggers_never_panic_and_reach_all_that_they_match(text in trigger(), message in json()) {
        let message = serde_json::json!({"type": "track", "event": "x", "properties": message});
        let message = message.to_string();
        let payload = Payload::of_json(&message).unwrap();
        if let Ok(trigger) = Trigger::new(&text) {
            let matches = trigger.matches(&payload);
            prop_assert_eq!(&matches, &trigger.matches(&payload));
            let reach = trigger.reach();
            if matches == Ok(true) {
                prop_assert!(reach.types.as_ref().is_none_or(|types| types.contains("track")));
                prop_assert!(reach.events.as_ref().is_none_or(|events| events.contains("x")));
            }
        }
    }

    #[test]
    fn directives_never_panic_and_resolve_the_same_twice(
        fields in json(),
        message in json(),
        action in action(),
    ) {
        let mapping = serde_json::json!([
            {"name": "m", "trigger": "type = \"track\"", "action": action, "fields": fields},
        ]);
        let message = serde_json::json!({"type": "track", "a": message, "b": {"c": [message]}});
        let message = message.to_string();
        let settings = r#"{"databaseId":"d","privateToken":"t","databaseRegion":"eu-west"}"#;
        let settings = Settings::from_json(settings).unwrap();
        let run = || {
            let mappings = TrialMappings::from_json(&mapping.to_string()).unwrap();
            let trials = [true, false].map(|is_compatible| {
                try_message(&mappings, &message, &settings, is_compatible)
            });
            serde_json::to_string(&trials).unwrap()
        };
        prop_assert_eq!(run(), run());
        if let Ok(read) = Mapping::from_json(&mapping[0].to_string()) {
            let again = Mapping::from_json(&read.to_json()).unwrap();
            prop_assert_eq!(again.to_json(), read.to_json());
        }
    }

    #[test]
    fn every_value_is_read_as_serde_reads_it(json in json()) {
        let text = json.to_string();
        let value = Value::from_json(&text).unwrap();
        let again: serde_json::Value = serde_json::from_str(&value.to_json()).unwrap();
        let plain = serde_json::to_string(&json).unwrap();
        let plain = Value::from_json(&plain).unwrap().to_json();
        prop_assert_eq!(again.to_string(), serde_json::from_str::<serde_json::Value>(&plain).unwrap().to_string());
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,40}") {
        let ours = Value::from_json(&text).is_ok();
        prop_assert_eq!(ours, serde_json::from_str::<serde_json::Value>(&text).is_ok());
        let _ = Path::new(&text);
        let _ = Mapping::from_json(&text);
        let _ = Payload::of_json(&text);
    }
}
