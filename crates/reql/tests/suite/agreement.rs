//! Both evaluators give one value to random expressions over random rows.

use proptest::prelude::*;
use proptest::sample::select;
use reql::{Context, Value};

use crate::catalogue::{Catalogue, Item, Request};
use crate::fuzz_body::{canonical, number_of};

type Text = BoxedStrategy<String>;

fn one_of(texts: &'static [&'static str]) -> Text {
    select(texts).prop_map(str::to_owned).boxed()
}

/// Joins parts with blanks, in brackets so that they keep their bounds.
fn joined(parts: Vec<Text>) -> Text {
    parts.prop_map(|parts| format!("({})", parts.join(" "))).boxed()
}

fn binary(left: Text, operators: &'static [&'static str], right: Text) -> Text {
    joined(vec![left, one_of(operators), right])
}

fn choice(depth: u32, of: fn(u32) -> Text) -> Text {
    let parts = (booleans(depth), of(depth), of(depth));
    parts
        .prop_map(|(condition, then, otherwise)| {
            format!("(if {condition} then {then} else {otherwise})")
        })
        .boxed()
}

fn call(names: &'static [&'static str], arguments: Vec<Text>) -> Text {
    (select(names), arguments)
        .prop_map(|(name, arguments)| format!("{name}({})", arguments.join(", ")))
        .boxed()
}

const ORDER: &[&str] = &["==", "!=", "<", "<=", ">", ">="];

fn numbers(depth: u32) -> Text {
    let leaf = one_of(&[
        "'price'",
        "'stock'",
        "'released'",
        "0",
        "1",
        "7",
        "-3",
        "2.5",
        "1e300",
        "9223372036854775807",
        "null",
        "sqrt(-1)",
        "now",
        "random()",
        "size('countries')",
        "context_item[\"price\"]",
        "context_user[\"age\"]",
        "num_item_purchases('itemId')",
    ]);
    let Some(less) = depth.checked_sub(1) else {
        return leaf;
    };
    let n = || numbers(less);
    prop_oneof![
        2 => leaf,
        4 => binary(n(), &["+", "-", "*", "/", "%"], n()),
        1 => joined(vec![n(), one_of(&["+", "-"]), n(), one_of(&["*", "-"]), n()]),
        1 => joined(vec![one_of(&["-", "+"]), n()]),
        1 => call(&["round", "floor", "ceil", "abs", "sqrt"], vec![n()]),
        1 => call(&["pow", "log", "max", "min", "avg"], vec![n(), n()]),
        1 => call(&["max", "min", "avg"], vec![n(), n(), n()]),
        1 => call(&["number"], vec![texts(less)]),
        1 => call(&["size"], vec![sets(less)]),
        1 => choice(less, numbers),
    ]
    .boxed()
}

fn texts(depth: u32) -> Text {
    let leaf = one_of(&[
        "'brand'",
        "'title'",
        "'itemId'",
        "\"acme\"",
        "\"i1\"",
        "\"cz\"",
        "\"\"",
        "\"12\"",
        "null",
        "context_item[\"itemId\"]",
    ]);
    let Some(less) = depth.checked_sub(1) else {
        return leaf;
    };
    prop_oneof![
        3 => leaf,
        1 => binary(texts(less), &["+"], texts(less)),
        1 => call(&["upper", "lower"], vec![texts(less)]),
        1 => call(&["string"], vec![numbers(less)]),
        1 => choice(less, texts),
    ]
    .boxed()
}

fn sets(depth: u32) -> Text {
    let leaf = one_of(&[
        "'countries'",
        "{}",
        "{\"cz\", \"acme\"}",
        "{\"i0\", \"i2\", 7}",
        "{1, 2.5, 0}",
        "context_user[\"follows\"]",
        "context_item[\"countries\"]",
        "segment_items(\"a\", \"b\")",
    ]);
    let Some(less) = depth.checked_sub(1) else {
        return leaf;
    };
    let lambda = |name: &'static str, body: Text, set: Text| {
        (body, set)
            .prop_map(move |(body, set)| format!("{name}(lambda 'x': {body}, {set})"))
            .boxed()
    };
    let predicate = joined(vec![one_of(&["'x'"]), one_of(&["==", "!=", "in"]), sets(less)]);
    prop_oneof![
        3 => leaf,
        2 => binary(sets(less), &["+", "-", "&"], sets(less)),
        1 => (texts(less), numbers(less)).prop_map(|(text, number)| format!("{{{text}, {number}}}")),
        1 => lambda("map", one_of(&["'x'", "size('countries')", "['x', 'brand']", "'x' == 'brand'"]), sets(less)),
        1 => lambda("select", predicate, sets(less)),
        1 => choice(less, sets),
    ]
    .boxed()
}

