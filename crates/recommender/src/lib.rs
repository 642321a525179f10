#![doc = include_str!("../README.md")]

mod artifact;
pub mod blend;
mod candidates;
mod cold_start;
mod eligibility;
pub mod evaluation;
mod facet;
mod features;
pub mod matrix;
mod model;
pub mod models;
mod own_history;
mod recommend;
mod rerank;
mod search;
mod seeds;
mod split;
pub mod statistics;
mod training_set;
mod users;
mod weak_signals;
mod weighting;

pub use artifact::{ArtifactError, decode, encode};
pub use blend::{Component, ModelConfig, Parameters, RelevanceScores};
pub use candidates::Sources;
pub use cold_start::ColdStartItems;
pub use eligibility::{Eligibility, excludes};
pub use facet::{Facet, ValueIdx};
pub use features::{Features, FeaturesBuilder};
pub use history::{HISTORY_ENTRIES_MAX, Histories, HistoryEntry, Impression, ItemCounts, WeakSignal};
pub use model::{Cancelled, Channel, Model, train_with};
pub use recommend::{
    Constraint, Contribution, FacetValues, ItemBooster, Origin, Promoted, Recommendation, Recommended,
    Request, n_reranked, rank, recommend, rerank,
};
pub use search::{Judged, Progress, Search, SearchOptions, Trained, Tried, search, train};
pub use split::{Split, SplitKind, TestUser};
pub use training_set::TrainingSet;
pub use users::{UserQuery, rank_users};
pub use weak_signals::{WeakHistory, WeakSignalTrial, weights_in_force};
pub use weighting::HistoryWeighting;
