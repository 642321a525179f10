//! The recommender's tests.

mod fixtures;
mod lists;
mod logics;
mod models;
mod requests;
mod statistics;
mod tiers;
