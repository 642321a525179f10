//! Items with similar properties.
//!
//! Entry (i, j) is `cos(a_i, a_j)^power (p_j + 1)^popularity`, where a are the items' idf-weighted
//! feature vectors and p_j is the weighted number of j's interactions.

mod config;
mod fit;

pub use config::Config;
pub use fit::{compute_cosines, fit, weigh_cosines};
