//! Training runs: a snapshot of the matrix becomes a model beside the traffic, and the journal says which one is used.

use std::time::Instant;

use domain::Timestamp;
use recommender::evaluation::Metrics;
use recommender::{Model, Parameters, TrainingSet};
use serde::{Deserialize, Serialize};

use crate::{Engine, EngineError, Entry, now};

/// The record of a training run. The model is a pure function of the journal up to `offset` and the parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Names the run and its artifact.
    pub version: String,
    /// The journal position that the snapshot was taken at.
    pub offset: u64,
    /// When the run ended.
    pub finished_at: Timestamp,
    /// Users with any interaction in the snapshot.
    pub n_users: u64,
    /// Items in the snapshot.
    pub n_items: u64,
    /// Interactions in the snapshot.
    pub n_interactions: u64,
    /// Interactions of all time at the snapshot: the next run is due after a share of these.
    pub n_interactions_total: u64,
    /// What the search chose.
    pub parameters: Parameters,
    /// Of the chosen parameters, on users' last visits.
    pub metrics: Metrics,
    /// Of popularity, on the same.
    pub popularity_metrics: Metrics,
    /// How long the run took, in milliseconds.
    pub duration_ms: u64,
}

impl Engine {
    /// Trains a model on everything applied so far, keeps its artifact, and switches to it. `progress` gets the share done.
    pub fn train(&self, progress: &dyn Fn(f64)) -> Result<Training, EngineError> {
        let _one_at_a_time = self.training_lock.lock();
        let started = Instant::now();
        let (set, offset, n_interactions_total) = {
            let views = self.shared.views.read();
            let histories = views.interactions.histories();
            (
                TrainingSet::snapshot(histories, views.catalog.n_items()),
                views.applied,
                histories.n_interactions(),
            )
        };
        let version = format!("{offset:012}");
        let trained = recommender::train(&set, &version, progress);
        let training = Training {
            version,
            offset,
            finished_at: now(),
            n_users: (0..set.n_users()).filter(|&user| !set.row(user).is_empty()).count() as u64,
            n_items: set.n_items() as u64,
            n_interactions: set.entries().len() as u64,
            n_interactions_total,
            parameters: trained.model.parameters,
            metrics: trained.metrics,
            popularity_metrics: trained.popularity_metrics,
            duration_ms: started.elapsed().as_millis() as u64,
        };
        self.artifacts.write(&trained.model)?;
        self.submit_one(Entry::ModelActivated(Box::new(training.clone())))?;
        self.use_model(trained.model);
        tracing::info!(
            workspace = %self.id(),
            training.version = %training.version,
            training.n_interactions = training.n_interactions,
            training.ndcg = training.metrics.ndcg,
            training.popularity_ndcg = training.popularity_metrics.ndcg,
            duration_ms = training.duration_ms,
            "model activated"
        );
        Ok(training)
    }

    /// The run whose model is in use.
    pub fn training(&self) -> Option<Training> {
        self.shared.views.read().training.clone()
    }

    /// Whether enough has happened since the last run: a first hundred interactions, then a share of those there were.
    pub fn is_training_due(&self, share: f64) -> bool {
        let views = self.shared.views.read();
        let n_now = views.interactions.histories().n_interactions();
        let due = views.training.as_ref().map_or(FIRST_TRAINING_INTERACTIONS, |training| {
            let n_then = training.n_interactions_total;
            n_then + ((n_then as f64 * share) as u64).max(FIRST_TRAINING_INTERACTIONS)
        });
        n_now >= due
    }

    pub(crate) fn use_model(&self, model: Model) {
        self.artifacts.remove_others(&model.version);
        self.model.store(Some(std::sync::Arc::new(model)));
    }
}

/// Fewer interactions than this are not worth a training run.
const FIRST_TRAINING_INTERACTIONS: u64 = 100;
