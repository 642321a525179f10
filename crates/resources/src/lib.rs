#![doc = include_str!("../README.md")]

mod configuration;
pub mod installation;
pub mod jobs;
pub mod operations;
pub mod overview;
pub mod scenarios;
pub mod training;

pub use configuration::{Revised, configure, put_error, unknown_resource};
