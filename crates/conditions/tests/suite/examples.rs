//! Known answers, to the millisecond.

use std::collections::BTreeMap;

use conditions::{Condition, Event, Person, Surroundings, holds, next_change};
use domain::Timestamp;
use serde_json::{Map, Value, json};

const DAY_MS: i64 = 86_400_000;
/// 2026-01-01.
const NEW_YEAR: i64 = 1_767_225_600_000;

/// Events by name, with their days after the new year.
fn check(text: &str, events: &[(&str, f64)], traits: &Value, day: f64) -> (bool, Option<f64>) {
    let at = |day: f64| Timestamp(NEW_YEAR + (day * DAY_MS as f64).round() as i64);
    let event = |(name, day): &(&str, f64)| Event {
        name: (*name).to_owned(),
        timestamp: at(*day),
        properties: Map::new(),
    };
    let events: Vec<Event> = events.iter().map(event).collect();
    let audiences = BTreeMap::new();
    let traits = traits.as_object().unwrap();
    let surroundings = Surroundings { traits, accounts: &[], audiences: &audiences, answers: &[] };
    let person = Person { events: &events, surroundings };
    let condition: Condition = text.parse().unwrap();
    let next = next_change(&condition, &person, at(day));
    if let Some(next) = next {
        let before = Timestamp(next.0 - 1);
        assert_eq!(holds(&condition, &person, before), holds(&condition, &person, at(day)));
        assert_ne!(holds(&condition, &person, before), holds(&condition, &person, next));
    }
    let days = |at: Timestamp| (at.0 - NEW_YEAR) as f64 / DAY_MS as f64;
    (holds(&condition, &person, at(day)), next.map(days))
}

#[test]
fn windows_close_at_the_exact_instant() {
    let none = json!({});
    let last = "did \"a\" in the last 30 days";
    assert_eq!(check(last, &[("a", 1.0)], &none, 2.0), (true, Some(31.0)));
    assert_eq!(check(last, &[("a", 1.0)], &none, 31.0), (false, None));
    assert_eq!(check(last, &[("a", 1.0), ("a", 3.5)], &none, 2.0), (true, Some(33.5)));
    let twice = "did \"a\" at least 2 times in the last 30 days";
    assert_eq!(check(twice, &[("a", 1.0), ("a", 3.5)], &none, 4.0), (true, Some(31.0)));
    let not = "did not \"a\" in the last 1 day";
    assert_eq!(check(not, &[("a", 1.0)], &none, 1.5), (false, Some(2.0)));
    let between = "did \"a\" between 2 and 5 days ago";
    assert_eq!(check(between, &[("a", 1.0)], &none, 1.0), (false, Some(3.0)));
    assert_eq!(check(between, &[("a", 1.0)], &none, 3.0), (true, Some(6.0)));
}

#[test]
fn what_does_not_follow_is_known_when_its_time_is_over() {
    let none = json!({});
    let absent = "did \"cart\" then not \"buy\" within 1 day in the last 7 days";
    assert_eq!(check(absent, &[("cart", 1.0)], &none, 1.0), (false, Some(2.0)));
    assert_eq!(check(absent, &[("cart", 1.0)], &none, 2.0), (true, Some(8.0)));
    assert_eq!(check(absent, &[("cart", 1.0), ("buy", 1.5)], &none, 2.0), (false, None));
    assert_eq!(check(absent, &[("cart", 1.0), ("buy", 2.0)], &none, 2.0), (true, Some(8.0)));
    let present = "did \"cart\" then \"buy\" within 1 day";
    assert_eq!(check(present, &[("buy", 1.0), ("cart", 1.0)], &none, 2.0), (false, None));
    assert_eq!(check(present, &[("buy", 1.5), ("cart", 1.0)], &none, 2.0), (true, None));
}

#[test]
fn groups_by_recency_and_frequency_and_dates_of_traits_change_with_time() {
    let none = json!({});
    let new = "rfm new of \"buy\"";
    assert_eq!(check(new, &[("buy", 1.0)], &none, 1.0), (true, Some(8.0)));
    let promising = "rfm promising of \"buy\"";
    assert_eq!(check(promising, &[("buy", 1.0)], &none, 1.0), (false, Some(8.0)));
    assert_eq!(check(promising, &[("buy", 1.0)], &none, 8.0), (true, Some(31.0)));
    let ends = json!({ "plan_ends": "2026-01-20T00:00:00Z" });
    let soon = "trait plan_ends within next 7 days";
    assert_eq!(check(soon, &[], &ends, 1.0), (false, Some(12.0)));
    assert_eq!(check(soon, &[], &ends, 12.0), (true, Some(19.0)));
    assert_eq!(check(soon, &[], &ends, 19.0), (false, None));
}
