//! Hyperparameter search: the hyperparameters of every model, then the blend, chosen on a
//! validation split.
//!
//! Each model is tuned one hyperparameter at a time. Then the scores of the good settings for the
//! test users' likely items are compared, and members and weights of the blend are chosen greedily
//! (Caruana et al., ICML'04): the best model first, then each time the one that adds most.

mod blending;
mod pool;
mod tuner;

use domain::ItemIdx;
use serde::{Deserialize, Serialize};

use self::pool::Pool;
use self::tuner::Tuner;
use crate::blend::{Component, ModelConfig};
use crate::evaluation::{Metrics, compute_metrics, compute_popular_lists};
use crate::models::{neighbours, popularity};
use crate::split::{Split, SplitKind, TestUser};
use crate::weak_signals;
use crate::{
    Cancelled, HistoryWeighting, Model, Parameters, TrainingSet, WeakSignalTrial, fit_model,
};

/// The inputs of a training run besides the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchOptions {
    /// The seed of all random choices.
    pub seed: u64,
}

/// The outcome of a hyperparameter search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HyperparameterSearch {
    /// The kind of split that settings were judged on.
    pub split: SplitKind,
    /// The best setting of each model on its own, best first.
    pub models: Vec<ModelTrial>,
    /// The metrics of the blend before it is compiled to pruned matrices.
    pub blend: Metrics,
    /// The metrics of popularity, the baseline.
    pub popularity: Metrics,
    /// The chosen hyperparameters.
    #[schema(value_type = Object)]
    pub parameters: Parameters,
    /// For each component of the parameters, its mean share (0 to 1) of the scores in the lists of
    /// test users. Empty where nothing could be judged, and in reports of older versions. Weights
    /// alone do not say it: each component scores on a scale of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<f32>,
}

/// The lists for the test users of the split, for comparisons with other models.
pub struct JudgedLists {
    /// The test users.
    pub test: Vec<TestUser>,
    /// The lists of the blend, or of the model with weak signals where any kind is on.
    pub lists: Vec<Vec<ItemIdx>>,
    /// The lists of the popularity baseline.
    pub popular_lists: Vec<Vec<ItemIdx>>,
}

/// One setting of a model with its metrics on the split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ModelTrial {
    /// The model, its hyperparameters and its history weighting.
    #[schema(value_type = Object)]
    pub component: Component,
    /// The metrics of its lists.
    pub metrics: Metrics,
}

/// A trained model with its evaluation.
pub struct TrainingOutcome {
    /// The model, fitted on all data.
    pub model: Model,
    /// The outcome of the hyperparameter search.
    pub search: HyperparameterSearch,
    /// The lists that it was judged by.
    pub judged: JudgedLists,
    /// The trials of weak signals, one for each kind that occurs.
    pub weak_signals: Vec<WeakSignalTrial>,
}

/// The share of a training run's progress that the search takes.
const SEARCH_SHARE: f64 = 0.7;

/// Called between any two fits or evaluations with the share done, from 0 to 1. An error cancels
/// the run.
pub type Progress<'a> = dyn Fn(f64) -> Result<(), Cancelled> + 'a;

/// Searches hyperparameters on a split, tries weak signals, then fits the model on all data.
/// Afterwards `set` has the weights of the weak signals that were found useful.
///
/// # Errors
/// `progress` cancelled the run.
pub fn train(
    set: &mut TrainingSet,
    options: &SearchOptions,
    version: &str,
    progress: &Progress<'_>,
) -> Result<TrainingOutcome, Cancelled> {
    let (search, mut judged) =
        search_hyperparameters(set, options, &|share| progress(SEARCH_SHARE * share))?;
    let (weak_signals, lists) =
        weak_signals::try_weak_signals(set, &search.parameters, options.seed, &|| {
            progress(SEARCH_SHARE)
        })?;
    judged.lists = lists.unwrap_or(judged.lists);
    set.set_weak_weights(weak_signals::weights_in_force(&weak_signals));
    let model = fit_model(set, &search.parameters, version, &|| progress(SEARCH_SHARE))?;
    progress(1.0)?;
    Ok(TrainingOutcome { model, search, judged, weak_signals })
}

