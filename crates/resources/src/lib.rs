#![doc = include_str!("../README.md")]

pub mod catalog;
pub mod catalog_drafts;
pub mod collections;
mod commands;
pub mod ab_tests;
pub mod comparison;
mod configuration;
pub mod events;
pub mod installation;
pub mod items;
pub mod recommendations;
pub mod results;
pub mod live;
pub mod rejections;
pub mod scenarios;
pub mod segmentations;
pub mod synonyms;

pub use configuration::{Revised, configure, put_error, unknown_resource};

/// Serialises a time as APIs show it: ISO 8601.
fn as_text<S: serde::Serializer>(at: &domain::Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}
