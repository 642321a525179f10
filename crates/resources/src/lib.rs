#![doc = include_str!("../README.md")]

pub mod ab_tests;
pub mod account;
pub mod accounts;
pub mod api_keys;
pub mod audit;
pub mod blend;
pub mod catalog;
pub mod catalog_drafts;
pub mod collections;
mod commands;
pub mod comparison;
mod configuration;
pub mod events;
pub mod exports;
pub mod installation;
pub mod items;
pub mod jobs;
pub mod lifecycle;
pub mod limits;
pub mod live;
pub mod model_samples;
pub mod operations;
pub mod overview;
pub mod people;
pub mod person_lists;
pub mod recommendations;
pub mod rejections;
pub mod results;
pub mod scenarios;
pub mod segmentations;
pub mod settings;
mod shown;
pub mod sources;
pub mod synonyms;
pub mod timeline;
pub mod tokens;
pub mod training;
pub mod traits;

pub use configuration::{Revised, configure, put_error, unknown_resource};

/// Serialises a time as APIs show it: ISO 8601.
fn as_text<S: serde::Serializer>(at: &domain::Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}