/// The number of related items kept per item, bounded in total. Pruning to 300 costs .002 of recall
/// compared with a full row, to 500 less than .001.
fn kept_per_item(n_items: usize) -> u32 {
    (20_000_000 / n_items.max(1)).clamp(200, 1_000) as u32
}

/// Searches hyperparameters on a split of the set.
///
/// # Errors
/// `progress` cancelled the run.
pub fn search_hyperparameters(
    set: &TrainingSet,
    options: &SearchOptions,
    progress: &Progress<'_>,
) -> Result<(HyperparameterSearch, JudgedLists), Cancelled> {
    let split = Split::new(set, options.seed);
    let mut tuner = Tuner {
        pool: Pool::new(&split),
        set: &split.train,
        kind: split.kind,
        progress,
        share_done: 0.0,
    };
    if !split.test.is_empty() {
        tuner.tune(options.seed)?;
    }
    tuner.report_progress()?;
    let (config, popularity) = tune_popularity(&split);
    let mut counts = vec![0u32; set.n_items()];
    split.train.entries().iter().for_each(|entry| counts[entry.item.pos()] += 1);
    let blend = blending::choose_blend(&tuner.pool, &counts);
    let popular = compute_popular_lists(&popularity, &split.test);
    let mut components = blend.components;
    if components.is_empty() {
        // Too little data to judge anything on.
        components.push(Component {
            model: ModelConfig::Neighbours(neighbours::Config::default()),
            weighting: HistoryWeighting::default(),
            weight: 1.0,
        });
    }
    let search = HyperparameterSearch {
        split: split.kind,
        models: blend.models,
        blend: compute_metrics(&split.test, &blend.lists, &counts),
        // Every user gets the same list, so none is personal.
        popularity: Metrics { personal: 0.0, ..compute_metrics(&split.test, &popular, &counts) },
        parameters: Parameters {
            interaction_weights: *set.interaction_weights(),
            relevance: blend.relevance,
            popularity: config,
            ..Parameters::new(components, kept_per_item(set.n_items()))
        },
        shares: blend.shares,
    };
    progress(1.0)?;
    drop(tuner);
    Ok((search, JudgedLists { test: split.test, lists: blend.lists, popular_lists: popular }))
}

/// Chooses the half-life of popularity, in days, and the weight of seasons by the nDCG of
/// popularity lists. Needs a split by time; otherwise the defaults apply.
fn tune_popularity(split: &Split) -> (popularity::Config, Vec<f32>) {
    let scores = |config: &popularity::Config| {
        popularity::compute_scores(&split.train, config, |entry| {
            entry.weight(split.train.interaction_weights()).max(0.0)
        })
    };
    if split.kind != SplitKind::Time {
        let config = popularity::Config::default();
        return (config, scores(&config));
    }
    let unknown = vec![0; split.train.n_items()];
    let ndcg = |scores: &[f32]| {
        compute_metrics(&split.test, &compute_popular_lists(scores, &split.test), &unknown).ndcg
    };
    let mut best: Option<(f64, popularity::Config, Vec<f32>)> = None;
    for seasonal in [0.0, 0.5, 2.0, 6.0] {
        for half_life_days in [7.0, 30.0, 120.0].map(Some) {
            let config = popularity::Config { half_life_days, seasonal };
            let scores = scores(&config);
            let ndcg = ndcg(&scores);
            // Of equal settings the first wins, the one without seasons.
            if best.as_ref().is_none_or(|(best_ndcg, ..)| ndcg > *best_ndcg) {
                best = Some((ndcg, config, scores));
            }
        }
    }
    let (_, config, scores) = best.expect("several settings are tried");
    (config, scores)
}
