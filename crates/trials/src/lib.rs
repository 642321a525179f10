#![doc = include_str!("../README.md")]

pub mod http;
pub mod process;
pub mod search;
pub mod siege;
pub mod soak;
