//! Records of training runs.

use domain::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Comparison, Search, Training};

/// A record of a training run. The report is JSON: it grows with the models, and only those who judge
/// and make models read it.
#[derive(Serialize, Deserialize)]
pub(in crate::entry) struct TrainingRecord {
    pub(in crate::entry) version: String,
    pub(in crate::entry) offset: u64,
    pub(in crate::entry) finished_at: Timestamp,
    pub(in crate::entry) n_users: u64,
    pub(in crate::entry) n_items: u64,
    pub(in crate::entry) n_interactions: u64,
    pub(in crate::entry) n_interactions_total: u64,
    pub(in crate::entry) as_of_s: u32,
    pub(in crate::entry) report: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::entry) refused: Option<String>,
    pub(in crate::entry) duration_ms: u64,
}

/// The search for hyperparameters and the comparisons of its model.
#[derive(Serialize, Deserialize)]
struct Report {
    search: Search,
    beside_current: Option<Comparison>,
    beside_popularity: Option<Comparison>,
}

pub(super) fn serialize<S: Serializer>(training: &Training, to: S) -> Result<S::Ok, S::Error> {
    TrainingRecord::from(training.clone()).serialize(to)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Box<Training>, D::Error> {
    let training = Training::try_from(TrainingRecord::deserialize(from)?);
    training.map(Box::new).map_err(D::Error::custom)
}

impl From<Training> for TrainingRecord {
    fn from(training: Training) -> Self {
        let Training {
            version,
            offset,
            finished_at,
            n_users,
            n_items,
            n_interactions,
            n_interactions_total,
            as_of_s,
            search,
            beside_current,
            beside_popularity,
            refused,
            duration_ms,
        } = training;
        let report = Report { search, beside_current, beside_popularity };
        Self {
            version,
            offset,
            finished_at,
            n_users,
            n_items,
            n_interactions,
            n_interactions_total,
            as_of_s,
            report: serde_json::to_string(&report).expect("a report is plain JSON"),
            refused,
            duration_ms,
        }
    }
}

impl TryFrom<TrainingRecord> for Training {
    type Error = serde_json::Error;

    fn try_from(record: TrainingRecord) -> Result<Self, Self::Error> {
        let Report { search, beside_current, beside_popularity } = serde_json::from_str(&record.report)?;
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
            refused: record.refused,
            duration_ms: record.duration_ms,
        })
    }
}
