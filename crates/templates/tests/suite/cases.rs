//! Cases of `cases/*.txt`: after each line `=== form, title` comes a template. What becomes of it
//! is a snapshot.

use std::fmt::Write;

use templates::{Form, Template};

use crate::sample;

fn run(file: &str, cases: &str) {
    let mut outcomes = String::new();
    for case in cases.split("=== ").skip(1) {
        let (head, source) = case.split_once('\n').unwrap();
        let source = source.trim_end_matches('\n');
        let form = match head.split(',').next().unwrap() {
            "html" => Form::Html,
            "text" => Form::Text,
            "line" => Form::Line,
            "json" => Form::Json,
            "url" => Form::Url,
            other => panic!("{other} is no form"),
        };
        writeln!(outcomes, "=== {head}\n{source}").unwrap();
        match Template::parse(source, form) {
            Err(error) => writeln!(outcomes, "--- is no template\n{error}\n").unwrap(),
            Ok(_) => match sample::render(source, form) {
                Ok(text) => writeln!(outcomes, "--- text\n{text}\n").unwrap(),
                Err(error) => writeln!(outcomes, "--- is not sent\n{error}\n").unwrap(),
            },
        }
    }
    insta::assert_snapshot!(file, outcomes);
}

#[test]
fn the_language_means_what_its_cases_say() {
    run("language", include_str!("cases/language.txt"));
}

#[test]
fn mistakes_are_named_with_their_place_and_the_way_out() {
    run("mistakes", include_str!("cases/mistakes.txt"));
}

#[test]
fn hostile_values_stay_values() {
    run("hostile_values", include_str!("cases/hostile_values.txt"));
}

#[test]
fn hostile_templates_are_refused_or_cut() {
    run("hostile_templates", include_str!("cases/hostile_templates.txt"));
}
