//! What everybody likes now.

mod config;
mod fit;

pub use config::{Config, Normalisation};
pub use fit::{factors, fit, ranked};
