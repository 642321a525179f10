//! What is kept of events gives the same answers as all events, at every instant.

use std::collections::BTreeMap;

use conditions::{Answer, Condition, Event, Person, Surroundings, Tracked, holds, next_change};
use domain::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::generate::{START, STEP_MS, answer, condition, event, instant, properties};

#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) condition: Condition,
    pub(crate) audiences: BTreeMap<String, Condition>,
    pub(crate) events: Vec<Event>,
    pub(crate) traits: Map<String, Value>,
    pub(crate) accounts: Vec<Map<String, Value>>,
    pub(crate) answers: Vec<Answer>,
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    (
        condition(true),
        condition(false),
        condition(false),
        vec(event(), 0..12),
        properties(),
        vec(properties(), 0..3),
        vec(answer(), 0..3),
    )
        .prop_map(|(condition, x, y, events, traits, accounts, answers)| Case {
            condition,
            audiences: BTreeMap::from([("x".to_owned(), x), ("y".to_owned(), y)]),
            events,
            traits,
            accounts,
            answers,
        })
}

impl Case {
    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            traits: &self.traits,
            accounts: &self.accounts,
            audiences: &self.audiences,
            answers: &self.answers,
        }
    }

    pub(crate) fn person(&self) -> Person<'_> {
        Person { events: &self.events, surroundings: self.surroundings() }
    }

    /// What is kept for the condition and the audiences.
    fn track(&self, events: &[Event]) -> Kept {
        let track = |condition: &Condition| {
            let mut tracked = Tracked::new(condition);
            for event in events {
                tracked.add(condition, event);
            }
            tracked
        };
        Kept {
            own: track(&self.condition),
            audiences: self.audiences.iter().map(|(key, one)| (key.clone(), track(one))).collect(),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Kept {
    own: Tracked,
    audiences: BTreeMap<String, Tracked>,
}

impl Kept {
    fn forecast(&self, case: &Case, now: Timestamp) -> (bool, Option<Timestamp>) {
        let other = |key: &str| self.audiences.get(key);
        let forecast = self.own.forecast(&case.condition, &case.surroundings(), &other, now);
        (forecast.holds(), forecast.next_change())
    }

    fn merge(&mut self, case: &Case, other: Self) {
        self.own.merge(&case.condition, other.own);
        for (key, tracked) in other.audiences {
            let condition = &case.audiences[&key];
            self.audiences.get_mut(&key).unwrap().merge(condition, tracked);
        }
    }

    fn prune(&mut self, case: &Case, now: Timestamp) {
        self.own.prune(&case.condition, now);
        for (key, tracked) in &mut self.audiences {
            tracked.prune(&case.audiences[key], now);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn what_is_kept_agrees_with_all_events(case in case(), now in instant()) {
        let kept = case.track(&case.events);
        let (now_holds, next) = kept.forecast(&case, now);
        prop_assert_eq!(now_holds, holds(&case.condition, &case.person(), now));
        prop_assert_eq!(next, next_change(&case.condition, &case.person(), now));
        // Nothing changes before the next change, and then all at once. All boundaries of the test
        // are whole steps.
        let end = next.map_or(START + 400 * STEP_MS, |next| next.0);
        let mut at = now.0;
        while at < end {
            for instant in [at, (at + STEP_MS - 1).min(end - 1)] {
                let still = holds(&case.condition, &case.person(), Timestamp(instant));
                prop_assert_eq!(still, now_holds, "at {}", Timestamp(instant));
            }
            at += STEP_MS;
        }
        if let Some(next) = next {
            prop_assert_ne!(holds(&case.condition, &case.person(), next), now_holds);
        }
    }

    #[test]
    fn order_and_merging_make_no_difference(
        case in case(),
        seed in vec(any::<u32>(), 12),
        n_first in 0..12_usize,
        now in instant(),
    ) {
        let mut shuffled: Vec<(u32, Event)> =
            seed.into_iter().zip(case.events.iter().cloned()).collect();
        shuffled.sort_by_key(|(place, _)| *place);
        let shuffled: Vec<Event> = shuffled.into_iter().map(|(_, event)| event).collect();
        let kept = case.track(&case.events);
        prop_assert_eq!(&case.track(&shuffled), &kept);
        let (one, other) = shuffled.split_at(n_first.min(shuffled.len()));
        let mut merged = case.track(one);
        merged.merge(&case, case.track(other));
        prop_assert_eq!(&merged, &kept);
        // What is forgotten never counts again, whatever arrives later.
        let mut pruned = case.track(one);
        pruned.prune(&case, now);
        pruned.merge(&case, case.track(other));
        for steps in [0, 1, 5, 40, 200] {
            let later = Timestamp(now.0 + steps * STEP_MS);
            prop_assert_eq!(pruned.forecast(&case, later), kept.forecast(&case, later));
        }
    }

    #[test]
    fn what_is_kept_survives_its_bytes(case in case()) {
        let kept = case.track(&case.events);
        let bytes = postcard::to_allocvec(&kept.own).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Tracked>(&bytes).unwrap(), kept.own);
    }
}

#[test]
fn what_is_kept_is_bounded() {
    let texts = [
        "did \"a\" at least 3 times",
        "did \"a\" exactly 5 times in the last 30 days",
        "did \"a\" at least 3 times between 1 and 9 days ago",
        "did \"a\" then not \"b\" within 1 hour",
        "rfm champions of \"a\"",
    ];
    let sizes = texts.map(|text| {
        let condition: Condition = text.parse().unwrap();
        let mut tracked = Tracked::new(&condition);
        for n in 0..3_000_i64 {
            for name in ["a", "b"] {
                let timestamp = Timestamp(START + n * 1_000);
                let name = name.to_owned();
                tracked.add(&condition, &Event { name, timestamp, properties: Map::new() });
            }
        }
        format!("{text}: {} bytes", postcard::to_allocvec(&tracked).unwrap().len())
    });
    insta::assert_snapshot!(sizes.join("\n"));
}
