use super::*;
use crate::message::{Arrival, Envelope, check_message};
use crate::{Timestamp, WorkspaceConfig, WorkspaceId};

/// What becomes of a message at a source with controls, in one line: the body or the reason with
/// its detail, then the violations.
fn decide(plan: &serde_json::Value, message: &str) -> String {
    let source =
        Source { plan: serde_json::from_value(plan.clone()).unwrap(), ..Source::new("web", "key") };
    source.check_controls().unwrap();
    let arrival = Arrival { received_at: Timestamp(0), source: "web", peer_ip: None };
    let checked = check_message(message, None, &Envelope::default(), &arrival).unwrap();
    let (what, violations) = match SourceControls::new(&source).check(checked, message) {
        Ok(message) => (message.body.unwrap_or_default(), message.violations),
        Err(rejection) => {
            let Rejection { reason, detail, violations, .. } = &*rejection;
            let place = rejection.place();
            (format!("{} at {place}: {detail}", reason.code()), violations.clone())
        }
    };
    let violations = violations.iter().map(|violation| {
        let name = violation.property.as_deref().or(violation.event.as_deref());
        let sample = violation.sample.as_deref().unwrap_or("-");
        format!("; {:?} {} {sample}", violation.kind, name.unwrap_or_default())
    });
    what + &violations.collect::<String>()
}

fn track(event: &str, properties: &str) -> String {
    format!(r#"{{"type":"track","userId":"u","event":"{event}","properties":{properties}}}"#)
}

fn plan(more: &str) -> serde_json::Value {
    let text = format!(
        r#"{{"events": [{{"name": "Order", "properties": [
            {{"name": "id", "required": true, "types": ["string"]}},
            {{"name": "total", "types": ["number", "null"]}},
            {{"name": "n", "types": ["integer"]}},
            {{"name": "at", "types": ["date-time"]}},
            {{"name": "currency", "pattern": "^(EUR|USD)$"}}
        ]}}] {more}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

