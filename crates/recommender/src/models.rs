//! The models that a blend is made of. Each is one folder: `config.rs` says what it is made with and what the search tries, `fit.rs` makes
//! an item-item matrix of a training set.

pub mod content;
pub mod neighbours;
pub mod popularity;
pub mod ridge;
pub mod sequence;
pub mod sequence_ridge;
pub mod spectral;
