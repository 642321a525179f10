//! What a campaign did.

use std::collections::BTreeMap;

use activation::VariantCounts;
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
    /// For how many people it would have been, where it did not begin because these are more than
    /// `safety_people_max`.
    pub too_many: Option<u64>,
}

/// The variant that everybody gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Winner {
    /// Its key.
    pub variant: String,
    /// When it was decided.
    pub at: Timestamp,
    /// Whether it is better for sure, or was ahead when the time was over.
    pub is_sure: bool,
}

/// What came of the variants of a campaign.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VariantResults {
    /// By key of the variant.
    pub counts: BTreeMap<String, VariantCounts>,
    /// When the first one was sent.
    pub since: Option<Timestamp>,
    /// The one that everybody gets; none before it is decided.
    pub winner: Option<Winner>,
}

/// What a campaign sent and refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignCounts {
    /// Messages that were handed to the channel.
    pub sent: u64,
    /// People who got the first message of a day.
    pub people: u64,
    /// Messages that were not sent, by reason.
    pub refused: BTreeMap<String, u64>,
}
