#![doc = include_str!("../README.md")]

mod artifact;
pub mod blend;
mod cold;
mod eligibility;
pub mod evaluation;
mod features;
mod history;
pub mod matrix;
mod model;
pub mod models;
mod recommend;
mod search;
mod split;
pub mod statistics;
mod training_set;

pub use artifact::{ArtifactError, decode, encode};
pub use blend::{Component, ModelConfig, Parameters};
pub use cold::ColdItems;
pub use eligibility::{Eligibility, excludes};
pub use features::{Features, FeaturesBuilder};
pub use history::{HISTORY_ENTRIES_MAX, Histories, HistoryEntry, HistoryWeighting, KindWeights};
pub use model::{Channel, Model, train_with};
pub use recommend::{Because, Origin, Recommendation, Recommended, Sources, recommend};
pub use search::{Judged, Search, SearchOptions, Trained, Tried, search, train};
pub use split::{Split, SplitKind, TestUser};
pub use training_set::TrainingSet;
