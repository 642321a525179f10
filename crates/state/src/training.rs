//! What the journal says of training runs.

use domain::Timestamp;
use serde::{Deserialize, Serialize};

/// How many training runs are remembered.
pub const TRAININGS_KEPT_MAX: usize = 50;

/// The record of a training run. The model is a pure function of the journal up to `offset` and of the
/// hyperparameters in the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingRecord {
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
    /// The time of the newest interaction in the snapshot, in seconds since 1970.
    pub as_of_s: u32,
    /// What the search for hyperparameters found and how the model compares, as JSON: nothing of it
    /// concerns the state, and what it says grows with the models.
    pub report: String,
    /// Why the model is not used; none where it is.
    pub refused: Option<String>,
    /// How long the run took, in milliseconds.
    pub duration_ms: u64,
}
