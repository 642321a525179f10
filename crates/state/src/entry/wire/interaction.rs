//! Forms of interactions and list impressions.

use serde::{Deserialize, Serialize};
use serde_with::{As, Same};

use super::forms;

forms! {
    Interaction = domain::Interaction,
    InteractionKind = domain::InteractionKind,
    InteractionSelector = domain::InteractionSelector,
    ListImpression = crate::ListImpression,
    Place = crate::Place,
    ExternalIdType = profiles::ExternalIdType,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "domain::Interaction")]
pub(in crate::entry) struct Interaction {
    user_id: String,
    item_id: String,
    #[serde(with = "As::<InteractionKind>")]
    kind: domain::InteractionKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timestamp: Option<domain::Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profit: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_spent: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auto_presented: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recomm_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    additional_data: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "domain::InteractionKind", rename_all = "snake_case")]
pub(in crate::entry) enum InteractionKind {
    DetailView,
    Purchase,
    Rating,
    CartAddition,
    Bookmark,
    ViewPortion,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "domain::InteractionSelector")]
pub(in crate::entry) struct InteractionSelector {
    user_id: String,
    item_id: String,
    #[serde(with = "As::<InteractionKind>")]
    kind: domain::InteractionKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timestamp: Option<domain::Timestamp>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "serde_with::rust::double_option"
    )]
    session_id: Option<Option<String>>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::ListImpression")]
pub(in crate::entry) struct ListImpression {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recomm_id: Option<uuid::Uuid>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "As::<Option<(ExternalIdType, Same)>>"
    )]
    user: Option<(profiles::ExternalIdType, String)>,
    at: domain::Timestamp,
    items: Vec<String>,
    #[serde(with = "As::<Place>")]
    place: crate::Place,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    rotates: bool,
    n_next: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "crate::Place", rename_all = "snake_case")]
pub(in crate::entry) enum Place {
    Trait(String),
    Scenario {
        endpoint: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scenario: Option<String>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "profiles::ExternalIdType", rename_all = "snake_case")]
pub(in crate::entry) enum ExternalIdType {
    UserId,
    AnonymousId,
    Declared(domain::IdTypeName),
}
