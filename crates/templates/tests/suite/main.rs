//! What templates mean, that nothing of a person's becomes part of a message's structure, and that
//! no template or value harms the process.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod agreement;
mod bounds;
mod cases;
mod documentation;
mod fuzz_body;
mod mail;
mod needs;
mod properties;
mod sample;
mod shape;
mod speed;
mod tags;
