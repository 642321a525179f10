//! Records of training runs, as the journal holds them.

use domain::Timestamp;
use serde::{Deserialize, Serialize};

/// The number of latest training runs that are kept.
pub const TRAININGS_KEPT_MAX: usize = 50;

/// The record of a training run. The model is a pure function of the journal up to `offset` and of
/// the hyperparameters in the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingRecord {
    /// The version of the model: names the run and its artifact.
    pub version: String,
    /// The journal position of the snapshot that the run is based on.
    pub offset: u64,
    /// When the run ended.
    pub finished_at: Timestamp,
    /// The number of users with an interaction in the snapshot.
    pub n_users: u64,
    /// The number of items in the snapshot.
    pub n_items: u64,
    /// The number of interactions in the snapshot.
    pub n_interactions: u64,
    /// The number of interactions of all time at the snapshot. The next run is due when it has
    /// grown by a certain share.
    pub n_interactions_total: u64,
    /// The time of the newest interaction in the snapshot, in seconds since 1970.
    pub as_of_s: u32,
    /// JSON text: the result of the hyperparameter search and the comparison with other models. The
    /// state does not use it, and its content grows with the models.
    pub report: String,
    /// The reason why the model was refused; none if it was accepted.
    pub refused: Option<String>,
    /// How long the run took, in milliseconds.
    pub duration_ms: u64,
}
