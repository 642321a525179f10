#![doc = include_str!("../README.md")]

pub mod ab_tests;
pub mod comparison;
mod configuration;
pub mod installation;
pub mod recommendations;
pub mod results;
pub mod scenarios;

pub use configuration::{Revised, configure, put_error, unknown_resource};
