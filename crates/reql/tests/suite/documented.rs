//! The language as its public documentation describes it: expressions with their values, one a line.
//!
//! The values were worked out apart from the program. The candidate is the first of [`Catalogue::sample`].

use std::fmt::Write;

use serde_json::Value;

use crate::catalogue::{Catalogue, Request};

const TABLE: &str = include_str!("documented.tsv");
/// How far two doubles may be apart, as a share: both sides round differently.
const ROUNDING: f64 = 1e-12;

#[test]
fn documented_expressions_have_their_values() {
    let catalogue = Catalogue::sample();
    let (mut n, mut wrong) = (0, String::new());
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let (text, expected) = line.split_once('\t').unwrap();
        let text = text.replace("\\n", "\n");
        let expected: Value = serde_json::from_str(expected).unwrap();
        let found = match reql::parse(&text).and_then(|expression| {
            expression.check(&catalogue)?;
            Ok(expression)
        }) {
            Ok(expression) => expression.compile(&catalogue, &Request).value(0).to_json(),
            Err(error) => error.to_string().into(),
        };
        if !is_same(&found, &expected) {
            writeln!(wrong, "{text}\n    is {found}, not {expected}").unwrap();
        }
        n += 1;
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(n >= 300, "{n} expressions");
}

fn is_same(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Number(found), Value::Number(expected)) => {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            (found - expected).abs() <= ROUNDING * expected.abs()
        }
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len()
                && found.iter().zip(expected).all(|(found, expected)| is_same(found, expected))
        }
        _ => found == expected,
    }
}

/// Filters of shops name thousands of items, and chains of prices are long.
#[test]
fn ten_thousand_ids_and_a_hundred_links_of_else_if_are_taken() {
    let catalogue = Catalogue::sample();
    let ids: Vec<String> = (0..10_000).map(|n| format!("\"product-{n:05}-of-the-catalog\"")).collect();
    let filter = format!("'itemId' not in {{{}}}", ids.join(", "));
    assert!(reql::parse(&filter).unwrap().compile(&catalogue, &Request).boolean(0));
    let links: String = (0..100).map(|n| format!("if 'stock' == {} then {n} else ", 100 - n)).collect();
    let booster = reql::parse(&format!("{links}-1")).unwrap();
    assert_eq!(booster.compile(&catalogue, &Request).number(0), Some(93.0));
}
