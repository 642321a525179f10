//! See `fuzz::expressions`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::expressions::run(bytes));
