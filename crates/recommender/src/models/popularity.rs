//! Popularity: decayed interactions of all users, in total and by kind, optionally with the same
//! weeks of earlier years.

mod config;
mod fit;

pub use config::{Config, Normalisation};
pub use fit::{Popularity, compute_factors, compute_scores, fit, rank_items};
