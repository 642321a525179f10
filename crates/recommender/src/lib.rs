#![doc = include_str!("../README.md")]

mod accuracy;
mod artifact;
pub mod blend;
mod candidates;
mod cold_start;
mod eligibility;
pub mod evaluation;
mod facet;
mod features;
mod find;
mod hyperparameter_search;
pub mod matrix;
mod model;
pub mod models;
mod own_history;
mod recommend;
mod request;
mod rerank;
mod seeds;
mod similarities;
mod split;
pub mod statistics;
mod tiers;
mod together;
mod training_set;
mod users;
mod values;
mod weak_signals;
mod weighting;

pub use accuracy::{ActivityGroup, Hits, MEASURED_LENGTHS, count_by_activity};
pub use artifact::{ArtifactError, decode, decompress, encode};
pub use blend::{Component, ModelConfig, Parameters, RelevanceShares};
pub use candidates::CandidateSources;
pub use cold_start::ColdStartItems;
pub use eligibility::{Eligibility, excludes};
pub use facet::{Facet, ValueIdx};
pub use features::{Features, FeaturesBuilder};
pub use history::{
    HISTORY_ENTRIES_MAX, Histories, HistoryEntry, Impression, ItemCounts, LookBack, PeopleByItem,
    PeopleCounter, WeakSignal,
};
pub use hyperparameter_search::{
    HyperparameterSearch, JudgedLists, ModelTrial, Progress, SearchOptions, TrainingOutcome,
    search_hyperparameters, train,
};
pub use model::{Cancelled, Channel, Model, fit_model};
pub use recommend::{rank, recommend, rerank};
pub use request::{
    Backfill, Constraint, Contribution, FacetValues, ItemBooster, Origin, PromotedItems,
    Recommendation, RecommendedItem, Request,
};
pub use seeds::is_implicit_seed;
pub use split::{Split, SplitKind, TestUser};
pub use training_set::TrainingSet;
pub use users::{UserQuery, rank_users};
pub use weak_signals::{WeakSignalTrial, weights_in_force};
pub use weighting::{HistoryWeighting, WeakHistory};
