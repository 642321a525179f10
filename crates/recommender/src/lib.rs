#![doc = include_str!("../README.md")]

mod artifact;
mod eligibility;
pub mod evaluation;
mod history;
mod model;
pub mod models;
mod recommend;
mod training;

pub use artifact::{ArtifactError, decode, encode};
pub use eligibility::{Eligibility, excludes};
pub use history::{HISTORY_ENTRIES_MAX, Histories, HistoryEntry, KindWeights};
pub use model::Model;
pub use recommend::{Because, Origin, Recommendation, Recommended, recommend};
pub use training::{Parameters, Trained, TrainingSet, train, train_with};
