//! The recommender's tests.

mod fixtures;
mod lists;
mod models;
mod requests;
mod statistics;
