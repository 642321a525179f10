//! What everybody likes now: of all kinds of interactions together or of one, with more weight on the same weeks of earlier years where
//! that helps.

mod config;
mod fit;

pub use config::{Config, Normalisation};
pub use fit::{Popularity, factors, fit, ranked, scores};
