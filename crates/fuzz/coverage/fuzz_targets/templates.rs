//! See `fuzz::templates`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::templates::run(bytes));
