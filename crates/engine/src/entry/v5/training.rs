//! Records of training runs.

use serde::Deserialize;
use serde_with::As;

use super::forms;

forms! {
    Training = crate::Training,
    Search = recommender::Search,
    Tried = recommender::Tried,
    Metrics = recommender::evaluation::Metrics,
    SplitKind = recommender::SplitKind,
    Comparison = recommender::evaluation::Comparison,
    Parameters = recommender::Parameters,
    Component = recommender::Component,
    ModelConfig = recommender::ModelConfig,
    RelevanceScores = recommender::RelevanceScores,
    HistoryWeighting = recommender::HistoryWeighting,
    InteractionWeights = domain::InteractionWeights,
    NeighboursConfig = recommender::models::neighbours::Config,
    SpectralConfig = recommender::models::spectral::Config,
    RidgeConfig = recommender::models::ridge::Config,
    SequenceConfig = recommender::models::sequence::Config,
    SequenceRidgeConfig = recommender::models::sequence_ridge::Config,
    ContentConfig = recommender::models::content::Config,
    PopularityConfig = recommender::models::popularity::Config,
    RecentlyViewedConfig = recommender::models::recently_viewed::Config,
    BuyAgainConfig = recommender::models::buy_again::Config,
    Normalisation = recommender::models::popularity::Normalisation,
}

#[derive(Deserialize)]
#[serde(remote = "crate::Training")]
pub(in crate::entry) struct Training {
    version: String,
    offset: u64,
    finished_at: domain::Timestamp,
    n_users: u64,
    n_items: u64,
    n_interactions: u64,
    n_interactions_total: u64,
    as_of_s: u32,
    #[serde(with = "As::<Search>")]
    search: recommender::Search,
    #[serde(with = "As::<Option<Comparison>>")]
    beside_current: Option<recommender::evaluation::Comparison>,
    #[serde(with = "As::<Option<Comparison>>")]
    beside_popularity: Option<recommender::evaluation::Comparison>,
    refused: Option<String>,
    duration_ms: u64,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::Search")]
pub(in crate::entry) struct Search {
    #[serde(with = "As::<SplitKind>")]
    split: recommender::SplitKind,
    #[serde(with = "As::<Vec<Tried>>")]
    models: Vec<recommender::Tried>,
    #[serde(with = "As::<Metrics>")]
    blend: recommender::evaluation::Metrics,
    #[serde(with = "As::<Metrics>")]
    popularity: recommender::evaluation::Metrics,
    #[serde(with = "As::<Parameters>")]
    parameters: recommender::Parameters,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::Tried")]
pub(in crate::entry) struct Tried {
    #[serde(with = "As::<Component>")]
    component: recommender::Component,
    #[serde(with = "As::<Metrics>")]
    metrics: recommender::evaluation::Metrics,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::evaluation::Metrics")]
pub(in crate::entry) struct Metrics {
    ndcg: f64,
    recall: f64,
    coverage: f64,
    novelty: f64,
    personal: f64,
    n_users: usize,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::SplitKind")]
pub(in crate::entry) enum SplitKind {
    Time,
    LastStep,
    Random,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::evaluation::Comparison")]
pub(in crate::entry) struct Comparison {
    ndcg: f64,
    other_ndcg: f64,
    low: f64,
    high: f64,
    n_users: usize,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::Parameters")]
pub(in crate::entry) struct Parameters {
    #[serde(with = "As::<Vec<Component>>")]
    components: Vec<recommender::Component>,
    #[serde(with = "As::<InteractionWeights>")]
    interaction_weights: domain::InteractionWeights,
    #[serde(with = "As::<RelevanceScores>")]
    relevance: recommender::RelevanceScores,
    #[serde(with = "As::<PopularityConfig>")]
    popularity: recommender::models::popularity::Config,
    #[serde(with = "As::<RecentlyViewedConfig>")]
    recently_viewed: recommender::models::recently_viewed::Config,
    #[serde(with = "As::<BuyAgainConfig>")]
    buy_again: recommender::models::buy_again::Config,
    kept_per_item: u32,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::Component")]
pub(in crate::entry) struct Component {
    #[serde(with = "As::<ModelConfig>")]
    model: recommender::ModelConfig,
    #[serde(with = "As::<HistoryWeighting>")]
    weighting: recommender::HistoryWeighting,
    weight: f32,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::ModelConfig")]
pub(in crate::entry) enum ModelConfig {
    Neighbours(#[serde(with = "As::<NeighboursConfig>")] recommender::models::neighbours::Config),
    Spectral(#[serde(with = "As::<SpectralConfig>")] recommender::models::spectral::Config),
    Ridge(#[serde(with = "As::<RidgeConfig>")] recommender::models::ridge::Config),
    Sequence(#[serde(with = "As::<SequenceConfig>")] recommender::models::sequence::Config),
    SequenceRidge(#[serde(with = "As::<SequenceRidgeConfig>")] recommender::models::sequence_ridge::Config),
    Content(#[serde(with = "As::<ContentConfig>")] recommender::models::content::Config),
}

#[derive(Deserialize)]
#[serde(remote = "recommender::RelevanceScores")]
pub(in crate::entry) struct RelevanceScores {
    medium: f32,
    high: f32,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::HistoryWeighting")]
pub(in crate::entry) struct HistoryWeighting {
    half_life_days: Option<f32>,
    step_decay: f32,
}

#[derive(Deserialize)]
#[serde(remote = "domain::InteractionWeights")]
pub(in crate::entry) struct InteractionWeights {
    view: f32,
    purchase: f32,
    rating: f32,
    cart: f32,
    bookmark: f32,
    portion: f32,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::models::neighbours::Config")]
pub(in crate::entry) struct NeighboursConfig {
    half_life_days: Option<f32>,
    #[serde(with = "As::<Normalisation>")]
    normalisation: recommender::models::popularity::Normalisation,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::models::spectral::Config")]
pub(in crate::entry) struct SpectralConfig {
    half_life_days: Option<f32>,
    rank: u32,
    filter: f32,
    iterations: u32,
    seed: u64,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::models::ridge::Config")]
pub(in crate::entry) struct RidgeConfig {
    half_life_days: Option<f32>,
    user_exponent: f32,
    nearest: Option<u32>,
    penalty: f32,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::models::sequence::Config")]
pub(in crate::entry) struct SequenceConfig {
    half_life_days: Option<f32>,
    steps: u32,
    discount: f32,
    backward: f32,
    #[serde(with = "As::<Normalisation>")]
    normalisation: recommender::models::popularity::Normalisation,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::models::sequence_ridge::Config")]
pub(in crate::entry) struct SequenceRidgeConfig {
    past: f32,
    future: f32,
    future_steps: u32,
    user_exponent: f32,
    penalty: f32,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::models::content::Config")]
pub(in crate::entry) struct ContentConfig {
    power: f32,
    popularity: f32,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::models::popularity::Config")]
pub(in crate::entry) struct PopularityConfig {
    half_life_days: Option<f32>,
    seasonal: f32,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::models::recently_viewed::Config")]
pub(in crate::entry) struct RecentlyViewedConfig {
    fading: f32,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::models::buy_again::Config")]
pub(in crate::entry) struct BuyAgainConfig {
    prior: f32,
    smoothing: f32,
    due_share: f32,
    days_ahead: f32,
}

#[derive(Deserialize)]
#[serde(remote = "recommender::models::popularity::Normalisation")]
pub(in crate::entry) struct Normalisation {
    source_exponent: f32,
    target_exponent: f32,
    smoothing: f32,
}
