//! What is known of a person in part: nothing that is decided then is wrong, and what a condition
//! does not ask for changes nothing. Explanations, in words.

use conditions::{Condition, Explanation, Known, KnownEvent, Properties, decide, holds};
use domain::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use crate::agreement::{Case, case};
use crate::generate::{START, STEP_MS, instant};

/// What is known of a person.
struct Seen<'a> {
    events: Option<Vec<KnownEvent<'a>>>,
    has_traits: bool,
    has_accounts: bool,
    has_others: bool,
}

fn known_event<'a>(event: &'a conditions::Event, is_read: bool) -> KnownEvent<'a> {
    let known = KnownEvent::from(event);
    if is_read { known } else { KnownEvent { properties: Properties::Unread, ..known } }
}

fn decide_seen(case: &Case, seen: &Seen<'_>, now: Timestamp) -> Option<bool> {
    let is_member = |key: &str| {
        let holds = holds(&case.audiences[key], &case.person(), now);
        seen.has_others.then_some(holds)
    };
    let open: Vec<&Condition> = case.answers.iter().map(|(condition, _)| condition).collect();
    let known = Known {
        events: seen.events.as_deref(),
        traits: seen.has_traits.then_some(&case.traits),
        accounts: seen.has_accounts.then_some(&case.accounts),
        is_member: &is_member,
        answers: seen.has_others.then_some(&case.answers),
        open: if seen.has_others { &[] } else { &open },
    };
    decide(&case.condition, &known, now)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn what_is_decided_early_is_right(
        case in case(),
        is_read in vec(any::<bool>(), 12),
        (has_traits, has_accounts, has_events, has_others) in any::<(bool, bool, bool, bool)>(),
        now in instant(),
    ) {
        let truth = holds(&case.condition, &case.person(), now);
        let events = || case.events.iter().zip(&is_read);
        let some = events().map(|(event, is_read)| known_event(event, *is_read)).collect();
        let events = has_events.then_some(some);
        let seen = Seen { events, has_traits, has_accounts, has_others };
        if let Some(decided) = decide_seen(&case, &seen, now) {
            prop_assert_eq!(decided, truth);
        }
        let all = case.events.iter().map(|event| known_event(event, true)).collect();
        let all =
            Seen { events: Some(all), has_traits: true, has_accounts: true, has_others: true };
        prop_assert_eq!(decide_seen(&case, &all, now), Some(truth));
    }

    #[test]
    fn what_is_not_asked_for_changes_nothing(case in case(), now in instant()) {
        let names = case.condition.events();
        let start = case.condition.reaches_back_to(now);
        let asked = case.events.iter().filter(|event| {
            names.contains(&&*event.name) && start.is_none_or(|start| event.timestamp >= start)
        });
        let events = asked.map(|event| {
            let name = &event.name;
            known_event(event, case.condition.asks_for_properties(name, event.timestamp, now))
        });
        let keys = case.condition.trait_keys();
        let traits = case.traits.iter().filter(|(key, _)| keys.contains(&key.as_str()));
        let traits = traits.map(|(key, value)| (key.clone(), value.clone())).collect();
        let account_keys = case.condition.account_keys();
        let mut accounts = case.accounts.clone();
        for traits in &mut accounts {
            traits.retain(|key, _| account_keys.contains(&key.as_str()));
        }
        let asked = Case { traits, accounts, ..case.clone() };
        let events = Some(events.collect());
        let seen = Seen { events, has_traits: true, has_accounts: true, has_others: true };
        // Audiences have conditions of their own, which ask for more.
        if case.condition.audiences().is_empty() {
            let truth = holds(&case.condition, &case.person(), now);
            prop_assert_eq!(decide_seen(&asked, &seen, now), Some(truth));
        }
    }
}

fn explain(text: &str) -> String {
    let at = |steps: i64| Timestamp(START + steps * STEP_MS);
    let properties = json!({ "total": 80 });
    let read = Properties::Read(properties.as_object().unwrap());
    let event = |name, steps, properties| KnownEvent { name, timestamp: at(steps), properties };
    let events = [
        event("Order Completed", 1, read),
        event("Order Completed", 9, read),
        event("Product Added", 8, read),
        event("Order Completed", 0, Properties::Gone),
    ];
    let traits = json!({ "country": "DE", "tags": ["new", "vip"], "long": "x".repeat(200) });
    let accounts = [json!({ "plan": "free" }), json!({ "plan": "pro", "seats": 4 })]
        .map(|account| account.as_object().unwrap().clone());
    let known = Known {
        events: Some(&events),
        traits: traits.as_object(),
        accounts: Some(&accounts),
        is_member: &|key| Some(key == "vip"),
        answers: None,
        open: &[],
    };
    let condition: Condition = text.parse().unwrap();
    let mut lines = Vec::new();
    write_lines(&Explanation::new(&condition, &known, at(12)), 0, &mut lines);
    lines.join("\n")
}

fn write_lines(explanation: &Explanation, depth: usize, lines: &mut Vec<String>) {
    let holds = match explanation.holds {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    };
    let because = explanation.because.as_deref().unwrap_or_default();
    lines.push(format!("{}{holds}: {} | {because}", "  ".repeat(depth), explanation.part));
    explanation.parts.iter().for_each(|part| write_lines(part, depth + 1, lines));
}

#[test]
fn explanations_say_for_each_part_what_decides_it() {
    let texts = [
        "did \"Order Completed\" at least 2 times in the last 30 days and trait country = \"DE\"",
        "did \"Order Completed\" where total > 50 in the last 1 day or not in audience vip",
        "did not \"Order Completed\" in the last 1 day and did \"Signed Up\"",
        "did \"Product Added\" then \"Order Completed\" within 1 day",
        "did \"Product Added\" then not \"Order Completed\" within 6 hours",
        "did \"Product Added\" then not \"Order Completed\" within 5 days",
        "did \"Order Completed\" then not \"Product Added\" within 10 days in the last 7 days",
        "did \"Order Completed\" then \"Signed Up\" within 1 day",
        "rfm new of \"Order Completed\" and in audience vip and in audience staff",
        "trait tags has \"vip\" and trait city exists and trait long contains \"x\"",
        "recommended brand \"Acme\"",
        "account trait plan = \"pro\" and account trait seats > 5 and account trait region exists",
    ];
    let shown: Vec<String> = texts.map(explain).into();
    insta::assert_snapshot!(shown.join("\n\n"));
}
