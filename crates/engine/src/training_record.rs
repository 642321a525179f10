//! The record of a training run, and its form in the journal.

use domain::Timestamp;
use recommender::evaluation::Comparison;
use recommender::{ActivityGroup, HyperparameterSearch, WeakSignalTrial};
use serde::{Deserialize, Serialize};
use state::TrainingRecord;

/// The record of a training run. The model is a pure function of the journal up to `offset` and the
/// parameters.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Training {
    /// The version of the model, which names the run and its artifact.
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
    /// All interactions up to the snapshot: the next run is due after a share of this number.
    pub n_interactions_total: u64,
    /// The time of the newest interaction in the snapshot, in seconds since 1970.
    pub as_of_s: u32,
    /// The result of the hyperparameter search.
    pub search: HyperparameterSearch,
    /// The comparison with the model in use, on interactions since that model was trained; none
    /// without such a model or such interactions.
    pub beside_current: Option<Comparison>,
    /// The comparison with popularity.
    pub beside_popularity: Option<Comparison>,
    /// How often lists held what people went on to choose, by how active they were, the least
    /// active first. Empty where nothing could be judged, and in reports of older versions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_activity: Vec<ActivityGroup>,
    /// The trials of weak signals, one for each kind with signals.
    pub weak_signals: Vec<WeakSignalTrial>,
    /// The reason for which the model was refused; none if it was activated.
    pub refused: Option<String>,
    /// How long the run took, in milliseconds.
    pub duration_ms: u64,
}

/// The report of a run. The state does not read it.
#[derive(Serialize, Deserialize)]
struct TrainingReport {
    search: HyperparameterSearch,
    beside_current: Option<Comparison>,
    beside_popularity: Option<Comparison>,
    #[serde(default)]
    weak_signals: Vec<WeakSignalTrial>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    by_activity: Vec<ActivityGroup>,
}

impl Training {
    /// Reads the run of a record.
    ///
    /// # Errors
    /// If this program cannot read the report.
    pub(crate) fn from_record(record: &TrainingRecord) -> Result<Self, serde_json::Error> {
        let TrainingReport { search, beside_current, beside_popularity, weak_signals, by_activity } =
            serde_json::from_str(&record.report)?;
        let record = record.clone();
        Ok(Self {
            version: record.version,
            offset: record.offset,
            finished_at: record.finished_at,
            n_users: record.n_users,
            n_items: record.n_items,
            n_interactions: record.n_interactions,
            n_interactions_total: record.n_interactions_total,
            as_of_s: record.as_of_s,
            search,
            beside_current,
            beside_popularity,
            by_activity,
            weak_signals,
            refused: record.refused,
            duration_ms: record.duration_ms,
        })
    }

    /// Makes the record of the run for the journal.
    pub(crate) fn to_record(&self) -> TrainingRecord {
        let report = TrainingReport {
            search: self.search.clone(),
            beside_current: self.beside_current,
            beside_popularity: self.beside_popularity,
            weak_signals: self.weak_signals.clone(),
            by_activity: self.by_activity.clone(),
        };
        TrainingRecord {
            version: self.version.clone(),
            offset: self.offset,
            finished_at: self.finished_at,
            n_users: self.n_users,
            n_items: self.n_items,
            n_interactions: self.n_interactions,
            n_interactions_total: self.n_interactions_total,
            as_of_s: self.as_of_s,
            report: serde_json::to_string(&report).expect("a report is plain JSON"),
            refused: self.refused.clone(),
            duration_ms: self.duration_ms,
        }
    }
}
