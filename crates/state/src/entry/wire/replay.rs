//! Forms of replays and back-fills.

use serde::{Deserialize, Serialize};
use serde_with::As;

use super::forms;
use super::interaction::{ExternalIdType, Interaction, InteractionSelector};

forms! {
    ReplayCommand = crate::ReplayCommand,
    BackFillCommand = crate::BackFillCommand,
    BackFill = crate::BackFill,
    UserBackFill = crate::UserBackFill,
    UserMerge = crate::UserMerge,
    SignalOf = crate::SignalOf,
    NamedItem = crate::NamedItem,
    WeakSignalKind = domain::WeakSignalKind,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::ReplayCommand", rename_all = "snake_case")]
pub(in crate::entry) enum ReplayCommand {
    Start {
        id: uuid::Uuid,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        destination: Option<String>,
        request: String,
        from: u64,
        until: u64,
    },
    Message {
        id: uuid::Uuid,
        destination: String,
        offset: u64,
    },
    Note {
        id: uuid::Uuid,
        reached: u64,
        #[serde(default)]
        replayed: u64,
        #[serde(default)]
        is_done: bool,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::BackFillCommand", rename_all = "snake_case")]
pub(in crate::entry) enum BackFillCommand {
    Change {
        #[serde(default, skip_serializing_if = "Vec::is_empty", with = "As::<Vec<UserMerge>>")]
        merges: Vec<crate::UserMerge>,
        #[serde(default, skip_serializing_if = "Vec::is_empty", with = "As::<Vec<UserBackFill>>")]
        users: Vec<crate::UserBackFill>,
        #[serde(default, skip_serializing_if = "Vec::is_empty", with = "As::<Vec<NamedItem>>")]
        items: Vec<crate::NamedItem>,
    },
    Done(#[serde(with = "As::<BackFill>")] crate::BackFill),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::BackFill")]
struct BackFill {
    id: uuid::Uuid,
    from: u64,
    until: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mappings: Option<String>,
    preset_set: u32,
    #[serde(default)]
    added: u64,
    #[serde(default)]
    removed: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::UserBackFill")]
struct UserBackFill {
    #[serde(with = "As::<ExternalIdType>")]
    id_type: profiles::ExternalIdType,
    id: String,
    #[serde(default)]
    is_new: bool,
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        with = "As::<Vec<InteractionSelector>>"
    )]
    removed: Vec<domain::InteractionSelector>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "As::<Vec<Interaction>>")]
    added: Vec<domain::Interaction>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "As::<Vec<SignalOf>>")]
    removed_signals: Vec<crate::SignalOf>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "As::<Vec<SignalOf>>")]
    added_signals: Vec<crate::SignalOf>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::UserMerge")]
struct UserMerge {
    target: String,
    source: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::SignalOf")]
struct SignalOf {
    item_id: String,
    #[serde(with = "As::<WeakSignalKind>")]
    kind: domain::WeakSignalKind,
    at_s: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::NamedItem")]
struct NamedItem {
    item_id: String,
    by_action: bool,
    by_page: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "domain::WeakSignalKind", rename_all = "snake_case")]
enum WeakSignalKind {
    Click,
    ListView,
}
