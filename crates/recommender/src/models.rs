//! The algorithms. Each is a folder: `config.rs` holds its hyperparameters, `fit.rs` fits it on a
//! training set. Components of a blend give an item-item matrix; popularity, recently viewed and
//! buy-again give lists of their own.

pub mod buy_again;
pub mod content;
pub mod neighbours;
pub mod popularity;
pub mod recently_viewed;
pub mod ridge;
pub mod sequence;
pub mod sequence_ridge;
pub mod spectral;
