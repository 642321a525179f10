//! See `fuzz::catalog_files`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::catalog_files::run(bytes));
