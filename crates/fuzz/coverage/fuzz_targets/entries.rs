//! See `fuzz::entries`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::entries::run(bytes));
