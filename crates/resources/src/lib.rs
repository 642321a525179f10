#![doc = include_str!("../README.md")]

pub mod catalog;
pub mod catalog_drafts;
pub mod collections;
mod commands;
pub mod ab_tests;
pub mod comparison;
mod configuration;
pub mod installation;
pub mod items;
pub mod recommendations;
pub mod results;
pub mod scenarios;
pub mod segmentations;
pub mod synonyms;

pub use configuration::{Revised, configure, put_error, unknown_resource};
