//! See `fuzz::mappings`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::mappings::run(bytes));
