//! What expressions mean, that both evaluators agree on it, and that no text harms the process.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod agreement;
mod catalogue;
mod documented;
mod errors;
mod fuzz_body;
mod robustness;
mod speed;
mod values;
