//! Tables of expressions and their values in the three rows of the sample.

use std::fmt::Write;

use crate::catalogue::{Catalogue, Request};
use crate::fuzz_body::parse_and_evaluate;

fn table(texts: &[&str]) -> String {
    let catalogue = Catalogue::sample();
    let mut table = String::new();
    for text in texts {
        let expression = reql::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let compiled = expression.compile(&catalogue, &Request);
        let values: Vec<_> = match compiled.constant() {
            Some(constant) => vec![constant.to_json().to_string()],
            None => (0..3).map(|row| compiled.evaluate(row).to_json().to_string()).collect(),
        };
        writeln!(table, "{text}\n    {}", values.join(" | ")).unwrap();
        parse_and_evaluate(text.as_bytes());
    }
    table
}

#[test]
fn operators() {
    insta::assert_snapshot!(table(&[
        "0123.000",
        "1.23e+3",
        "1e9",
        "123E-2",
        "\"a \\\"quote\\\", a \\\\ and a \\d\"",
        "TRUE And NOT False",
        "1 + 2 * 3 - 4 // a comment\n + 1",
        "7 / 2",
        "7 / 0",
        "7 % 0",
        "-7 % 3",
        "3.14 % 2.5",
        "9223372036854775807 + 1",
        "-9223372036854775807 - 1",
        "-(-9223372036854775807 - 1)",
        "(-9223372036854775807 - 1) % -1",
        "4611686018427387904 * 2",
        "+ (if ('stock' > 0) then 20 else -5) + 7",
        "'price' - -1",
        "'stock' * 2",
        "'price' + 'stock'",
        "'released' + 3600",
        "'title' + \"!\"",
        "'countries' + {\"at\"}",
        "'countries' - {\"cz\"}",
        "'countries' & {\"cz\", \"at\"}",
        "'countries' <= {\"cz\", \"de\", \"at\"}",
        "'countries' < {\"cz\", \"de\"}",
        "'countries' >= {\"cz\"}",
        "{} == {}",
        "{2, 1, 2.0, null}",
        "[2, 1, 2.0, null]",
        "{1, 2} == {2, 1}",
        "[1, 2] == [2, 1]",
        "[1, 2] == [1.0, 2.0]",
        "1 == 1.0",
        "1 == \"1\"",
        "9007199254740993 == 9007199254740992.0",
        "0 <= 'price' < 100",
        "1 >= random() >= 0",
        "'brand' < \"b\"",
        "'brand' == \"acme\"",
        "\"acme\" != 'brand'",
        "'brand' == 'title'",
        "'brand' == \"nobody\"",
        "'brand' in {\"acme\", \"nobody\"}",
        "'brand' not in [\"acme\"]",
        "'stock' in {7, 8}",
        "\"Hut\" in 'title'",
        "\"cz\" in 'countries'",
        "\"cz\" not in 'countries'",
        "'itemId' == \"i1\"",
        "not ('itemId' in {\"i1\", \"i7\"}) and 'deleted' != true",
        "['price', 'stock'][1]",
        "[1, 2][2]",
        "[1, 2][-1]",
        "if 'deleted' then 'price' else 'stock'",
        "if 'stock' > 0 then \"there\" else 'brand'",
        "'nothing'",
        "'userId'",
    ]));
}

#[test]
fn nulls() {
    insta::assert_snapshot!(table(&[
        "null == null",
        "1 == null",
        "'price' < 99",
        "'price' >= 99",
        "'price' == null",
        "'brand' != null",
        "'deleted' == false",
        "'deleted' != true",
        "not 'deleted'",
        "'deleted' or true",
        "'deleted' and true",
        "'price' + 1",
        "-'price'",
        "null in {1}",
        "null not in {1}",
        "1 in null",
        "if null then 1 else 2",
        "max('price', 1)",
        "size(null)",
        "upper('brand')",
        "'countries'",
        "'countries' == null",
        "'countries' == {}",
        "size('countries')",
        "\"cz\" in 'countries' or size('countries') == 0",
        "if true then 'countries' else {}",
        "size(context_item[\"countries\"])",
        "context_item[\"countries\"] == null",
        "context_item[\"nothing\"]",
        "sqrt(-1)",
        "sqrt(-1) == sqrt(-1)",
        "sqrt(-1) in {sqrt(-1)}",
        "boolean(sqrt(-1))",
    ]));
}

