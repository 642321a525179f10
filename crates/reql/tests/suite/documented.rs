//! The language as its public documentation describes it: expressions with their values, one a
//! line.
//!
//! The values were worked out apart from the program. The candidate is the first of
//! [`Catalogue::sample`].

use std::fmt::Write;

use serde_json::Value;

use crate::catalogue::{Catalogue, Request};

const TABLE: &str = include_str!("documented.tsv");
/// The how-to page for people who write filters.
const PAGE: &str = include_str!("../../../../docs/filters.md");
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
        let found = value_of(&text, &catalogue);
        if !is_same(&found, &expected) {
            writeln!(wrong, "{text}\n    is {found}, not {expected}").unwrap();
        }
        n += 1;
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(n >= 300, "{n} expressions");
}

/// The value for the first candidate, or the error.
fn value_of(text: &str, catalogue: &Catalogue) -> Value {
    let checked = reql::parse(text).and_then(|expression| {
        expression.check(catalogue)?;
        Ok(expression)
    });
    match checked {
        Ok(expression) => expression.compile(catalogue, &Request).evaluate(0).to_json(),
        Err(error) => error.to_string().into(),
    }
}

/// The page's tables: a row of two cells names an expression at its end, one of three an expression
/// and its value.
#[test]
fn the_examples_of_the_how_to_page_have_their_values() {
    let catalogue = Catalogue::sample();
    let (mut n_parsed, mut n_valued, mut wrong) = (0, 0, String::new());
    for line in PAGE.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let code = |cell: &str| cell.strip_prefix('`')?.strip_suffix('`').map(str::to_owned);
        match cells[..] {
            [_, expression] => {
                // Rows of values of the example item are checked by the examples that use them.
                let Some(text) = code(expression).filter(|text| text.contains('\'')) else {
                    continue;
                };
                if let Err(error) = reql::parse(&text) {
                    writeln!(wrong, "{text}\n    {error}").unwrap();
                }
                n_parsed += 1;
            }
            [_, expression, value] => {
                let Some((text, expected)) = code(expression).zip(code(value)) else { continue };
                let expected: Value = serde_json::from_str(&expected).unwrap();
                let found = value_of(&text, &catalogue);
                if !is_same(&found, &expected) {
                    writeln!(wrong, "{text}\n    is {found}, not {expected}").unwrap();
                }
                n_valued += 1;
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(n_parsed >= 7 && n_valued >= 45, "{n_parsed} expressions, {n_valued} with values");
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
    let ids: Vec<String> =
        (0..10_000).map(|n| format!("\"product-{n:05}-of-the-catalog\"")).collect();
    let filter = format!("'itemId' not in {{{}}}", ids.join(", "));
    assert!(reql::parse(&filter).unwrap().compile(&catalogue, &Request).evaluate_boolean(0));
    let links: String =
        (0..100).map(|n| format!("if 'stock' == {} then {n} else ", 100 - n)).collect();
    let booster = reql::parse(&format!("{links}-1")).unwrap();
    assert_eq!(booster.compile(&catalogue, &Request).evaluate_number(0), Some(93.0));
}
