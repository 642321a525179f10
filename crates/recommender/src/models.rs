//! The models: each a folder with its parameters and its fit.

pub mod neighbours;
pub mod popularity;
