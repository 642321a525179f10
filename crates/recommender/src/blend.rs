//! The configuration of a blend: its components, their weights and hyperparameters.

use domain::InteractionWeights;
use serde::{Deserialize, Serialize};

use crate::matrix::ItemMatrix;
use crate::models::{
    buy_again, content, neighbours, popularity, recently_viewed, ridge, sequence, sequence_ridge,
    spectral,
};
use crate::{HistoryWeighting, TrainingSet};

/// The most history weightings in one blend. Each needs a matrix of its own.
pub const CHANNELS_MAX: usize = 4;
/// The most entries of a component's matrix before it is added to others.
const PART_ENTRIES_MAX: usize = 40_000_000;

/// All hyperparameters of a model. [`crate::train`] finds them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// The components of the blend.
    pub components: Vec<Component>,
    /// The weight of each kind of interaction in training.
    pub interaction_weights: InteractionWeights,
    /// The score thresholds of the relevance levels.
    pub relevance: RelevanceShares,
    /// Hyperparameters of popularity.
    pub popularity: popularity::Config,
    /// Hyperparameters of the recently viewed list.
    pub recently_viewed: recently_viewed::Config,
    /// Hyperparameters of the buy-again list.
    pub buy_again: buy_again::Config,
    /// The number of related items kept per item and channel.
    pub kept_per_item: u32,
}

/// Relevance thresholds, as shares (0 to 1) of the best score that the same list may hold. Absolute
/// scores are not comparable between users: the longer a history, the closer together its scores
/// are.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct RelevanceShares {
    /// Of the recommended items that test users chose, nine tenths had at least this share.
    pub medium: f32,
    /// Half of them had at least this share.
    pub high: f32,
}

impl Parameters {
    /// Creates the parameters of a blend, with defaults for everything else.
    pub fn new(components: Vec<Component>, kept_per_item: u32) -> Self {
        Self {
            components,
            interaction_weights: InteractionWeights::default(),
            relevance: RelevanceShares::default(),
            popularity: popularity::Config::default(),
            recently_viewed: recently_viewed::Config::default(),
            buy_again: buy_again::Config::default(),
            kept_per_item,
        }
    }
}

impl RelevanceShares {
    /// Computes the thresholds from the score shares of hits, in any order.
    pub(crate) fn from_hits(mut shares: Vec<f32>) -> Self {
        shares.sort_by(f32::total_cmp);
        let quantile =
            |part: f64| shares.get((shares.len() as f64 * part) as usize).copied().unwrap_or(0.0);
        Self { medium: quantile(0.1), high: quantile(0.5) }
    }
}

/// One member of a blend: an algorithm, a history weighting and a weight.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// The algorithm with its hyperparameters.
    pub model: ModelConfig,
    /// The weighting of the history that its scores are computed from.
    pub weighting: HistoryWeighting,
    /// The factor of its scores in the blend.
    pub weight: f32,
}

/// An algorithm with its hyperparameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelConfig {
    /// See [`neighbours`].
    Neighbours(neighbours::Config),
    /// See [`spectral`].
    Spectral(spectral::Config),
    /// See [`ridge`].
    Ridge(ridge::Config),
    /// See [`sequence`].
    Sequence(sequence::Config),
    /// See [`sequence_ridge`].
    SequenceRidge(sequence_ridge::Config),
    /// See [`content`].
    Content(content::Config),
}

impl ModelConfig {
    /// The name of the algorithm, as in reports of training runs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Neighbours(_) => "neighbours",
            Self::Spectral(_) => "spectral",
            Self::Ridge(_) => "ridge",
            Self::Sequence(_) => "sequence",
            Self::SequenceRidge(_) => "sequence_ridge",
            Self::Content(_) => "content",
        }
    }

    /// Fits the model. A sparse model keeps the strongest `kept_max` entries per item.
    pub fn fit(&self, set: &TrainingSet, kept_max: usize) -> ItemMatrix {
        match self {
            Self::Neighbours(config) => ItemMatrix::Sparse(neighbours::fit(set, config, kept_max)),
            Self::Spectral(config) => ItemMatrix::Factors(spectral::fit(set, config)),
            Self::Ridge(config) => ridge::fit(set, config),
            Self::Sequence(config) => ItemMatrix::Sparse(sequence::fit(set, config, kept_max)),
            Self::SequenceRidge(config) => ItemMatrix::Head(sequence_ridge::fit(set, config)),
            Self::Content(config) => ItemMatrix::Sparse(content::fit(
                set,
                config,
                kept_max.min(content::Config::KEPT_MAX),
            )),
        }
    }
}

/// The number of entries per item that a matrix keeps before it is added to others.
pub(crate) fn part_entries_per_item(n_items: usize) -> usize {
    (PART_ENTRIES_MAX / n_items.max(1)).clamp(400, 5_000)
}