#[test]
fn functions() {
    insta::assert_snapshot!(table(&[
        "NOW",
        "now() - 1",
        "size(\"Größe\")",
        "size({1, 1})",
        "max(1, 2.5, -3)",
        "min(3, 2)",
        "avg(1, 2)",
        "round(4.5)",
        "round(-4.5)",
        "floor(-4.5)",
        "ceil(4.2)",
        "ceil(4)",
        "abs('stock')",
        "sqrt(16)",
        "pow(2, 10)",
        "log(8, 2)",
        "log(1000, 10)",
        "log(9, 3)",
        "upper('title')",
        "lower(\"ÄB\")",
        "split(\"a,b,,c\", \",\")",
        "split(\"abc\", \"\")",
        "boolean(\"\")",
        "boolean({})",
        "boolean(0.0)",
        "boolean('countries')",
        "number(\"1E4\")",
        "number(\" -12 \")",
        "number(\"inf\")",
        "number(\"1e999\")",
        "number(\"+\")",
        "number(\"ten\")",
        "number(true)",
        "number('released')",
        "string(5)",
        "string(5.0)",
        "string(0.25)",
        "string('deleted')",
        "string('released')",
        "string('released', \"%Y-%m-%d %H:%M\")",
        "string('released' + 86400, \"%d\")",
        "string(now(), \"%\")",
        "string(now() * 1e30, \"%Y\")",
        "timestamp(\"2016-11-16T08:00Z\")",
        "timestamp(\"2016-11-16T08:00:00.5+02:00\")",
        "timestamp(\"2016-11-16T08:00:00+0200\")",
        "timestamp(\"2016-11-16T08:00:00\")",
        "timestamp(\"2016-11-16 08:00\")",
        "timestamp(\"2016-11-16\")",
        "timestamp(\"soon\")",
        "timestamp(5)",
        "'released' < timestamp(\"2020-01-01\")",
        "if 'released' > now() - 86400 then 2 else 1",
        "reduce(\"+\", {1, 2, 3})",
        "reduce(\"max\", {1, 2.5})",
        "reduce(\"+\", 'countries')",
        "reduce(\"+\", {})",
        "reduce(\"and\", [true, false])",
        "map(lambda 'x': upper('x'), 'countries')",
        "map(lambda 'x': 'x' % 2, {1, 2, 3})",
        "select(lambda 'x': 'x' > \"d\", 'countries')",
        "select(lambda 'x': 'x' > 1, [3, 1, 2])",
        "exists(lambda 'c': 'c' in context_user[\"follows\"], 'countries')",
        "map(lambda 'x': map(lambda 'y': 'x' + 'y', {10, 20}), {1, 2})",
        "map(lambda 'price': 'price' + 1, {1, 2})",
        "map(lambda 'x': exists(lambda 'y': 'y' == 2, {1, 2}), {1, 2})",
        "map(lambda 'x': exists(lambda 'y': 'y' == 'x', 'countries'), {\"cz\"})",
        "'price' <= context_item[\"price\"] * 1.2 and 'itemId' != context_item[\"itemId\"]",
        "context_user[\"userId\"]",
        "context_segment[\"segmentId\"]",
        "context_item()[\"price\"]",
        "item_values('itemId')[\"price\"]",
        "segment_items(\"categories\", context_segment[\"segmentId\"])",
        "'itemId' in segment_items(\"a\", \"b\")",
        "item_segments(\"a\", 'itemId')",
        "num_item_purchases('itemId') * 2",
        "num_item_ratings('itemId', \"negative\")",
        "map(lambda 'x': 'x'[\"itemId\"], user_interactions(\"u\", {\"purchases\"}, 2))",
        "user_interactions(\"u\", {\"detail_views\"}, 1)",
        "user_interactions(\"u\", {\"dances\"}, 1)",
        "round(earth_distance(50.0755, 14.4378, 48.2082, 16.3738) / 1000)",
        "earth_distance([1, 2], [1, 2])",
        "[50.1, 14.4] in geo_radius([50, 14.4], 12)",
        "[50.1, 14.4] in geo_radius([50, 14.4], 11)",
        "[1, 1] in geo_polygon([[0, 0], [0, 2], [2, 2], [2, 0]])",
        "[3, 1] in geo_polygon([[0, 0], [0, 2], [2, 2], [2, 0]])",
        "['price', 'stock'] in geo_polygon([[0, 0], [0, 20], [20, 20], [20, 0]])",
        "[1, 1] in geo_polygon([[0, 0], [0, 2]])",
    ]));
}

#[test]
fn chance_is_a_function_of_seed_row_and_place() {
    let catalogue = Catalogue::sample();
    let draw = |text: &str, row| {
        reql::parse(text).unwrap().compile(&catalogue, &Request).evaluate_number(row).unwrap()
    };
    assert_eq!(draw("random()", 0), draw("random()", 0));
    assert_ne!(draw("random()", 0), draw("random()", 1));
    assert_ne!(draw("random()", 0), draw(" random()", 0));
    assert_ne!(draw("random() - random()", 0), 0.0);
    let mean = (0..1_000).map(|row| draw("random()", row)).sum::<f64>() / 1_000.0;
    assert!((0.45..0.55).contains(&mean), "{mean}");
}
