//! Any bytes as an expression; the body is that of a test, which runs it over a short corpus.

#![no_main]

#[path = "../../tests/suite/catalogue.rs"]
mod catalogue;
#[path = "../../tests/suite/fuzz_body.rs"]
mod fuzz_body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_body::parse_and_evaluate(bytes));
