//! Forms of interactions and list impressions.

use serde::Deserialize;
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

#[derive(Deserialize)]
#[serde(remote = "domain::Interaction")]
pub(in crate::entry) struct Interaction {
    user_id: String,
    item_id: String,
    #[serde(with = "As::<InteractionKind>")]
    kind: domain::InteractionKind,
    timestamp: Option<domain::Timestamp>,
    value: Option<f64>,
    amount: Option<f64>,
    price: Option<f64>,
    profit: Option<f64>,
    session_id: Option<String>,
    time_spent: Option<f64>,
    auto_presented: Option<bool>,
    recomm_id: Option<String>,
    additional_data: Option<String>,
}

#[derive(Deserialize)]
#[serde(remote = "domain::InteractionKind")]
pub(in crate::entry) enum InteractionKind {
    DetailView,
    Purchase,
    Rating,
    CartAddition,
    Bookmark,
    ViewPortion,
}

#[derive(Deserialize)]
#[serde(remote = "domain::InteractionSelector")]
pub(in crate::entry) struct InteractionSelector {
    user_id: String,
    item_id: String,
    #[serde(with = "As::<InteractionKind>")]
    kind: domain::InteractionKind,
    timestamp: Option<domain::Timestamp>,
    session_id: Option<Option<String>>,
}

#[derive(Deserialize)]
#[serde(remote = "crate::ListImpression")]
pub(in crate::entry) struct ListImpression {
    recomm_id: Option<uuid::Uuid>,
    #[serde(with = "As::<Option<(ExternalIdType, Same)>>")]
    user: Option<(profiles::ExternalIdType, String)>,
    at: domain::Timestamp,
    items: Vec<String>,
    #[serde(with = "As::<Place>")]
    place: crate::Place,
    group: Option<String>,
    model: Option<String>,
    rotates: bool,
    n_next: u32,
    request: Option<String>,
}

#[derive(Deserialize)]
#[serde(remote = "crate::Place")]
pub(in crate::entry) enum Place {
    Trait(String),
    Scenario { endpoint: String, scenario: Option<String> },
}

#[derive(Deserialize)]
#[serde(remote = "profiles::ExternalIdType")]
pub(in crate::entry) enum ExternalIdType {
    UserId,
    AnonymousId,
}
