#![doc = include_str!("../README.md")]

pub mod builds;
pub mod campaign;
pub mod http;
pub mod process;
pub mod profiles;
pub mod receiver;
pub mod search;
pub mod siege;
pub mod soak;
pub mod workspace;
