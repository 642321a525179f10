//! The recommender's tests.

mod common;
mod lists;
mod models;
mod statistics;
