//! The forms of facts about campaigns.

use serde::{Deserialize, Serialize};
use serde_with::{As, Same};

use super::forms;
use super::interaction::ExternalIdType;

forms! {
    BusinessEvent = crate::BusinessEvent,
    BusinessEventDone = crate::BusinessEventDone,
    CampaignEntry = crate::CampaignEntry,
    CampaignDecision = crate::CampaignDecision,
    CampaignRun = crate::CampaignRun,
    CampaignTrigger = crate::CampaignTrigger,
    CampaignWinner = crate::CampaignWinner,
    TriggeredPerson = crate::TriggeredPerson,
    CampaignMessage = crate::CampaignMessage,
    UnnamedPerson = crate::UnnamedPerson,
    Handing = crate::Handing,
    HandedMessage = crate::HandedMessage,
    HandedOver = crate::HandedOver,
    HandOver = crate::HandOver,
    HandOverOutcome = crate::HandOverOutcome,
    DecisionOutcome = crate::DecisionOutcome,
    Occurrence = crate::Occurrence,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::CampaignEntry", rename_all = "snake_case")]
pub(in crate::entry) enum CampaignEntry {
    Decision(#[serde(with = "As::<CampaignDecision>")] crate::CampaignDecision),
    Unnamed(#[serde(with = "As::<UnnamedPerson>")] crate::UnnamedPerson),
    Run(#[serde(with = "As::<CampaignRun>")] crate::CampaignRun),
    Trigger(#[serde(with = "As::<CampaignTrigger>")] crate::CampaignTrigger),
    Winner(#[serde(with = "As::<CampaignWinner>")] crate::CampaignWinner),
    BusinessEvent(#[serde(with = "As::<BusinessEvent>")] crate::BusinessEvent),
    BusinessEventDone(#[serde(with = "As::<BusinessEventDone>")] crate::BusinessEventDone),
    Handing(#[serde(with = "As::<Handing>")] crate::Handing),
    HandedOver(#[serde(with = "As::<HandedOver>")] crate::HandedOver),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::CampaignDecision")]
pub(in crate::entry) struct CampaignDecision {
    at: domain::Timestamp,
    campaign: String,
    number: u32,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "As::<Option<(ExternalIdType, Same)>>"
    )]
    person: Option<(profiles::ExternalIdType, String)>,
    #[serde(with = "As::<Occurrence>")]
    occurrence: crate::Occurrence,
    day: u32,
    #[serde(with = "As::<DecisionOutcome>")]
    outcome: crate::DecisionOutcome,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::Occurrence", rename_all = "snake_case")]
pub(in crate::entry) enum Occurrence {
    Event(u64),
    Run(domain::Timestamp),
    Dated(u64),
    Triggered { offset: u64, nth: u32 },
    Journey { instance: u64, step: u32 },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::DecisionOutcome", rename_all = "snake_case")]
pub(in crate::entry) enum DecisionOutcome {
    Sent(#[serde(with = "As::<CampaignMessage>")] crate::CampaignMessage),
    Waits {
        until: domain::Timestamp,
    },
    Refused {
        reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::CampaignMessage")]
pub(in crate::entry) struct CampaignMessage {
    channel: String,
    fields: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    items: Vec<String>,
    is_first_of_day: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::CampaignRun")]
pub(in crate::entry) struct CampaignRun {
    at: domain::Timestamp,
    campaign: String,
    number: u32,
    day: u32,
    run: domain::Timestamp,
    next_user: u32,
    is_done: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused: Vec<(String, u64)>,
    #[serde(default)]
    missed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    too_many: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::CampaignWinner")]
pub(in crate::entry) struct CampaignWinner {
    at: domain::Timestamp,
    campaign: String,
    number: u32,
    variant: String,
    is_sure: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::CampaignTrigger")]
pub(in crate::entry) struct CampaignTrigger {
    at: domain::Timestamp,
    campaign: String,
    number: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default)]
    ignores_limits: bool,
    #[serde(with = "As::<Vec<TriggeredPerson>>")]
    people: Vec<crate::TriggeredPerson>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::TriggeredPerson")]
pub(in crate::entry) struct TriggeredPerson {
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "As::<Option<(ExternalIdType, Same)>>"
    )]
    person: Option<(profiles::ExternalIdType, String)>,
    properties: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::BusinessEvent")]
pub(in crate::entry) struct BusinessEvent {
    at: domain::Timestamp,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    items: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    property: Option<(String, String)>,
    properties: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::BusinessEventDone")]
pub(in crate::entry) struct BusinessEventDone {
    at: domain::Timestamp,
    campaign: String,
    number: u32,
    offset: u64,
    is_missed: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::Handing")]
pub(in crate::entry) struct Handing {
    at: domain::Timestamp,
    destination: String,
    added_at: u64,
    #[serde(with = "As::<Vec<HandedMessage>>")]
    messages: Vec<crate::HandedMessage>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::HandedMessage")]
pub(in crate::entry) struct HandedMessage {
    offset: u64,
    mapping: String,
    campaign: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::HandedOver")]
pub(in crate::entry) struct HandedOver {
    at: domain::Timestamp,
    destination: String,
    added_at: u64,
    #[serde(with = "As::<Vec<HandOver>>")]
    messages: Vec<crate::HandOver>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::HandOver")]
pub(in crate::entry) struct HandOver {
    offset: u64,
    mapping: String,
    campaign: u32,
    #[serde(with = "As::<HandOverOutcome>")]
    outcome: crate::HandOverOutcome,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::HandOverOutcome", rename_all = "snake_case")]
pub(in crate::entry) enum HandOverOutcome {
    Taken,
    TriedAgain,
    Failed { reason: String },
    Unknown,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::UnnamedPerson")]
pub(in crate::entry) struct UnnamedPerson {
    at: domain::Timestamp,
    campaign: String,
    number: u32,
    user: u32,
    #[serde(with = "As::<Occurrence>")]
    occurrence: crate::Occurrence,
}
