//! The form of values on their way to destinations.

use serde::{Deserialize, Serialize};
use serde_with::{As, Same};

use super::forms;
use super::interaction::ExternalIdType;
use super::message::MessageType;

forms! {
    SentValue = crate::SentValue,
    SyncSubject = crate::SyncSubject,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::SentValue")]
pub(in crate::entry) struct SentValue {
    at: domain::Timestamp,
    #[serde(with = "As::<SyncSubject>")]
    subject: crate::SyncSubject,
    #[serde(with = "As::<(ExternalIdType, Same)>")]
    person: (profiles::ExternalIdType, String),
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "As::<Option<(ExternalIdType, Same)>>"
    )]
    identifier: Option<(profiles::ExternalIdType, String)>,
    value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attached: Option<String>,
    since: domain::Timestamp,
    digest: u64,
    #[serde(rename = "type", with = "As::<MessageType>")]
    type_: domain::MessageType,
    destinations: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::SyncSubject", rename_all = "snake_case")]
pub(in crate::entry) enum SyncSubject {
    Trait(String),
    Audience(String),
}
