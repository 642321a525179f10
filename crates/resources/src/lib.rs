#![doc = include_str!("../README.md")]

mod configuration;
pub mod installation;
pub mod overview;
pub mod scenarios;

pub use configuration::{Revised, configure, put_error, unknown_resource};
