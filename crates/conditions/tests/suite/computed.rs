//! Computed traits: what each type gives, what is refused, and that what is kept of events gives
//! the same values as all events, at every instant.

use conditions::{Computation, Event, KeptEvents};
use domain::{ComputedTraitDefinition, ComputedTraitType, Timestamp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::generate::{START, STEP_MS, event};

const HOUR_MS: i64 = 3_600_000;

fn define(json: Value) -> ComputedTraitDefinition {
    let mut json = json;
    json["key"] = "k".into();
    serde_json::from_value(json).unwrap()
}

fn compute(json: Value) -> Computation {
    Computation::new(&define(json)).unwrap()
}

fn definition() -> impl Strategy<Value = ComputedTraitDefinition> {
    let properties = select(vec!["size", "list.$", "deep.name", "date"]);
    let filters = option::weighted(0.3, select(vec!["size > 1", "deep.name exists, size != 3"]));
    let span = select(vec![
        (None, None),
        (Some("6 hours"), None),
        (Some("2 days"), None),
        (Some("9 days"), None),
        (None, Some("30 minutes")),
        (None, Some("13 hours")),
        (None, Some("2 days")),
    ]);
    (select(ComputedTraitType::WORDS.to_vec()), properties, filters, span).prop_map(
        |((type_, _), property, filters, (last, session))| ComputedTraitDefinition {
            key: "k".to_owned(),
            of: Default::default(),
            name: None,
            type_,
            event: "Order Completed".to_owned(),
            property: (type_ != ComputedTraitType::Count).then(|| property.to_owned()),
            filters: filters.map(str::to_owned),
            last: last.map(str::to_owned),
            session: session.map(str::to_owned),
            sync: None,
        },
    )
}

fn keep(computation: &Computation, events: &[Event]) -> KeptEvents {
    let mut kept = KeptEvents::new(computation);
    for contribution in events.iter().filter_map(|event| computation.contribution(event)) {
        kept.add(computation, &contribution);
    }
    kept
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_is_kept_gives_the_values_of_all_events(
        definition in definition(),
        events in vec(event(), 0..25),
        split in 0_usize..25,
        ages in vec(0_i64..90, 1..4),
    ) {
        let computation = Computation::new(&definition).unwrap();
        let mut ages = ages;
        ages.sort_unstable();
        let (one, other) = events.split_at(split.min(events.len()));
        let mut kept = keep(&computation, other);
        kept.merge(&computation, keep(&computation, one));
        for age in ages {
            let now = Timestamp(START + age * STEP_MS);
            kept.prune(&computation, now);
            let value = computation.value(&events, now);
            prop_assert_eq!(kept.value(&computation, now), value.clone());
            let change = kept.next_change(&computation, now);
            prop_assert!(change.is_none_or(|change| change > now));
            let until = change.map_or(now.0 + 365 * 24 * HOUR_MS, |change| change.0 - 1);
            prop_assert_eq!(kept.value(&computation, Timestamp(until)), value);
            if let Some(change) = change {
                let value = computation.value(&events, change);
                prop_assert_eq!(kept.value(&computation, change), value);
            }
            let stored = postcard::to_stdvec(&kept).unwrap();
            prop_assert_eq!(&kept, &postcard::from_bytes::<KeptEvents>(&stored).unwrap());
        }
    }
}

/// Orders with a total, a brand and the hours since the start.
fn orders(orders: &[(f64, &str, i64)]) -> Vec<Event> {
    let order = |(total, brand, hours): &(f64, &str, i64)| Event {
        name: "Order Completed".to_owned(),
        timestamp: Timestamp(START + hours * HOUR_MS),
        properties: json!({ "total": total, "brand": brand, "brands": [brand, "all"] })
            .as_object()
            .cloned()
            .unwrap(),
    };
    orders.iter().map(order).collect()
}

#[test]
fn each_type_has_its_value() {
    let events =
        orders(&[(10.0, "b", 0), (0.1, "a", 5), (0.2, "b", 3), (1.5, "a", 3), (8.0, "c", 40)]);
    let now = Timestamp(START + 41 * HOUR_MS);
    let none = json!(null);
    for (type_, property, of_all, of_day, of_nobody) in [
        ("count", None, json!(5), json!(1), json!(0)),
        ("sum", Some("total"), json!(19.8), json!(8), json!(0)),
        ("average", Some("total"), json!(3.96), json!(8), none.clone()),
        ("minimum", Some("total"), json!(0.1), json!(8), none.clone()),
        ("maximum", Some("total"), json!(10), json!(8), none.clone()),
        ("most_frequent", Some("brand"), json!("a"), none.clone(), none.clone()),
        ("first", Some("brand"), json!("b"), json!("c"), none.clone()),
        ("last", Some("brand"), json!("c"), json!("c"), none.clone()),
        ("unique_list", Some("brand"), json!(["a", "b", "c"]), json!(["c"]), json!([])),
        ("unique_list_count", Some("brands.$"), json!(4), json!(2), json!(0)),
    ] {
        let base = json!({ "type": type_, "event": "Order Completed", "property": property });
        let check = |last: Option<&str>, events: &[Event], meant: &Value| {
            let mut definition = base.clone();
            definition["last"] = last.into();
            let computation = compute(definition);
            assert_eq!(computation.value(events, now), *meant, "{type_} {last:?}");
            assert_eq!(keep(&computation, events).value(&computation, now), *meant, "{type_}");
        };
        check(None, &events, &of_all);
        check(Some("1 day"), &events, &of_day);
        check(None, &[], &of_nobody);
        check(Some("1 day"), &[], &of_nobody);
    }
}

#[test]
fn a_session_goes_on_with_events_of_any_name_and_late_ones_join_two() {
    let computation = compute(json!({
        "type": "sum", "event": "Order Completed", "property": "total", "session": "2 hours",
    }));
    let mut events = orders(&[(1.0, "a", 0), (4.0, "a", 5)]);
    let at = |hours: i64| Timestamp(START + hours * HOUR_MS);
    assert_eq!(keep(&computation, &events).value(&computation, at(6)), json!(4));
    for hours in [2, 3] {
        let name = "Page Viewed".to_owned();
        let properties = serde_json::Map::new();
        // A minute before the pause would be over, as seen from both sides.
        let timestamp = Timestamp(at(hours).0 + if hours == 2 { -60_000 } else { 60_000 });
        events.push(Event { name, timestamp, properties });
    }
    let kept = keep(&computation, &events);
    assert_eq!(kept.value(&computation, at(6)), json!(5));
    assert_eq!(kept.next_change(&computation, at(6)), Some(at(7)));
    assert_eq!(kept.value(&computation, Timestamp(at(7).0 - 1)), json!(5));
    assert_eq!(kept.value(&computation, at(7)), json!(0));
}

#[test]
fn sessions_of_two_people_who_are_one_are_united_however_they_overlap() {
    let computation =
        compute(json!({ "type": "count", "event": "Order Completed", "session": "2 hours" }));
    let of_one = orders(&[(1.0, "a", 3), (1.0, "a", 10)]);
    let of_other: Vec<Event> = (1..10).flat_map(|hour| orders(&[(1.0, "a", hour)])).collect();
    let mut kept = keep(&computation, &of_one);
    kept.merge(&computation, keep(&computation, &of_other));
    let now = Timestamp(START + 11 * HOUR_MS);
    assert_eq!(kept.value(&computation, now), json!(11));
    assert_eq!(computation.value(&[of_one, of_other].concat(), now), json!(11));
}

#[test]
fn what_is_kept_has_bounds_and_does_not_depend_on_the_order_beyond_them() {
    let value = |n: usize| format!("{:05}{}", n * 7_919 % 20_011, "x".repeat(n % 60));
    let values: Vec<String> = (0..12_000).map(value).collect();
    let events: Vec<Event> = values
        .iter()
        .enumerate()
        .map(|(n, value)| orders(&[(1.0, value, n as i64 % 1_000)]).remove(0))
        .collect();
    for (type_, last) in [("unique_list_count", None), ("count", Some("900 days"))] {
        let property = (type_ != "count").then_some("brand");
        let computation = compute(json!({
            "type": type_, "event": "Order Completed", "property": property, "last": last,
        }));
        let forward = keep(&computation, &events);
        let backward = keep(&computation, &events.iter().rev().cloned().collect::<Vec<_>>());
        let mut merged = keep(&computation, &events[5_000..]);
        merged.merge(&computation, keep(&computation, &events[..5_000]));
        assert!(forward == backward && forward == merged, "{type_}");
        let n_bytes = postcard::to_stdvec(&forward).unwrap().len();
        assert!(n_bytes <= conditions::limits::KEPT_BYTES_MAX + 100, "{type_}: {n_bytes}");
    }
}

#[test]
fn mistakes_in_definitions_name_their_key() {
    let event = "Order Completed";
    let mistakes = [
        json!({ "type": "count", "event": "" }),
        json!({ "type": "count", "event": event, "property": "total" }),
        json!({ "type": "sum", "event": event }),
        json!({ "type": "sum", "event": event, "property": "$.x" }),
        json!({ "type": "count", "event": event, "where": "total >" }),
        json!({ "type": "count", "event": event, "where": "total > 3 brand" }),
        json!({ "type": "count", "event": event, "where": "seen within last 3 days" }),
        json!({ "type": "count", "event": event, "last": "3 moons" }),
        json!({ "type": "count", "event": event, "last": "3 days", "session": "1 hour" }),
        json!({ "type": "count", "event": event, "session": "29 minutes" }),
        json!({ "type": "count", "event": event, "session": "91 days" }),
    ];
    let told = mistakes.map(|json| Computation::new(&define(json)).unwrap_err());
    insta::assert_snapshot!(told.join("\n"), @r#"
    event: the name of the event is empty
    property: a count of events has none
    property: sum needs the property whose values count
    property: "$.x": $ stands behind the name of a list
    where: column 8: the end stands where a number is wanted
    where: column 11: "brand" stands where a comma, or the end is wanted
    where: "seen" compares a date with now, which a computed trait cannot: compare with a date
    last: unit "moons" is unknown; known are weeks, days, hours, minutes, seconds
    session: it stands without last, or last without it
    session: 29 minutes is out of bounds: 30 minutes to 90 days
    session: 91 days is out of bounds: 30 minutes to 90 days
    "#);
}
