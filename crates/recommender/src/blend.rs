//! Which models are added up, with which weights.

use domain::InteractionWeights;
use serde::{Deserialize, Serialize};

use crate::matrix::ItemMatrix;
use crate::models::{
    buy_again, content, neighbours, popularity, recently_viewed, ridge, sequence, sequence_ridge, spectral,
};
use crate::{HistoryWeighting, TrainingSet};

/// The most ways of weighting a history in one blend: each is a matrix of its own.
pub const CHANNELS_MAX: usize = 4;
/// The most entries of a matrix that is to be added to others.
const PART_ENTRIES_MAX: usize = 40_000_000;

/// What a model is made with, found by [`crate::train`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// What is added up.
    pub components: Vec<Component>,
    /// What counted how much.
    pub interaction_weights: InteractionWeights,
    /// From which scores on an item is relevant.
    pub relevance: RelevanceScores,
    /// Of popularity.
    pub popularity: popularity::Config,
    /// Of what was viewed recently.
    pub recently_viewed: recently_viewed::Config,
    /// Of buying again.
    pub buy_again: buy_again::Config,
    /// How many related items are kept of each item and channel.
    pub kept_per_item: u32,
}

/// What is relevant: a score as a share of the best one that may be in the same list. Scores themselves do not compare: the longer a
/// history, the more of them are alike.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct RelevanceScores {
    /// Nine tenths of the recommended items that test users went on to choose had at least this share.
    pub medium: f32,
    /// Half of them had.
    pub high: f32,
}

impl Parameters {
    /// A blend, and defaults for everything else.
    pub fn new(components: Vec<Component>, kept_per_item: u32) -> Self {
        Self {
            components,
            interaction_weights: InteractionWeights::default(),
            relevance: RelevanceScores::default(),
            popularity: popularity::Config::default(),
            recently_viewed: recently_viewed::Config::default(),
            buy_again: buy_again::Config::default(),
            kept_per_item,
        }
    }
}

impl RelevanceScores {
    /// From the shares of hits, in any order.
    pub(crate) fn from_hits(mut shares: Vec<f32>) -> Self {
        shares.sort_by(f32::total_cmp);
        let at = |part: f64| shares.get((shares.len() as f64 * part) as usize).copied().unwrap_or(0.0);
        Self { medium: at(0.1), high: at(0.5) }
    }
}

/// One model of a blend.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// The model and what it is made with.
    pub model: ModelConfig,
    /// How it reads a history.
    pub weighting: HistoryWeighting,
    /// What its scores are multiplied with.
    pub weight: f32,
}

/// A model and what it is made with.
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
    /// The model's name.
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

    /// Fits the model; of sparse ones the strongest `kept_max` of each item.
    pub fn fit(&self, set: &TrainingSet, kept_max: usize) -> ItemMatrix {
        match self {
            Self::Neighbours(config) => ItemMatrix::Sparse(neighbours::fit(set, config, kept_max)),
            Self::Spectral(config) => ItemMatrix::Factors(spectral::fit(set, config)),
            Self::Ridge(config) => ridge::fit(set, config),
            Self::Sequence(config) => ItemMatrix::Sparse(sequence::fit(set, config, kept_max)),
            Self::SequenceRidge(config) => ItemMatrix::Head(sequence_ridge::fit(set, config)),
            Self::Content(config) => {
                ItemMatrix::Sparse(content::fit(set, config, kept_max.min(content::Config::KEPT_MAX)))
            }
        }
    }
}

/// How many entries of each item are kept of a matrix that is to be added to others.
pub(crate) fn kept_of_parts(n_items: usize) -> usize {
    (PART_ENTRIES_MAX / n_items.max(1)).clamp(400, 5_000)
}
