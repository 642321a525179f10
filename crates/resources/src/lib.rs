#![doc = include_str!("../README.md")]

pub mod account;
pub mod accounts;
pub mod api_keys;
pub mod audit;
mod configuration;
pub mod installation;
pub mod lifecycle;
pub mod limits;
pub mod scenarios;
pub mod settings;
mod shown;
pub mod sources;
pub mod tokens;
pub mod traits;

pub use configuration::{Revised, configure, put_error, unknown_resource};
pub use shown::Who;
