//! How far the sending of traits and audiences is.

use domain::Timestamp;
use serde::Serialize;

/// How the sending of a workspace's traits and audiences is doing in this process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SyncStatus {
    /// People whose values may have changed and who are not looked at yet.
    pub waiting: usize,
    /// The pass over everybody under way; none if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepStatus>,
    /// The last pass over everybody; none before the first has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sweep: Option<LastSweep>,
}

/// A pass over everybody under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SweepStatus {
    /// When it began.
    pub started_at: Timestamp,
    /// People who were looked at.
    pub people_done: u64,
    /// All of them.
    pub people: u64,
    /// About how many seconds are left; none at the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_s: Option<u64>,
}

/// A pass over everybody that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LastSweep {
    /// When it ended.
    pub ended_at: Timestamp,
    /// People who were looked at.
    pub people: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}
