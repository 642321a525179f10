//! Both forms read back as what was written.

use conditions::Condition;
use proptest::prelude::*;

use crate::generate::condition;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_condition_survives_its_text_and_its_json(condition in condition(true)) {
        let text = condition.to_string();
        let read: Condition = text.parse().map_err(|error| {
            TestCaseError::fail(format!("{text}: {error}"))
        })?;
        prop_assert_eq!(&read, &condition, "{}", text);
        prop_assert_eq!(read.to_string(), text);
        let json = condition.to_json();
        let read = Condition::from_json(&json).map_err(|error| {
            TestCaseError::fail(format!("{json}: {error}"))
        })?;
        prop_assert_eq!(&read, &condition, "{}", json);
        prop_assert_eq!(read.to_json(), json);
    }

    #[test]
    fn no_text_panics(text in "[a-z\"(),=<> 0-9.-]{0,60}", words in proptest::collection::vec(
        proptest::sample::select(vec![
            "did", "not", "\"a\"", "where", "in", "the", "last", "30", "days", "between", "and",
            "ago", "x", "=", "<", "(", ")", ",", "trait", "has", "any", "of", "size", "then",
            "within", "rfm", "new", "since", "2026-03-01", "at", "least", "times", "or",
        ]),
        0..16,
    )) {
        let _ = text.parse::<Condition>();
        if let Ok(condition) = words.join(" ").parse::<Condition>() {
            prop_assert_eq!(condition.to_string().parse::<Condition>(), Ok(condition));
        }
    }
}

#[test]
fn a_group_of_one_is_its_part_and_serde_reads_both_forms() {
    let json = r#"{"and": [{"audience": "vip"}]}"#;
    let one: Condition = serde_json::from_str(json).unwrap();
    let other: Condition = serde_json::from_str("\"in audience vip\"").unwrap();
    assert_eq!(one, other);
    assert_eq!(serde_json::to_string(&one).unwrap(), r#"{"audience":"vip"}"#);
}
