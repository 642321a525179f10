//! The form of records of training runs.

use serde::{Deserialize, Serialize};

use super::forms;

forms! {
    TrainingRecord = crate::TrainingRecord,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::TrainingRecord")]
pub(in crate::entry) struct TrainingRecord {
    version: String,
    offset: u64,
    finished_at: domain::Timestamp,
    n_users: u64,
    n_items: u64,
    n_interactions: u64,
    n_interactions_total: u64,
    as_of_s: u32,
    report: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    duration_ms: u64,
}
