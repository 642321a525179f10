//! Records of training runs. Version 5 held the report field by field. Later versions hold it as
//! JSON text, with the names of the fields here.

use domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::TrainingRecord;

impl From<Training> for TrainingRecord {
    fn from(training: Training) -> Self {
        let Training { search, beside_current, beside_popularity, .. } = training;
        let report = Report { search, beside_current, beside_popularity };
        Self {
            version: training.version,
            offset: training.offset,
            finished_at: training.finished_at,
            n_users: training.n_users,
            n_items: training.n_items,
            n_interactions: training.n_interactions,
            n_interactions_total: training.n_interactions_total,
            as_of_s: training.as_of_s,
            report: serde_json::to_string(&report).expect("a report is plain JSON"),
            refused: training.refused,
            duration_ms: training.duration_ms,
        }
    }
}

#[derive(Serialize)]
struct Report {
    search: Search,
    beside_current: Option<Comparison>,
    beside_popularity: Option<Comparison>,
}

#[derive(Deserialize)]
pub(in crate::entry) struct Training {
    version: String,
    offset: u64,
    finished_at: Timestamp,
    n_users: u64,
    n_items: u64,
    n_interactions: u64,
    n_interactions_total: u64,
    as_of_s: u32,
    search: Search,
    beside_current: Option<Comparison>,
    beside_popularity: Option<Comparison>,
    refused: Option<String>,
    duration_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct Search {
    split: SplitKind,
    models: Vec<Tried>,
    blend: Metrics,
    popularity: Metrics,
    parameters: Parameters,
}

#[derive(Serialize, Deserialize)]
struct Tried {
    component: Component,
    metrics: Metrics,
}

#[derive(Serialize, Deserialize)]
struct Metrics {
    ndcg: f64,
    recall: f64,
    coverage: f64,
    novelty: f64,
    personal: f64,
    n_users: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SplitKind {
    Time,
    LastStep,
    Random,
}

#[derive(Serialize, Deserialize)]
struct Comparison {
    ndcg: f64,
    other_ndcg: f64,
    low: f64,
    high: f64,
    n_users: usize,
}

#[derive(Serialize, Deserialize)]
struct Parameters {
    components: Vec<Component>,
    interaction_weights: InteractionWeights,
    relevance: RelevanceScores,
    popularity: PopularityConfig,
    recently_viewed: RecentlyViewedConfig,
    buy_again: BuyAgainConfig,
    kept_per_item: u32,
}

#[derive(Serialize, Deserialize)]
struct Component {
    model: ModelConfig,
    weighting: HistoryWeighting,
    weight: f32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ModelConfig {
    Neighbours(NeighboursConfig),
    Spectral(SpectralConfig),
    Ridge(RidgeConfig),
    Sequence(SequenceConfig),
    SequenceRidge(SequenceRidgeConfig),
    Content(ContentConfig),
}

#[derive(Serialize, Deserialize)]
struct RelevanceScores {
    medium: f32,
    high: f32,
}

#[derive(Serialize, Deserialize)]
struct HistoryWeighting {
    half_life_days: Option<f32>,
    step_decay: f32,
}

#[derive(Serialize, Deserialize)]
struct InteractionWeights {
    view: f32,
    purchase: f32,
    rating: f32,
    cart: f32,
    bookmark: f32,
    portion: f32,
}

#[derive(Serialize, Deserialize)]
struct NeighboursConfig {
    half_life_days: Option<f32>,
    normalisation: Normalisation,
}

#[derive(Serialize, Deserialize)]
struct SpectralConfig {
    half_life_days: Option<f32>,
    rank: u32,
    filter: f32,
    iterations: u32,
    seed: u64,
}

#[derive(Serialize, Deserialize)]
struct RidgeConfig {
    half_life_days: Option<f32>,
    user_exponent: f32,
    nearest: Option<u32>,
    penalty: f32,
}

#[derive(Serialize, Deserialize)]
struct SequenceConfig {
    half_life_days: Option<f32>,
    steps: u32,
    discount: f32,
    backward: f32,
    normalisation: Normalisation,
}

#[derive(Serialize, Deserialize)]
struct SequenceRidgeConfig {
    past: f32,
    future: f32,
    future_steps: u32,
    user_exponent: f32,
    penalty: f32,
}

#[derive(Serialize, Deserialize)]
struct ContentConfig {
    power: f32,
    popularity: f32,
}

#[derive(Serialize, Deserialize)]
struct PopularityConfig {
    half_life_days: Option<f32>,
    seasonal: f32,
}

#[derive(Serialize, Deserialize)]
struct RecentlyViewedConfig {
    fading: f32,
}

#[derive(Serialize, Deserialize)]
struct BuyAgainConfig {
    prior: f32,
    smoothing: f32,
    due_share: f32,
    days_ahead: f32,
}

#[derive(Serialize, Deserialize)]
struct Normalisation {
    source_exponent: f32,
    target_exponent: f32,
    smoothing: f32,
}
