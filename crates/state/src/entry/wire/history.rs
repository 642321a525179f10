//! The form of the past of people for audiences and computed traits. What events come to is written
//! as the crate `conditions` has it, whose names are permanent for it.

use serde::{Deserialize, Serialize};
use serde_with::{As, Same};

use super::forms;
use super::interaction::ExternalIdType;

forms! {
    ReadHistory = crate::ReadHistory,
    PersonHistory = crate::PersonHistory,
    PastEvents = crate::PastEvents,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::ReadHistory")]
pub(in crate::entry) struct ReadHistory {
    at: domain::Timestamp,
    #[serde(with = "As::<Vec<PersonHistory>>")]
    people: Vec<crate::PersonHistory>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::PersonHistory")]
pub(in crate::entry) struct PersonHistory {
    key: String,
    #[serde(with = "As::<(ExternalIdType, Same)>")]
    person: (profiles::ExternalIdType, String),
    until: u64,
    #[serde(default, with = "As::<Option<PastEvents>>")]
    events: Option<crate::PastEvents>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::PastEvents", rename_all = "snake_case")]
pub(in crate::entry) enum PastEvents {
    Audience(conditions::Tracked),
    Trait(conditions::KeptEvents),
}
