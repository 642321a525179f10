//! The forms of facts about journeys.

use serde::{Deserialize, Serialize};
use serde_with::{As, Same};

use super::forms;
use super::interaction::ExternalIdType;

forms! {
    JourneyEntry = crate::JourneyEntry,
    JourneyTrigger = crate::JourneyTrigger,
    EnteringPerson = crate::EnteringPerson,
    JourneyAnswer = crate::JourneyAnswer,
    JourneyFinding = crate::JourneyFinding,
    Moment = crate::Moment,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::JourneyEntry", rename_all = "snake_case")]
pub(in crate::entry) enum JourneyEntry {
    Trigger(#[serde(with = "As::<JourneyTrigger>")] crate::JourneyTrigger),
    Answer(#[serde(with = "As::<JourneyAnswer>")] crate::JourneyAnswer),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::JourneyTrigger")]
pub(in crate::entry) struct JourneyTrigger {
    at: domain::Timestamp,
    journey: String,
    #[serde(with = "As::<Vec<EnteringPerson>>")]
    people: Vec<crate::EnteringPerson>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::EnteringPerson")]
pub(in crate::entry) struct EnteringPerson {
    #[serde(with = "As::<(ExternalIdType, Same)>")]
    id: (profiles::ExternalIdType, String),
    properties: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::JourneyAnswer")]
pub(in crate::entry) struct JourneyAnswer {
    at: domain::Timestamp,
    journey: String,
    number: u32,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "As::<Option<(ExternalIdType, Same)>>"
    )]
    person: Option<(profiles::ExternalIdType, String)>,
    #[serde(with = "As::<Moment>")]
    entered: crate::Moment,
    step: u32,
    #[serde(with = "As::<JourneyFinding>")]
    finding: crate::JourneyFinding,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::JourneyFinding", rename_all = "snake_case")]
pub(in crate::entry) enum JourneyFinding {
    Until(domain::Timestamp),
    Sent { destination: String, properties: String },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::Moment")]
pub(in crate::entry) struct Moment {
    at: domain::Timestamp,
    offset: u64,
}