#[test]
fn values_are_held_against_types_and_patterns() {
    let ok = |properties: &str| properties.to_owned();
    for (properties, expected) in [
        (r#"{"id":"1"}"#, ok(r#"{"id":"1"}"#)),
        (r#"{"id":"1","total":1.5,"n":2.0}"#, ok(r#"{"id":"1","total":1.5,"n":2.0}"#)),
        (r#"{"id":"2026-01-01","total":null}"#, ok(r#"{"id":"2026-01-01","total":null}"#)),
        (r#"{"id":1}"#, format!(r#"{}; WrongType id 1"#, r#"{"id":1}"#)),
        (r#"{"total":2}"#, format!("{}; MissingProperty id -", r#"{"total":2}"#)),
        (r#"{"id":"1","n":1.5}"#, format!("{}; WrongType n 1.5", r#"{"id":"1","n":1.5}"#)),
        (
            r#"{"id":"1","at":"tomorrow"}"#,
            format!("{}; WrongType at \"tomorrow\"", r#"{"id":"1","at":"tomorrow"}"#),
        ),
        (
            r#"{"id":"1","currency":"eur"}"#,
            format!("{}; WrongPattern currency \"eur\"", r#"{"id":"1","currency":"eur"}"#),
        ),
        (r#"{"id":"1","currency":["EUR"]}"#, ok(r#"{"id":"1","currency":["EUR"]}"#)),
        (
            r#"{"id":"1","color":"red"}"#,
            format!("{}; UnplannedProperty color \"red\"", r#"{"id":"1","color":"red"}"#),
        ),
    ] {
        assert_eq!(decide(&plan(""), &track("Order", properties)), expected, "{properties}");
    }
}

#[test]
fn each_control_allows_omits_or_blocks() {
    let omit = plan(r#", "unplanned_properties": "omit", "violations": "omit""#);
    let block = plan(
        r#", "unplanned_events": "block", "unplanned_properties": "block", "violations": "block""#,
    );
    let unplanned = r#"{"id":"1","color":"red","n":1}"#;
    let wrong = r#"{"id":"1","n":"two","total":3}"#;
    for (plan, event, properties, expected) in [
        (&omit, "Order", unplanned, r#"{"id":"1","n":1}; UnplannedProperty color -"#),
        (&omit, "Order", wrong, r#"{"id":"1","total":3}; WrongType n -"#),
        (&omit, "Order", r#"{"n":1}"#, r#"{"n":1}; MissingProperty id -"#),
        (&omit, "Other", r#"{"x":1}"#, r#"{"x":1}; UnplannedEvent Other -"#),
        (
            &block,
            "Order",
            unplanned,
            r#"unplanned at /properties: properties hold "color" which is not in the plan; UnplannedProperty color "red""#,
        ),
        (
            &block,
            "Order",
            wrong,
            r#"schema_violation at /properties: properties hold "n" as string, planned as integer; WrongType n "two""#,
        ),
        (
            &block,
            "Order",
            r#"{"n":1}"#,
            r#"schema_violation at /properties: properties lack "id", which the plan requires; MissingProperty id -"#,
        ),
        (
            &block,
            "order",
            r#"{"id":"1"}"#,
            r#"unplanned at /event: event "order" is not in the plan; UnplannedEvent order -"#,
        ),
    ] {
        assert_eq!(decide(plan, &track(event, properties)), expected);
    }
}

#[test]
fn blocked_names_go_whatever_the_plan_says_and_leave_no_sample() {
    let plan = serde_json::json!({
        "blocked_events": ["Debug"],
        "blocked_properties": ["password"],
        "identify": [{ "name": "email", "types": ["string"] }],
        "unplanned_properties": "block",
    });
    for (message, expected) in [
        (
            track("Debug", "{}"),
            r#"event_blocked at /event: event "Debug" is blocked by the plan; BlockedEvent Debug -"#,
        ),
        (
            track("Any", r#"{"password":"secret","a":[1, 2],"ü\"":true}"#),
            r#"{"a":[1, 2],"ü\"":true}; BlockedProperty password -"#,
        ),
        (
            r#"{"type":"identify","userId":"u","traits":{"email":"a","password":"b"}}"#.to_owned(),
            r#"{"email":"a"}; BlockedProperty password -"#,
        ),
        (
            r#"{"type":"identify","userId":"u","traits":{"name":"a"}}"#.to_owned(),
            r#"unplanned at /traits: traits hold "name" which is not in the plan; UnplannedProperty name "a""#,
        ),
        (r#"{"type":"page","userId":"u","properties":{"x":1}}"#.to_owned(), r#"{"x":1}"#),
    ] {
        assert_eq!(decide(&plan, &message), expected);
    }
}

#[test]
fn a_type_that_is_not_allowed_is_rejected_and_no_excerpt_shows_a_blocked_property() {
    let plan =
        TrackingPlan { blocked_properties: vec!["password".to_owned()], ..TrackingPlan::default() };
    let source = Source {
        allowed_types: Some(vec![MessageType::Page]),
        plan: Some(plan),
        ..Source::new("web", "key")
    };
    let controls = SourceControls::new(&source);
    let arrival = Arrival { received_at: Timestamp(0), source: "web", peer_ip: None };
    let text = track("Any", r#"{"password":"secret","a":1}"#);
    let message = check_message(&text, None, &Envelope::default(), &arrival).unwrap();
    let rejection = controls.check(message, &text).unwrap_err();
    assert_eq!(rejection.reason, RejectionReason::TypeNotAllowed);
    assert_eq!(rejection.place(), "/type");
    assert_eq!(rejection.detail, "type track is not allowed: source \"web\" takes page");
    assert!(!rejection.excerpt.contains("secret"), "{}", rejection.excerpt);
    let text = r#"{"type":"track","properties":{"password":"secret"}}"#;
    let mut rejection = check_message(text, None, &Envelope::default(), &arrival).unwrap_err();
    controls.redact(&mut rejection);
    assert_eq!(rejection.excerpt, "");
}

#[test]
fn mistakes_of_a_source_name_their_place() {
    let mistake = |more: &str| {
        let json = format!(r#"{{"name":"web","write_key":"key",{more}}}"#);
        let mut config = WorkspaceConfig::empty(WorkspaceId::new("shop").unwrap());
        config.sources = vec![serde_json::from_str(&json).unwrap()];
        config.validate().unwrap_err().what
    };
    let property = |property: &str| {
        mistake(&format!(r#""plan":{{"events":[{{"name":"A","properties":[{property}]}}]}}"#))
    };
    let mistakes = [
        mistake(r#""allowed_types":[]"#),
        mistake(r#""allowed_types":["page","page"]"#),
        mistake(r#""messages_per_second":0"#),
        mistake(r#""plan":{"events":[{"name":""}]}"#),
        mistake(r#""plan":{"events":[{"name":"A"},{"name":"A"}]}"#),
        mistake(r#""plan":{"blocked_properties":["a","a"]}"#),
        mistake(r#""plan":{"identify":[{"name":"a","pattern":"("}]}"#),
        property(r#"{"name":"a","pattern":"^\\w{1,90}$"}"#),
        property(&format!(r#"{{"name":"a","pattern":"{}"}}"#, "a".repeat(501))),
    ];
    insta::assert_snapshot!(mistakes.join("\n"), @r#"
source "web": allowed_types must name at least one type; a source that is off takes none
source "web": allowed_types has page twice
source "web": messages_per_second is 0, it must be 1 to 1000000
source "web": plan.events.0.name must be 1 to 200 bytes
source "web": plan.events.1.name is "A", which stands there twice
source "web": plan.blocked_properties.1 is "a", which stands there twice
source "web": plan.identify.0.pattern: unclosed group
source "web": plan.events.0.properties.0.pattern: the pattern is too large: write classes out, such as [A-Za-z0-9_] for \w, and repeat less often
source "web": plan.events.0.properties.0.pattern has 501 bytes, the limit is 500
"#);
}
