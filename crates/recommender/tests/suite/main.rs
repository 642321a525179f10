//! The recommender's tests.

mod anchors;
mod fixtures;
mod lists;
mod logics;
mod models;
mod requests;
mod statistics;
mod tiers;
