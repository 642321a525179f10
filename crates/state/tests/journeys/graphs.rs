//! Random journeys and histories.

use domain::Journey;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

pub(crate) const EVENTS: [&str; 5] = ["Start", "Ship", "Update", "Cancel", "Buy"];

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Track { user: u8, name: &'static str, total: i64, order: u8, late_min: i64 },
    Identify { user: u8, vip: bool },
    Again(usize),
    Merge { target: u8, source: u8 },
    Decide(bool),
    Answer(i64),
    Publish(Box<Journey>),
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    let name = proptest::sample::select(EVENTS.to_vec());
    let late = prop_oneof![6 => Just(0), 3 => 1..70_i64, 1 => 70..3_000_i64];
    prop_oneof![
        24 => (0..4_u8, name, 0..6_i64, 0..3_u8, late).prop_map(
            |(user, name, total, order, late_min)| Step::Track {
                user, name, total, order, late_min,
            }
        ),
        3 => (0..4_u8, any::<bool>()).prop_map(|(user, vip)| Step::Identify { user, vip }),
        2 => (0..10_usize).prop_map(Step::Again),
        1 => (0..4_u8, 0..4_u8).prop_map(|(target, source)| Step::Merge { target, source }),
        5 => any::<bool>().prop_map(Step::Decide),
        5 => (0..90_i64).prop_map(Step::Answer),
        1 => graph("main").prop_map(|journey| Step::Publish(Box::new(journey))),
        3 => Just(Step::Wait),
    ]
}

/// Steps with the minutes before each, and whether positions are compared behind it.
pub(crate) fn steps() -> impl Strategy<Value = Vec<(i64, Step, bool)>> {
    let wait = prop_oneof![3 => Just(0), 6 => 1..15_i64, 2 => 15..400_i64];
    vec((wait, step(), proptest::bool::weighted(0.3)), 1..60)
}

/// A journey of up to eight nodes. What happens at once leads to later nodes only, so that no way
/// goes round without a wait.
pub(crate) fn graph(key: &'static str) -> impl Strategy<Value = Journey> {
    let nodes = vec((0..13_u8, any::<[u8; 4]>()), 1..8);
    let settings = (0..3_u8, any::<bool>(), 0..4_i64, any::<bool>(), any::<[bool; 3]>());
    let journeys = (nodes, settings).prop_map(move |(nodes, settings)| make(key, &nodes, settings));
    journeys.prop_filter("a way leads out of each node", leads_out)
}

