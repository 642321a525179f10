//! The record of a training run with every model. It was refused, so that nobody makes that model.

use domain::InteractionWeights;
use engine::{Comparison, HyperparameterSearch, Metrics, SplitKind};
use recommender::models::popularity::Normalisation;
use recommender::models::{
    buy_again, content, neighbours, popularity, recently_viewed, ridge, sequence, sequence_ridge,
    spectral,
};
use recommender::{
    Component, HistoryWeighting, ModelConfig, ModelTrial, Parameters, RelevanceShares,
};
use state::TrainingRecord;

use super::AT;

/// The report of a run, as version 5 had it.
#[derive(serde::Serialize)]
struct Report {
    search: HyperparameterSearch,
    beside_current: Option<Comparison>,
    beside_popularity: Option<Comparison>,
}

pub(crate) fn refused() -> TrainingRecord {
    let normalisation =
        Normalisation { source_exponent: 0.5, target_exponent: 0.25, smoothing: 4.0 };
    let models = [
        ModelConfig::Neighbours(neighbours::Config { half_life_days: Some(30.0), normalisation }),
        ModelConfig::Spectral(spectral::Config {
            half_life_days: None,
            rank: 64,
            filter: 0.5,
            iterations: 4,
            seed: 1 << 40,
        }),
        ModelConfig::Ridge(ridge::Config {
            half_life_days: Some(7.5),
            user_exponent: 0.25,
            nearest: Some(100),
            penalty: 2.0,
        }),
        ModelConfig::Sequence(sequence::Config {
            half_life_days: None,
            steps: 15,
            discount: 0.75,
            backward: 0.25,
            normalisation,
        }),
        ModelConfig::SequenceRidge(sequence_ridge::Config {
            past: 0.75,
            future: 0.5,
            future_steps: 3,
            user_exponent: 0.25,
            penalty: 0.5,
        }),
        ModelConfig::Content(content::Config { power: 3.0, popularity: 0.25 }),
    ];
    let weighting = HistoryWeighting { half_life_days: Some(14.0), step_decay: 0.875 };
    let components = models.map(|model| Component { model, weighting, weight: 0.5 });
    let metrics = Metrics {
        ndcg: 0.125,
        recall: 0.25,
        coverage: 0.5,
        novelty: 3.5,
        personal: 0.0625,
        n_users: 300,
    };
    let comparison =
        Comparison { ndcg: 0.125, other_ndcg: 0.25, low: -0.25, high: 0.0, n_users: 300 };
    let report = Report {
        search: HyperparameterSearch {
            split: SplitKind::LastStep,
            models: components.map(|component| ModelTrial { component, metrics }).to_vec(),
            blend: metrics,
            popularity: Metrics { n_users: 0, ..metrics },
            parameters: Parameters {
                components: components.to_vec(),
                interaction_weights: InteractionWeights {
                    view: 0.25,
                    ..InteractionWeights::default()
                },
                relevance: RelevanceShares { medium: 0.25, high: 0.5 },
                popularity: popularity::Config { half_life_days: Some(30.0), seasonal: 0.5 },
                recently_viewed: recently_viewed::Config { fading: 0.75 },
                buy_again: buy_again::Config {
                    prior: 1.0,
                    smoothing: 5.0,
                    due_share: 0.5,
                    days_ahead: 14.0,
                },
                kept_per_item: 500,
            },
            shares: Vec::new(),
        },
        beside_current: Some(comparison),
        beside_popularity: None,
    };
    TrainingRecord {
        version: "000000000007".to_owned(),
        offset: 7,
        finished_at: AT,
        n_users: 1,
        n_items: 2,
        n_interactions: 3,
        n_interactions_total: 4,
        as_of_s: 1_700_000_000,
        report: serde_json::to_string(&report).expect("a report is plain JSON"),
        refused: Some("worse than popularity".to_owned()),
        duration_ms: 12_345,
    }
}
