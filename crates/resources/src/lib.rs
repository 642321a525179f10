#![doc = include_str!("../README.md")]

pub mod catalog;
pub mod catalog_drafts;
mod configuration;
pub mod installation;
pub mod items;
pub mod scenarios;

pub use configuration::{Revised, configure, put_error, unknown_resource};
