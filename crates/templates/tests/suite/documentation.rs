//! Every example of `docs/templates.md` gives what the page says, and every filter has one.

use templates::{Form, Template};

use crate::sample;

const PAGE: &str = include_str!("../../../../docs/templates.md");

#[test]
fn examples_of_the_page_are_true() {
    let mut examples = 0;
    for part in PAGE.split("```liquid").skip(1) {
        let (head, rest) = part.split_once('\n').unwrap();
        let (source, rest) = rest.split_once("```").unwrap();
        let rest = rest.trim_start();
        let Some(expected) = rest.strip_prefix("```text\n") else {
            panic!("after this example comes no result: {source}");
        };
        let expected = expected.split_once("```").unwrap().0;
        let form = match head.trim() {
            "html" | "" => Form::Html,
            "text" => Form::Text,
            "line" => Form::Line,
            "json" => Form::Json,
            "url" => Form::Url,
            other => panic!("{other} is no form"),
        };
        let outcome = match Template::parse(source.trim_end(), form) {
            Err(error) => error.to_string(),
            Ok(_) => match sample::render(source.trim_end(), form) {
                Ok(text) => text,
                Err(error) => error.to_string(),
            },
        };
        assert_eq!(outcome.trim_end(), expected.trim_end(), "{source}");
        examples += 1;
    }
    assert!(examples > 10);
}

/// Rows of the page's table: `| filter | example | result |`.
#[test]
fn every_filter_has_an_example_that_is_true() {
    for (name, _) in Template::filters() {
        let start = format!("| `{name}` | `{{{{");
        let row = PAGE.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("docs/templates.md has no row for {name}"));
        let mut code = row.split('`');
        let (source, expected) = (code.nth(3).unwrap(), code.nth(1).unwrap());
        let source = source.replace("\\|", "|");
        assert_eq!(sample::render(&source, Form::Html).unwrap(), expected, "{source}");
    }
}
