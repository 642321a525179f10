//! Items that are alike by their properties.
//!
//! With a the idf-weighted features of an item, item i speaks for item j with `cos(a_i, a_j)^power (p_j + 1)^popularity`.

mod config;
mod fit;

pub use config::Config;
pub use fit::{cosines, fit, weigh};
