#![doc = include_str!("../README.md")]

mod artifact;
pub mod blend;
mod candidates;
mod cold;
mod eligibility;
pub mod evaluation;
mod features;
mod item_type;
pub mod matrix;
mod model;
pub mod models;
mod own;
mod recommend;
mod rerank;
mod search;
mod seeds;
mod split;
pub mod statistics;
mod training_set;
mod users;
mod weak;
mod weighting;

pub use artifact::{ArtifactError, decode, encode};
pub use blend::{Component, ModelConfig, Parameters, RelevanceScores};
pub use candidates::Sources;
pub use cold::ColdItems;
pub use eligibility::{Eligibility, excludes};
pub use features::{Features, FeaturesBuilder};
pub use history::{HISTORY_ENTRIES_MAX, Histories, HistoryEntry, Impression, ItemCounts, WeakSignal};
pub use item_type::{ItemType, ValueIdx};
pub use model::{Cancelled, Channel, Model, train_with};
pub use recommend::{
    Because, Constraint, ItemBooster, Origin, Promoted, Recommendation, Recommended, Request, Values,
    n_reranked, rank, recommend, rerank,
};
pub use search::{Judged, Progress, Search, SearchOptions, Trained, Tried, search, train};
pub use split::{Split, SplitKind, TestUser};
pub use training_set::TrainingSet;
pub use users::{Taste, rank_users};
pub use weak::{WeakHistory, WeakSignalTrial, weights_in_force};
pub use weighting::HistoryWeighting;
