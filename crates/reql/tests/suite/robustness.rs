//! No text panics, overflows the stack or takes long.

use proptest::prelude::*;
use reql::limits::{HEIGHT_MAX, NESTING_MAX, NODES_MAX, TEXT_BYTES_MAX};
use reql::{ErrorKind, Value, parse};

use crate::catalogue::{Catalogue, Request};
use crate::fuzz_body::parse_and_evaluate;

const TOKENS: [&str; 61] = [
    "1",
    "2.5",
    "1e9",
    "\"cz\"",
    "\"\"",
    "\"a,b\"",
    "true",
    "false",
    "null",
    "'price'",
    "'stock'",
    "'deleted'",
    "'released'",
    "'brand'",
    "'countries'",
    "'itemId'",
    "'x'",
    "'y'",
    "+",
    "-",
    "*",
    "/",
    "%",
    "&",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "in",
    "not",
    "and",
    "or",
    "if",
    "then",
    "else",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ",",
    "lambda",
    ":",
    "map(lambda 'x':",
    "exists(lambda 'y':",
    "select(",
    "size(",
    "max(",
    "split(",
    "number(",
    "string(",
    "context_item[",
    "item_values(",
    "reduce(",
    "random",
    "now",
    "// \n",
    " ",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        parse_and_evaluate(&bytes);
    }

    #[test]
    fn random_tokens_do_no_harm(tokens in prop::collection::vec(prop::sample::select(&TOKENS[..]), 0..14)) {
        parse_and_evaluate(tokens.join(" ").as_bytes());
        parse_and_evaluate(tokens.concat().as_bytes());
    }

    #[test]
    fn an_error_is_inside_the_text(text in "['\"a-zß(){}, +<=1.]{0,20}") {
        if let Err(error) = parse(&text) {
            prop_assert!((1..=text.chars().count() + 1).contains(&error.column));
        }
    }
}

#[test]
fn a_short_corpus_of_the_fuzz_target() {
    for text in [
        "",
        "'",
        "\"\\",
        "9e",
        "0x10",
        "'price'<-+-1e308*1e308",
        "{[{[]}]}",
        "exists(lambda 'x':'x'<'x','countries')",
        "'itemId'[0]['x'][\"y\"]",
        "reduce('brand',{1,2})",
        "reduce(\"-\",'countries')",
        "(-9223372036854775807-1)/-1%-1",
        "abs(-9223372036854775807-1)",
        "if 1 then 'price' else 'countries'",
        "not not not not null==null",
        "[0,-1][1]in[-1]",
        "'countries' == 'countries' & {\"cz\"}",
        "'stock' in {7, \"cz\", null}",
        "user_interactions(\"u\", {\"purchases\"}, -1)",
        "string(1e300, \"%Y\") + \"x\"",
        "timestamp(1e300) == 1e300",
        "split('title', 'brand')",
        "'price' == null or 'countries' == null == 'deleted'",
    ] {
        parse_and_evaluate(text.as_bytes());
    }
    parse_and_evaluate(b"\xff'\xfe'");
}

/// Deep texts of every form, in a thread with little stack.
#[test]
fn depth_is_bounded_in_every_form() {
    let deep = |n: usize, open: &str, middle: &str, close: &str| {
        format!("{}{middle}{}", open.repeat(n), close.repeat(n))
    };
    let check = move |open: &str, middle: &str, close: &str| {
        let too_deep = parse(&deep(5_000, open, middle, close)).unwrap_err();
        assert_eq!(too_deep.kind, ErrorKind::TooLarge, "{open}: {too_deep}");
        let most = (1..=2 * HEIGHT_MAX as usize).rev();
        let most =
            most.map(|n| deep(n, open, middle, close)).find(|text| parse(text).is_ok()).unwrap();
        parse_and_evaluate(most.as_bytes());
    };
    let test = move || {
        check("(", "1", ")");
        check("{", "1", "}");
        check("[", "1", "]");
        check("-", "1", "");
        check("not ", "true", "");
        check("max(", "'price'", ", 1)");
        check("", "[1]", "[0]");
        check("if true then 1 else ", "'price'", "");
        check("if ", "'deleted'", " then 1 else 2");
        check("(1 + 1 * ", "'price'", ")");
        check("(true or true and 1 < 1 + 1 * -", "'price'", ")");
        check("context_item[", "\"price\"", "]");
        check("map(lambda 'x': ", "'x'", ", {1})");
        check("map(lambda 'x': ['x', 'price'], ", "{1}", ")");
        check("item_values(", "\"i\"", ")[\"price\"]");
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(test).unwrap().join().unwrap();
    assert!(parse(&deep(NESTING_MAX - 1, "(", "1", ")")).is_ok());
}

#[test]
fn width_is_bounded_by_text_and_parts_only() {
    let wide = |n: usize, operator: &str| vec!["'stock'"; n].join(operator);
    for operator in [" or ", " and ", " + ", "*", " == "] {
        parse_and_evaluate(wide(2_000, operator).as_bytes());
    }
    let numbers = |n: usize| format!("{{{}}}", vec!["1"; n].join(","));
    assert!(parse(&numbers(NODES_MAX - 1)).is_ok());
    assert_eq!(parse(&numbers(NODES_MAX)).unwrap_err().kind, ErrorKind::TooLarge);
    let text = " ".repeat(TEXT_BYTES_MAX);
    assert_eq!(parse(&format!("{text}1")).unwrap_err().kind, ErrorKind::TooLarge);
    assert!(parse(&format!("{}1", &text[1..])).is_ok());
}

#[test]
fn an_evaluation_that_would_explode_is_null() {
    let catalogue = Catalogue::sample();
    let nested =
        |open: &str, middle: &str| format!("{}{middle}{}", open.repeat(40), ")".repeat(40));
    let ten = "{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}";
    let texts = [
        // Text, array and set that double at each level.
        nested("map(lambda 'x': 'x' + 'x', ", "{\"abc\"}"),
        nested("map(lambda 'x': ['x', 'x'], ", "{'stock'}"),
        nested("map(lambda 'x': {'x', ['x']}, ", "{'stock'}"),
        // Ten to the power of the depth.
        format!("{}'stock'{}", "map(lambda 'x': ".repeat(40), format!(", {ten})").repeat(40)),
    ];
    // Also where the explosion does not depend on the row and is met when compiling.
    let ahead = texts[1..3].iter().map(|text| text.replace("'stock'", "1")).collect::<Vec<_>>();
    for text in texts.iter().chain(&ahead) {
        // What could not be computed must not pass as true behind a negation.
        for text in [text.clone(), format!("not exists(lambda 'a': true, {text})")] {
            let expression = parse(&text).unwrap();
            let compiled = expression.compile(&catalogue, &Request);
            assert_eq!(expression.evaluate(&catalogue, &Request, 0), Value::Null, "{text}");
            assert_eq!(
                (compiled.evaluate(0), compiled.evaluate_boolean(0)),
                (Value::Null, false),
                "{text}"
            );
        }
    }
}
