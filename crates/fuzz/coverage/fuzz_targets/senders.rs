//! See `fuzz::senders`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::senders::run(bytes));
