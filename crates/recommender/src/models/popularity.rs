//! What everybody likes lately: weights of interactions, halved with every half-life.

mod config;
mod fit;

pub use config::Config;
pub use fit::fit;
