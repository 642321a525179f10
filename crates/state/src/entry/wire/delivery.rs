//! The forms of progress of destinations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_with::As;

use super::forms;

forms! {
    DeliveryProgress = crate::DeliveryProgress,
    Progress = activation::Progress,
    OpenDelivery = activation::OpenDelivery,
    DeadLetter = activation::DeadLetter,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::DeliveryProgress")]
pub(in crate::entry) struct DeliveryProgress {
    at: domain::Timestamp,
    destination: String,
    added_at: u64,
    #[serde(with = "As::<Progress>")]
    progress: activation::Progress,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "activation::Progress")]
struct Progress {
    place: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "As::<Vec<OpenDelivery>>")]
    opened: Vec<activation::OpenDelivery>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    closed: Vec<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "As::<Vec<DeadLetter>>")]
    dead: Vec<activation::DeadLetter>,
    #[serde(default)]
    delivered: u64,
    #[serde(default)]
    retried: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    failed: BTreeMap<String, u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "activation::OpenDelivery")]
struct OpenDelivery {
    offset: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    mappings: Vec<String>,
    since: domain::Timestamp,
    attempts: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "activation::DeadLetter")]
struct DeadLetter {
    offset: u64,
    mapping: String,
    at: domain::Timestamp,
    since: domain::Timestamp,
    attempts: u32,
    reason: String,
    text: String,
}
