//! What a campaign did.

use std::collections::BTreeMap;

use domain::Timestamp;
use serde::{Deserialize, Serialize};

/// How far the last run of a campaign came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunState {
    /// The time of the run.
    pub run: Timestamp,
    /// The index of the first person who was not looked at.
    pub next_user: u32,
    /// Whether everybody was.
    pub is_done: bool,
    /// People who got a message.
    pub n_people: u64,
}

/// What a campaign sent and refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignCounts {
    /// Messages that were given to the channel.
    pub sent: u64,
    /// People who got the first message of a day.
    pub people: u64,
    /// Messages that were not sent, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Messages that the provider of the channel took.
    pub handed_over: u64,
    /// Messages that it did not take, by reason.
    pub failed: BTreeMap<String, u64>,
    /// Messages of which nobody knows whether it took them, and that are not sent again.
    pub unknown: u64,
}
