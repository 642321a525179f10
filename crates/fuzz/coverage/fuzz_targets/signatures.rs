//! See `fuzz::signatures`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::signatures::run(bytes));
