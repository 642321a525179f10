#![doc = include_str!("../README.md")]

mod configuration;
pub mod events;
pub mod installation;
pub mod live;
pub mod rejections;
pub mod scenarios;

pub use configuration::{Revised, configure, put_error, unknown_resource};

/// Serialises a time as APIs show it: ISO 8601.
fn as_text<S: serde::Serializer>(at: &domain::Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}
