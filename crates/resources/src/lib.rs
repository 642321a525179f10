#![doc = include_str!("../README.md")]

mod configuration;
pub mod installation;
pub mod people;
pub mod person_lists;
pub mod recommendations;
pub mod scenarios;
pub mod timeline;

pub use configuration::{Revised, configure, put_error, unknown_resource};
