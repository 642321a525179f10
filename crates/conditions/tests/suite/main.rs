//! Tests of the language: its forms, and that what is kept agrees with what is meant.

mod agreement;
mod documentation;
mod examples;
mod forms;
mod generate;
mod mistakes;
