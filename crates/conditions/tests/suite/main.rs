//! Tests of the language: its forms, and that what is kept agrees with what is meant.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod agreement;
mod computed;
mod documentation;
mod examples;
mod forms;
mod generate;
mod known;
mod mistakes;
