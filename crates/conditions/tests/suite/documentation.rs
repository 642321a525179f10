//! The examples of `docs/conditions.md`.

use conditions::Condition;
use serde_json::Value;

const PAGE: &str = include_str!("../../../../docs/conditions.md");

/// The blocks of code of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("```{language}\n");
    PAGE.split(&opening).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn every_text_is_written_as_it_is_printed() {
    let mut n_examples = 0;
    for line in blocks("text").into_iter().flat_map(str::lines) {
        let condition: Condition = line.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(condition.to_string(), line);
        n_examples += 1;
    }
    assert!(n_examples >= 20, "the page has {n_examples} examples");
}

#[test]
fn every_json_is_the_text_before_it() {
    let texts: Vec<&str> = PAGE.split("```json\n").collect();
    assert!(texts.len() > 3, "the page has examples of JSON");
    for pair in texts.windows(2) {
        let text = pair[0].rsplit("```text\n").next().unwrap().lines().next().unwrap();
        let json: Value = serde_json::from_str(pair[1].split("```").next().unwrap()).unwrap();
        let condition = Condition::from_json(&json).unwrap();
        assert_eq!(condition.to_string(), text);
        assert_eq!(condition.to_json(), json);
    }
}
