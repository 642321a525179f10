//! Lists of mappings: reading, writing, limits, explanations.

use mapping::{
    MAPPING_BYTES_MAX, MAPPINGS_MAX, Mappings, Payload, directive_in_words, explain,
    recommender_presets,
};

fn problems(json: &str) -> Vec<String> {
    let problems = Mappings::from_json(json).expect_err("a mistake");
    problems.iter().map(ToString::to_string).collect()
}

fn mapping(name: &str) -> String {
    format!(
        r#"{{"name":"{name}","trigger":"type = \"track\"","action":"addBookmark","use_defaults":true}}"#
    )
}

#[test]
fn mistakes_name_mapping_field_and_place() {
    let json = r#"[
        {"name": "a", "trigger": "typo", "action": "addBookmark", "fields": {"itemId": {"@path": 5}}},
        {"name": "b", "trigger": "type = \"page\"", "action": "addBookmarks", "fields": {}},
        {"name": "c", "trigger": "type = \"page\"", "action": "mergeUsers", "fields": [], "colour": 1},
        {"name": "d", "action": "mergeUsers", "enabled": "yes", "use_defaults": true}
    ]"#;
    assert_eq!(
        problems(json),
        [
            r#"mapping "a": /0/trigger Invalid subscription"#,
            r#"mapping "a": /0/fields/itemId/@path should be a string or a mapping directive but it is a number"#,
            r#"mapping "b": /1/action should be one of addDetailView, addCartAddition, addPurchase, addBookmark, addRating, setViewPortion, setViewPortionFromWatchTime, deleteCartAddition, deleteBookmark, mergeUsers, addClick, addListViews but it is "addBookmarks""#,
            r#"mapping "c": /2/colour is no key of a mapping (name, enabled, trigger, action, fields, use_defaults)"#,
            r#"mapping "c": /2/fields should be an object of fields but it is array"#,
            r#"mapping "d": /3/enabled should be true or false"#,
            r#"mapping "d": /3/trigger Failed to validate subscription"#,
        ]
    );
    let found = Mappings::from_json(json).unwrap_err();
    assert_eq!(found[1].field, "itemId");
}

#[test]
fn every_limit_is_enforced() {
    let list = |n: usize| {
        let mappings: Vec<String> = (0..n).map(|n| mapping(&n.to_string())).collect();
        format!("[{}]", mappings.join(","))
    };
    assert_eq!(Mappings::from_json(&list(MAPPINGS_MAX)).unwrap().len(), MAPPINGS_MAX);
    assert_eq!(problems(&list(MAPPINGS_MAX + 1)), ["there are 51 mappings, the limit is 50"]);
    let twice = format!("[{},{}]", mapping("a"), mapping("a"));
    assert_eq!(problems(&twice), [r#"mapping "a": /1/name is the name of two mappings"#]);
    let long = mapping(&"x".repeat(MAPPING_BYTES_MAX));
    assert!(mapping::Mapping::from_json(&long).is_err());
    let deep = format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100));
    let deep = mapping("a").replace(r#""use_defaults":true"#, &format!(r#""fields":{deep}"#));
    assert!(problems(&format!("[{deep}]"))[0].ends_with("is nested deeper than 64 levels"));
}

#[test]
fn the_work_on_a_message_is_bounded() {
    let fails = |fields: &str, message: &str| {
        let json = mapping("a").replace(r#""use_defaults":true"#, &format!(r#""fields":{fields}"#));
        let mapping = mapping::Mapping::from_json(&json).unwrap();
        mapping.resolve(&Payload::of_json(message).unwrap()).unwrap_err().what
    };
    let large = format!(r#"{{"a":"{}","l":[{}]}}"#, "x".repeat(30_000), ["1"; 5_000].join(","));
    let template = format!(r#"{{"x":{{"@template":"{}"}}}}"#, "{{a}}".repeat(1_000));
    assert_eq!(fails(&template, &large), "x the mapping makes more than 1048576 bytes");
    let shape: Vec<String> = (0..100).map(|n| format!(r#""{n}":{n}"#)).collect();
    let shape = format!(r#"{{"x":{{"@arrayPath":["$.l",{{{}}}]}}}}"#, shape.join(","));
    assert_eq!(fails(&shape, &large), "x the mapping takes more than 100000 steps");
}

#[test]
fn presets_are_read_from_what_they_write() {
    let json = recommender_presets().to_json();
    let again = Mappings::from_json(&json).unwrap();
    assert_eq!(again.to_json(), json);
    assert_eq!(again.len(), 14);
}

#[test]
fn a_mapping_that_is_off_takes_nothing() {
    let off = mapping("off").replacen('{', r#"{"enabled":false,"#, 1);
    let mappings = Mappings::from_json(&format!("[{off},{}]", mapping("on"))).unwrap();
    let payload = Payload::of_json(r#"{"type":"track","event":"x"}"#).unwrap();
    let names: Vec<&str> =
        mappings.matching(&payload).iter().map(|(mapping, _)| mapping.name.as_str()).collect();
    assert_eq!(names, ["on"]);
    assert_eq!(Mappings::from_json(&mappings.to_json()).unwrap().to_json(), mappings.to_json());
}

#[test]
fn a_directive_is_told_in_words() {
    let words = |json| directive_in_words(json).unwrap_or_else(|| "none".to_owned());
    let user =
        r#"{"@if":{"exists":{"@path":"$.userId"},"then":{"@path":"$.userId"},"else":"guest"}}"#;
    assert_eq!(words(user), "$.userId, else guest");
    assert_eq!(
        words(r#"{"@template":"{{properties.a}}-{{properties.b}}"}"#),
        "{{properties.a}}-{{properties.b}}"
    );
    assert_eq!(words(r#"[{"itemId":"a"}]"#), "");
    assert_eq!(words("\"lamp\""), "lamp");
    assert_eq!(words(r#"{"itemId":{"@path":"$.sku"}}"#), "itemId from $.sku");
    assert_eq!(words(r#"{"@pat":"$.userId"}"#), "none");
    assert_eq!(words("$.userId"), "none");
}

#[test]
fn a_message_is_explained_field_by_field() {
    let message = r#"{"type":"track","event":"Product Viewed","userId":"u","timestamp":"2021-09-01T10:00:00Z",
        "properties":{"product_id":null,"sku":507,"price":"x"}}"#;
    let explained = explain(recommender_presets(), &Payload::of_json(message).unwrap());
    assert_eq!(explained.len(), 14);
    let fired: Vec<_> = explained.iter().filter(|mapping| mapping.fires).collect();
    insta::assert_snapshot!(serde_json::to_string_pretty(&fired).unwrap());
}
