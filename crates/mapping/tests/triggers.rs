//! The trigger language, one row for each rule and quirk.

use mapping::{Payload, TRIGGER_BYTES_MAX, Trigger, TriggerError};

const MESSAGE: &str = r#"{"type":"track","event":"Order Completed","userId":"u-1","name":null,
    "properties":{"price":10,"text":"10","premium":true,"other":false,"none":null,"zero":0,
        "empty":"","list":[{"a":1},"x"],"deep":{"a":{"b":"c"}},"my key":"spaced","yes":"true",
        "and":"word"},
    "traits":{"plan":"pro","age":40},"context":{"app":{"name":"shop"},"ip":"::1"}}"#;

/// `yes`, `no`, or `error`.
fn evaluate(trigger: &str, message: &str) -> &'static str {
    let payload = Payload::of_json(message).expect(message);
    match Trigger::new(trigger).and_then(|trigger| trigger.matches(&payload)) {
        Ok(true) => "yes",
        Ok(false) => "no",
        Err(TriggerError::Invalid) => "error",
        Err(other) => panic!("{trigger}: {other}"),
    }
}

#[test]
fn every_rule_of_evaluation() {
    let cases = [
        // Equality with a text is strict.
        (r#"type = "track""#, "yes"),
        (r#"type="track""#, "yes"),
        (r#"type = "Track""#, "no"),
        (r#"event = "Order Completed""#, "yes"),
        (r#"userId = "u-1""#, "yes"),
        (r#"properties.price = "10""#, "no"),
        (r#"properties.text = "10""#, "yes"),
        (r#"traits.plan = "pro""#, "yes"),
        (r#"context.app.name = "shop""#, "yes"),
        (r#"properties.deep.a.b = "c""#, "yes"),
        (r#"type = track"#, "yes"),
        (r#"type = 'track'"#, "no"),
        // Equality with a number needs a number, but for event, name, userId and type.
        (r#"properties.price = 10"#, "yes"),
        (r#"properties.price = 10.0"#, "yes"),
        (r#"properties.price = +10"#, "yes"),
        (r#"properties.text = 10"#, "no"),
        // Inequality: missing and other types differ from a text, but not from a number.
        (r#"type != "page""#, "yes"),
        (r#"type != "track""#, "no"),
        (r#"properties.missing != "x""#, "yes"),
        (r#"properties.price != "10""#, "yes"),
        (r#"properties.price != 11"#, "yes"),
        (r#"properties.price != 10"#, "no"),
        (r#"properties.text != 11"#, "no"),
        (r#"properties.missing != 11"#, "no"),
        // Comparison needs a number on the left; the right side becomes one.
        (r#"properties.price > 9.5"#, "yes"),
        (r#"properties.price >= 10"#, "yes"),
        (r#"properties.price < 10"#, "no"),
        (r#"properties.price <= 10"#, "yes"),
        (r#"properties.price > "9""#, "yes"),
        (r#"properties.price > "many""#, "no"),
        (r#"properties.text > 1"#, "no"),
        (r#"properties.price > null"#, "no"),
        (r#"properties.price > true"#, "yes"),
        // An operator before its number without a space breaks off.
        (r#"properties.price >=10"#, "no"),
        // Booleans are strict on properties, traits, context and userId.
        (r#"properties.premium = true"#, "yes"),
        (r#"properties.other = false"#, "yes"),
        (r#"properties.zero = false"#, "no"),
        (r#"properties.yes = true"#, "no"),
        (r#"properties.yes = "true""#, "yes"),
        (r#"properties.premium != true"#, "yes"),
        (r#"properties.yes != true"#, "no"),
        (r#"userId = true"#, "no"),
        // Null is missing or null, but for event and type.
        (r#"properties.none = null"#, "yes"),
        (r#"properties.missing = null"#, "yes"),
        (r#"properties.zero != null"#, "yes"),
        (r#"properties.empty = null"#, "no"),
        (r#"name = null"#, "yes"),
        (r#"userId != null"#, "yes"),
        (r#"event = null"#, "no"),
        (r#"event != null"#, "yes"),
        (r#"type != null"#, "yes"),
        // Functions need a text, also where they are negated.
        (r#"contains(event, "Complete")"#, "yes"),
        (r#"contains(event, "complete")"#, "no"),
        (r#"!contains(event, "x")"#, "yes"),
        (r#"contains(properties.text, 1)"#, "yes"),
        (r#"contains(properties.price, "1")"#, "no"),
        (r#"!contains(properties.price, "x")"#, "no"),
        (r#"!contains(properties.missing, "x")"#, "no"),
        (r#"contains(userId, "u")"#, "yes"),
        (r#"contains(context.app.name, "ho")"#, "yes"),
        (r#"contains(traits.plan, "")"#, "yes"),
        (r#"match(event, "Order*")"#, "yes"),
        (r#"match(event, "*Completed")"#, "yes"),
        (r#"match(event, "*")"#, "yes"),
        (r#"match(properties.price, "*")"#, "no"),
        (r#"!match(event, "Order*")"#, "no"),
        // Without a star behind it, the first character of a pattern is dropped.
        (r#"match(event, "xCompleted")"#, "yes"),
        (r#"match(event, "Order Completed")"#, "yes"),
        (r#"match(event, "*Order*")"#, "no"),
        (r#"match(event, 'Order*')"#, "no"),
        // Paths: numbers index arrays, a falsy value on the way is the result.
        (r#"properties.list.0.a = 1"#, "no"),
        (r#"properties.zero.a.b = 0"#, "yes"),
        (r#"properties.empty.a = """#, "yes"),
        (r#"properties.list = "x""#, "no"),
        (r#"properties.my\ key = "spaced""#, "yes"),
        (r#"properties.list.\0.a = 1"#, "yes"),
        (r#"properties = 5"#, "no"),
    ];
    for (trigger, expected) in cases {
        assert_eq!(evaluate(trigger, MESSAGE), expected, "{trigger}");
    }
}

#[test]
fn every_quirk_of_parsing() {
    let page = r#"{"type":"page","event":"x"}"#;
    let track = r#"{"type":"track","event":"E"}"#;
    let cases = [
        // The last connective counts for all terms of its level.
        (r#"type = "page" and event = "y" or type = "track""#, page, "yes"),
        (r#"type = "track" or type = "page" and event = "E""#, track, "no"),
        // One level of parentheses works, and they do not nest.
        (r#"(type = "page" or type = "track") and event = "E""#, track, "yes"),
        (r#"(type = "page" or type = "track") and event = "F""#, track, "no"),
        (r#"event = "E" and (type = "page" or type = "track")"#, track, "yes"),
        (r#"((type = "page") or type = "track")"#, track, "error"),
        (r#"(type = "track""#, track, "error"),
        (r#"type = "track")"#, track, "yes"),
        (r#"()"#, track, "error"),
        (r#"type = "page" and ()"#, track, "no"),
        (r#"type = "track" and ()"#, track, "error"),
        // Unknown fields are passed over, token by token.
        (r#"anonymousId = "x" and type = "track""#, track, "yes"),
        (r#"anonymousId = "x""#, track, "error"),
        (r#"TYPE = "track""#, track, "error"),
        (r#"messageId = type = "track""#, track, "yes"),
        (r#"contains(type, "tra") and event = "E""#, track, "yes"),
        (r#"contains(type, "tra")"#, track, "error"),
        // `!` counts before a function only; `not` and `AND` are unknown words.
        (r#"!(type = "page")"#, track, "no"),
        (r#"!(type = "track")"#, track, "yes"),
        (r#"not type = "track""#, track, "yes"),
        (r#"type = "track" AND event = "F""#, track, "no"),
        (r#"type = "page" OR event = "E""#, track, "no"),
        // No connective means and; one at the end is ignored.
        (r#"type = "track" event = "F""#, track, "no"),
        (r#"type = "track" and"#, track, "yes"),
        (r#"type = "page" event = "E" or"#, track, "yes"),
        // Errors.
        (r#"typo"#, track, "error"),
        (r#"type"#, track, "error"),
        (r#" "#, track, "error"),
        (r#"type * "track""#, track, "error"),
        ("type =\r\"track\"", track, "error"),
        (r#"properties.a[0].b = 1"#, track, "error"),
        (r#"type ="#, track, "no"),
        (r#"type = = "track""#, track, "no"),
        (r#"type . "track""#, track, "no"),
        (r#"contains(event"#, track, "error"),
        // A closing quote without a terminator behind it opens the next string.
        (r#"type = "track"and event = "F""#, track, "yes"),
        ("type = \"track\"\nand event = \"E\"", track, "yes"),
    ];
    for (trigger, message, expected) in cases {
        assert_eq!(evaluate(trigger, message), expected, "{trigger}");
    }
}

#[test]
fn errors_have_the_texts_of_the_original() {
    let error = |trigger: &str| Trigger::new(trigger).unwrap_err().to_string();
    assert_eq!(error(""), "Failed to validate subscription");
    assert_eq!(error("typo"), "Invalid subscription");
    let long = format!("type = \"{}\"", "x".repeat(TRIGGER_BYTES_MAX));
    assert!(error(&long).ends_with("the limit is 10000"), "{}", error(&long));
}

#[test]
fn the_reach_of_a_trigger_is_what_it_can_match() {
    let reach = |trigger: &str| {
        let trigger = Trigger::new(trigger).expect(trigger);
        let words = |set: &Option<std::collections::BTreeSet<String>>| match set {
            None => "*".to_owned(),
            Some(set) => set.iter().cloned().collect::<Vec<_>>().join("|"),
        };
        format!("{} {}", words(&trigger.reach().types), words(&trigger.reach().events))
    };
    for (trigger, expected) in [
        (r#"type = "track" and event = "E""#, "track E"),
        (r#"type = "page""#, "page *"),
        (r#"type = "page" or type = "screen""#, "page|screen *"),
        (r#"type = "track" or event = "E""#, "* *"),
        (r#"(event = "E" or event = "F") and type = "track" and properties.a = 1"#, "track E|F"),
        (r#"type != "page""#, "* *"),
        (r#"type = "page" and type = "track""#, " *"),
        (r#"contains(event, "E")"#, "* *"),
    ] {
        assert_eq!(reach(trigger), expected, "{trigger}");
    }
}
