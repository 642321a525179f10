//! The models. Each is one folder: `config.rs` says what it is made with, `fit.rs` fits it on a training set. Those of a blend give an item-item
//! matrix; popularity, recently viewed and buy-again are lists of their own.

pub mod buy_again;
pub mod content;
pub mod neighbours;
pub mod popularity;
pub mod recently_viewed;
pub mod ridge;
pub mod sequence;
pub mod sequence_ridge;
pub mod spectral;
