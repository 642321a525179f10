#![doc = include_str!("../README.md")]

mod words;

mod index;
mod snapshot;

mod ranking;
mod strength;
mod synonyms;

pub use index::{ItemTexts, SearchIndex};
pub use ranking::Candidates;
pub use synonyms::Synonyms;
pub use words::Phrase;