fn booleans(depth: u32) -> Text {
    let leaf =
        one_of(&["'deleted'", "true", "false", "null", "'deleted' == null", "'countries' == null"]);
    let Some(less) = depth.checked_sub(1) else {
        return leaf;
    };
    let (b, n, t, s) = (|| booleans(less), || numbers(less), || texts(less), || sets(less));
    prop_oneof![
        2 => leaf,
        3 => binary(b(), &["and", "or", "==", "!="], b()),
        1 => joined(vec![b(), one_of(&["and"]), b(), one_of(&["or", "and"]), b()]),
        1 => joined(vec![one_of(&["not"]), b()]),
        4 => binary(n(), ORDER, n()),
        1 => joined(vec![n(), one_of(ORDER), n(), one_of(ORDER), n()]),
        3 => binary(t(), ORDER, t()),
        2 => binary(s(), ORDER, s()),
        2 => binary(t(), &["in", "not in"], s()),
        1 => binary(n(), &["in", "not in"], s()),
        1 => binary(t(), &["in", "not in"], t()),
        1 => binary(b(), &["==", "!="], n()),
        1 => binary(t(), &["==", "!="], s()),
        1 => call(&["boolean"], vec![s()]),
        1 => choice(less, booleans),
    ]
    .boxed()
}

/// Expressions whose types may not fit.
fn anything(depth: u32) -> Text {
    let any = || prop_oneof![numbers(depth), texts(depth), sets(depth), booleans(depth)].boxed();
    let operators = &[
        "+", "-", "*", "/", "%", "&", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or",
    ];
    prop_oneof![
        binary(any(), operators, any()),
        joined(vec![one_of(&["-", "+", "not"]), any()]),
        call(&["size", "abs", "boolean", "string", "upper"], vec![any()]),
        call(&["max", "earth_distance", "split"], vec![any(), any()]),
        (booleans(depth), any(), any()).prop_map(|(a, b, c)| format!("if {a} then {b} else {c}")),
    ]
    .boxed()
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let price = select(&[0.0, -0.0, 1.0, 7.0, 2.5, -1e300, f64::NAN, f64::INFINITY][..]);
    let stock = select(&[0, 1, 7, -3, i64::MAX, i64::MIN, 1 << 53][..]);
    let text = || prop::option::of(select(&["acme", "cz", "i1", "", "12", "Größe"][..]));
    let countries = prop::collection::vec(select(&["cz", "de", "acme", "i0"][..]), 0..4);
    let item = (
        prop::option::of(price),
        prop::option::of(stock),
        prop::option::of(any::<bool>()),
        prop::option::of(select(&[0, 1_000, 1_700_000_000_000, -1_500][..])),
        text(),
        text(),
        prop::option::of(countries),
    );
    let item = item.prop_map(|(price, stock, deleted, released_ms, brand, title, countries)| {
        Item { price, stock, deleted, released_ms, brand, title, countries }
    });
    prop::collection::vec(item, 1..6)
}

fn agree(text: &str, items: Vec<Item>) -> Result<(), TestCaseError> {
    let n_rows = items.len() as u32;
    let catalogue = Catalogue::of(items);
    let expression =
        reql::parse(text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
    let compiled = expression.compile(&catalogue, &Request);
    for row in 0..n_rows {
        let reference = expression.evaluate(&catalogue, &Request, row);
        prop_assert_eq!(compiled.evaluate_boolean(row), reference == Value::Boolean(true));
        prop_assert_eq!(
            compiled.evaluate_number(row).map(canonical),
            number_of(&reference).map(canonical)
        );
        prop_assert_eq!(
            compiled.constant().unwrap_or_else(|| reference.clone()),
            reference.clone()
        );
        prop_assert_eq!(compiled.evaluate(row), reference);
    }
    Ok(())
}

fn is_well_typed(text: &str) -> bool {
    reql::parse(text).unwrap().check(&Catalogue::sample()).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn on_filters(text in booleans(3), items in items()) {
        prop_assert!(is_well_typed(&text));
        agree(&text, items)?;
    }

    #[test]
    fn on_boosters(text in numbers(3), items in items()) {
        prop_assert!(is_well_typed(&text));
        agree(&text, items)?;
    }

    #[test]
    fn on_other_values(text in prop_oneof![sets(3), texts(3)], items in items()) {
        prop_assert!(is_well_typed(&text));
        agree(&text, items)?;
    }

    #[test]
    fn where_types_do_not_fit(text in anything(2), items in items()) {
        agree(&text, items)?;
    }
}

/// A request for another user, who did other things.
struct OtherRequest;

impl Context for OtherRequest {
    fn now_s(&self) -> f64 {
        Request.now_s()
    }

    fn context_user(&self, property: &str) -> Value {
        match property {
            "age" => Value::Int(31),
            _ => Request.context_user(property),
        }
    }
}

#[test]
fn a_key_is_the_same_where_rows_have_the_same_values_and_another_where_they_do_not() {
    let catalogue = Catalogue::sample();
    let key = |text: &str, context: &dyn Context| {
        reql::parse(text).unwrap().compile(&catalogue, context).row_key()
    };
    for (text, is_same) in [
        ("'stock' > 3", true),
        ("'stock' > size(context_user[\"follows\"])", true),
        ("'stock' > context_user[\"age\"]", false),
        ("'stock' > now()", true),
    ] {
        let keys = [key(text, &Request), key(text, &OtherRequest)];
        assert!(keys[0].is_some(), "{text}");
        assert_eq!(keys[0] == keys[1], is_same, "{text}: {keys:?}");
    }
    for text in [
        "'price' > size(context_user['brand'])",
        "'stock' > random()",
        "num_item_purchases('itemId') > 1",
    ] {
        let unclear = reql::parse(text).ok().map(|it| it.compile(&catalogue, &Request).row_key());
        assert_eq!(unclear, Some(None), "{text}");
    }
}
