//! Tables of expressions: their type, or what is wrong and where.

use std::fmt::Write;

use crate::catalogue::Catalogue;

fn table(texts: &[&str]) -> String {
    let catalogue = Catalogue::sample();
    let mut table = String::new();
    for text in texts {
        let result = reql::parse(text).and_then(|expression| expression.check(&catalogue));
        match result {
            Ok(type_) => writeln!(table, "{text}\n    {type_}").unwrap(),
            Err(error) => writeln!(table, "{text}\n    {:?}: {error}", error.kind).unwrap(),
        }
    }
    table
}

#[test]
fn syntax() {
    insta::assert_snapshot!(table(&[
        "",
        "   // nothing",
        "1 +",
        "1 2",
        "(1",
        "{1, 2",
        "[1 2]",
        "'price",
        "''",
        "\"text",
        "'price' = 3",
        "! 'deleted'",
        "'a' || 'b'",
        "# 3",
        "nothing(1)",
        "price > 3",
        "if 'deleted' then 1",
        "1 + if 'deleted' then 1 else 2",
        "'price' not 3",
        "and 'deleted'",
        "map('x', 'countries')",
        "map(lambda 'x' 'x', 'countries')",
        "context_item",
        "context_user[1",
        "item_values(\"i1\")",
        "\"zwei\n\" + 'ü' +",
        "12abc",
        "1.5.5",
    ]));
}

#[test]
fn types() {
    insta::assert_snapshot!(table(&[
        "1",
        "9223372036854775808",
        "1 + 2",
        "1 / 2",
        "1 + 2.0",
        "'stock' % 2",
        "'released' - 3600",
        "now",
        "now()",
        "now(1)",
        "null",
        "null + 1",
        "'title' + \"!\"",
        "'title' + 1",
        "'title' - \"!\"",
        "'countries' & {\"cz\"}",
        "'countries' * {\"cz\"}",
        "'countries' <= {\"cz\"}",
        "1 & 2",
        "-'title'",
        "not 1",
        "'price' and true",
        "'price' > 3 > 'title'",
        "'released' > \"2020-01-01\"",
        "'released' > timestamp(\"2020-01-01\")",
        "'deleted' < true",
        "1 in \"text\"",
        "1 in 2",
        "'price' in geo_radius([1, 2], 3)",
        "[1, 2] in geo_radius([1, 2], 3)",
        "if 1 then 2 else 3",
        "if 'deleted' then 2 else 3.5",
        "if 'deleted' then null else \"x\"",
        "if 'deleted' then 1 else \"x\"",
        "['price', 1][0]",
        "['price', 1][\"a\"]",
        "'price'[0]",
        "'nothing' > 1",
        "'itemId'",
        "'userId'",
        "context_item[\"price\"]",
        "context_item[\"nothing\"]",
        "context_user[\"age\"]",
        "context_user[\"price\"]",
        "context_user[\"userId\"]",
        "context_segment[\"segmentId\"]",
        "context_segment[\"name\"]",
        "context_item['brand']",
        "context_item[1]",
        "item_values('itemId')[\"price\"]",
        "item_values(1)[\"price\"]",
        "map(lambda 'x': 'x' + 1, 'countries')",
        "select(lambda 'x': size('x'), 'countries')",
        "select(lambda 'x': 'x' == 1, [1, 2])",
        "exists(lambda 'x': 'x' == 1, 'price')",
        "exists(lambda 'x': 'x' == 'y', 'countries')",
        "max()",
        "max(1, 2)",
        "max(1, 2.5)",
        "max(1, \"a\")",
        "log(8)",
        "round('price')",
        "earth_distance(1, 2)",
        "earth_distance(1, 2, 3)",
        "earth_distance(1, 2, 3, 4)",
        "reduce(\"+\", 'countries')",
        "reduce(\"**\", 'countries')",
        "size('price')",
        "string('countries')",
        "user_interactions(\"u\", {\"purchases\"}, 2)",
        "num_item_ratings('itemId', \"negative\")",
        "num_item_purchases('itemId', \"negative\")",
    ]));
}

#[test]
fn results_of_filters_and_boosters() {
    let catalogue = Catalogue::sample();
    let check = |text: &str| {
        let expression = reql::parse(text).unwrap();
        let words = |result: Result<(), reql::ReqlError>| {
            result.map_or_else(|error| error.to_string(), |()| "ok".to_owned())
        };
        [words(expression.check_filter(&catalogue)), words(expression.check_booster(&catalogue))]
    };
    insta::assert_debug_snapshot!(
        ["'deleted'", "'price' * 2", "null", "'released'", " 'title'"].map(check)
    );
}

#[test]
fn unknown_properties_are_forgiven_by_a_schema_that_calls_them_null() {
    struct Forgiving;
    impl reql::Schema for Forgiving {
        fn item_property(&self, _: &str) -> Option<reql::Type> {
            Some(reql::Type::Null)
        }
        fn user_property(&self, _: &str) -> Option<reql::Type> {
            Some(reql::Type::Null)
        }
    }
    let check =
        |text| reql::parse(text).unwrap().check(&Forgiving).map_err(|error| error.to_string());
    assert_eq!(check("if ('answer' > 0) then 1 else 2"), Ok(reql::Type::Int));
    assert_eq!(check("not 1"), Err("not needs boolean, not int at column 5".to_owned()));
}

#[test]
fn dependencies() {
    let of = |text| {
        let found = reql::parse(text).unwrap().dependencies();
        (found.row, found.context, found.time || found.randomness)
    };
    assert_eq!(of("1 + size(\"a\")"), (false, false, false));
    assert_eq!(of("'price' > 1"), (true, false, false));
    assert_eq!(of("exists(lambda 'x': 'x' == 1, {1})"), (false, false, false));
    assert_eq!(of("'price' > context_item[\"price\"]"), (true, true, false));
    assert_eq!(of("segment_items(\"a\", \"b\")"), (false, true, false));
    assert_eq!(of("now() > 3"), (false, false, true));
    assert_eq!(of("random()"), (true, false, true));
}