fn make(
    key: &str,
    nodes: &[(u8, [u8; 4])],
    (reentry, has_per, total, is_short, [has_exit, has_goal, has_club]): (
        u8,
        bool,
        i64,
        bool,
        [bool; 3],
    ),
) -> Journey {
    let has_per = has_per && key != "club";
    let n_nodes = nodes.len();
    let name = |n: usize| format!("n{n}");
    // A later node or the end.
    let later = |n: usize, chance: u8| {
        let to = n + 1 + usize::from(chance) % (n_nodes - n);
        if to < n_nodes { json!(name(to)) } else { json!("end") }
    };
    let any_node = |chance: u8| json!(name(usize::from(chance) % n_nodes));
    let mut made: Vec<Value> = Vec::new();
    for (n, (kind, [a, b, c, d])) in nodes.iter().enumerate() {
        let (next, other) = (later(n, *a), later(n, *b));
        let mut node = match kind {
            0 | 1 => json!({ "type": "delay", "seconds": 300 * (1 + u32::from(*c) % 12),
                "next": if d % 3 == 0 { any_node(*a) } else { next } }),
            2..=4 => json!({ "type": "hold_until", "timeout_s": 300 * (1 + u32::from(*c) % 20),
                "timeout": next, "branches": [
                    { "event": "Ship", "same_value": has_per && d % 2 == 0,
                        "next": if d % 3 == 0 { any_node(*b) } else { other } },
                    { "event": "Update", "where": format!("total > {}", d % 4), "again": true },
                ] }),
            5 => json!({ "type": "split", "otherwise": next, "branches": [
                { "when": format!("trait journey.entry.total > {}", c % 5), "next": other },
                { "when": if d % 2 == 0 { "in audience vip" } else { "not in audience vip" },
                    "next": later(n, *d) } ] }),
            6 => json!({ "type": "split", "otherwise": next, "branches": [
                { "when": format!("trait n > {}", c % 4), "next": other } ] }),
            7 => json!({ "type": "random", "sticky": d % 2 == 0, "branches": [
                { "percent": 30, "next": next }, { "percent": 70, "next": other } ] }),
            8 => json!({ "type": "update_profile", "next": next, "changes": [
                { "trait": "n", "change": "increment", "value": 1 + i64::from(c % 2) },
                { "trait": "vip", "change": "set", "value": d % 3 != 0 } ] }),
            9 => json!({ "type": "message", "campaign": "note", "sent": next, "refused": other }),
            10 => json!({ "type": "send", "destination": "crm", "next": next }),
            11 => json!({ "type": "delay_until", "time": "09:00", "next": next }),
            _ if key != "begun" => json!({ "type": "trigger", "journey": "begun", "next": next }),
            _ => json!({ "type": "exit" }),
        };
        node["name"] = name(n).into();
        made.push(node);
    }
    let entry = match key {
        "main" => json!({ "type": "event", "event": "Start", "where": format!("total > {total}") }),
        "club" => json!({ "type": "audience", "audience": "vip" }),
        _ => json!({ "type": "triggered" }),
    };
    let again = ["never", "after_exit", "always"][usize::from(reentry)];
    let mut journey = json!({
        "key": key, "status": "running", "entry": entry,
        "reentry": again,
        "control_percent": if has_exit { 20 } else { 0 },
        "nodes": made,
    });
    if key != "main" && !has_per && reentry == 2 {
        journey["reentry"] = "after_exit".into();
    }
    if has_per {
        journey["per"] = "order".into();
    }
    if is_short {
        journey["timeout_s"] = 7_200.into();
    }
    if has_exit {
        journey["exits"] = json!([{ "event": "Cancel", "same_value": has_per }]);
    }
    if has_goal {
        journey["goals"] = json!([{ "name": "buys", "event": "Buy", "where": "total > 2" }]);
    }
    if has_club && key == "main" {
        let goals = journey["goals"].as_array().cloned().unwrap_or_default();
        let club = json!({ "name": "joins", "audience": "vip" });
        journey["goals"] = goals.into_iter().chain([club]).collect();
    }
    let mut journey: Journey = serde_json::from_value(journey).unwrap();
    remove_unreached(&mut journey);
    if key == "main" {
        let first = journey.nodes[0].name.clone();
        journey.moves = vec![domain::JourneyMove { from: "n1".to_owned(), to: first }];
    }
    journey
}

/// Whether a way leads out of the journey from each node.
fn leads_out(journey: &Journey) -> bool {
    let mut found = vec![false; journey.nodes.len()];
    loop {
        let n_before = found.iter().filter(|is_found| **is_found).count();
        for (n, node) in journey.nodes.iter().enumerate() {
            let targets: Vec<_> = node
                .connectors()
                .into_iter()
                .map(|one| one.to.and_then(|to| journey.node(to)))
                .collect();
            let is_out = |target: &Option<usize>| target.is_none_or(|target| found[target]);
            found[n] |= targets.is_empty() || targets.iter().any(is_out);
        }
        if found.iter().filter(|is_found| **is_found).count() == n_before {
            return found.iter().all(|is_found| *is_found);
        }
    }
}

fn remove_unreached(journey: &mut Journey) {
    let mut reached = std::collections::BTreeSet::from([0]);
    loop {
        let targets = reached.iter().flat_map(|n: &usize| journey.nodes[*n].connectors());
        let targets: Vec<usize> = targets.filter_map(|one| journey.node(one.to?)).collect();
        let n_before = reached.len();
        reached.extend(targets);
        if reached.len() == n_before {
            break;
        }
    }
    let mut n = 0;
    journey.nodes.retain(|_| {
        n += 1;
        reached.contains(&(n - 1))
    });
}
