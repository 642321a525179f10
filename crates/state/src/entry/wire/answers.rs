//! The form of answers that were found outside the fold.

use serde::{Deserialize, Serialize};
use serde_with::{As, Same};

use super::forms;
use super::interaction::ExternalIdType;

forms! {
    FoundAnswers = crate::FoundAnswers,
    FoundBy = crate::FoundBy,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::FoundAnswers")]
pub(in crate::entry) struct FoundAnswers {
    at: domain::Timestamp,
    question: String,
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        with = "As::<Vec<(ExternalIdType, Same, Same)>>"
    )]
    people: Vec<(profiles::ExternalIdType, String, bool)>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "As::<Option<FoundBy>>")]
    ended: Option<crate::FoundBy>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::FoundBy")]
pub(in crate::entry) struct FoundBy {
    at: domain::Timestamp,
    definition: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    n_interested: u64,
}
