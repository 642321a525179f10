//! What people are told of their mistakes.

use std::collections::BTreeMap;

use conditions::{Condition, check_references};
use serde_json::Value;

#[test]
fn mistakes_in_texts_name_their_column() {
    let deep = format!("{}did \"a\"", "not ".repeat(30));
    let many = vec!["in audience a"; 201].join(" or ");
    let lines = [
        "",
        "did",
        "did Order Completed",
        "did \"Order Completed",
        "bought \"Order Completed\"",
        "diid \"Order Completed\"",
        "did \"a\" at least 2",
        "did \"a\" at least 2.5 times",
        "did \"a\" at least 2000 times",
        "did \"a\" in the last 30 dys",
        "did \"a\" in the last 30d",
        "did \"a\" in the last 20000 days",
        "did \"a\" between 30 and 60",
        "did \"a\" between 30 days and 30 days ago",
        "did \"a\" since yesterday",
        "did \"a\" where total > \"10\"",
        "did \"a\" where total contans \"x\"",
        "did \"a\" where $.x = 1",
        "did \"a\" 3 times",
        "did \"a\" then \"b\"",
        "did not \"a\" then \"b\" within 1 day",
        "did \"a\" where d within last 1 day then \"b\" within 1 day",
        "trait country = DE",
        "trait country = 'DE'",
        "trait country in ()",
        "rfm champion of \"a\"",
        "rfm champions of \"a\" frequency (1, 2, 3)",
        "rfm champions of \"a\" frequency (5, 4, 3, 2)",
        "recommended brnd \"a\"",
        "in audience a in audience b",
        "(in audience a",
        &deep,
        &many,
    ]
    .map(|text| {
        let short: String = text.chars().take(70).collect();
        match text.parse::<Condition>() {
            Ok(condition) => format!("{short}\n    fine: {condition}"),
            Err(error) => format!("{short}\n    {error}"),
        }
    });
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn mistakes_in_json_name_their_place() {
    let lines = [
        r#"[]"#,
        r#"{}"#,
        r#"{"evnt": {}}"#,
        r#"{"and": []}"#,
        r#"{"and": [{"audience": "a"}, {"event": {"name": "a", "cont": {}}}]}"#,
        r#"{"event": {}}"#,
        r#"{"event": {"name": 7}}"#,
        r#"{"event": {"name": "a", "count": {"at_least": -1}}}"#,
        r#"{"event": {"name": "a", "window": {"last": "30"}}}"#,
        r#"{"event": {"name": "a", "window": {"between": ["60 days", "30 days"]}}}"#,
        r#"{"event": {"name": "a", "window": {"since": "1"}}}"#,
        r#"{"event": {"name": "a", "where": [{"property": "x"}]}}"#,
        r#"{"event": {"name": "a", "where": [{"property": "x", "equal": 1}]}}"#,
        r#"{"event": {"name": "a", "where": [{"property": "x", "equals": [1]}]}}"#,
        r#"{"event": {"name": "a", "where": [{"property": "x", "equals": 1, "at_most": 2}]}}"#,
        r#"{"trait": {"property": "x", "equals": 1}}"#,
        r#"{"trait": {"key": "x", "size": 3}}"#,
        r#"{"trait": {"key": "x", "has_any": [1], "among_first": 3}}"#,
        r#"{"funnel": {"first": {"name": "a"}, "within": "1 day"}}"#,
        r#"{"rfm": {"group": "champion", "name": "a"}}"#,
        r#"{"recommended": {"items": "a"}}"#,
        r#"{"not": {"audience": ""}}"#,
    ]
    .map(|json| {
        let value: Value = serde_json::from_str(json).unwrap();
        match Condition::from_json(&value) {
            Ok(condition) => format!("{json}\n    fine: {condition}"),
            Err(error) => format!("{json}\n    {error}"),
        }
    });
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn audiences_that_lead_back_to_themselves_are_refused() {
    let check = |audiences: &[(&str, &str)]| {
        let parsed = audiences.iter().map(|(key, text)| ((*key).to_owned(), text.parse().unwrap()));
        check_references(&BTreeMap::from_iter(parsed))
    };
    assert_eq!(check(&[("a", "in audience b"), ("b", "did \"x\"")]), Ok(()));
    let circle = check(&[("a", "not in audience b"), ("b", "in audience a or did \"x\"")]);
    assert_eq!(circle.unwrap_err(), "the audience \"a\" depends on itself: a -> b -> a");
    let unknown = check(&[("vip", "did \"x\""), ("b", "in audience vp")]);
    assert_eq!(unknown.unwrap_err(), "audience \"vp\" is unknown; did you mean \"vip\"?");
    let keys: Vec<(String, String)> =
        (0..9).map(|n| (format!("a{n}"), format!("in audience a{}", n + 1))).collect();
    let mut long: Vec<(&str, &str)> = keys.iter().map(|(key, text)| (&**key, &**text)).collect();
    long.push(("a9", "did \"x\""));
    assert!(check(&long).unwrap_err().contains("more than 8 audiences depend on each other"));
}
