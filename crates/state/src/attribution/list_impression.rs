//! List impressions, as the journal records them.

use domain::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A list that was shown to a user, or returned to a client for no user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListImpression {
    /// The recommendation id, a UUID of version 7. None if no client was told one: then the items
    /// only count as impressions.
    pub recomm_id: Option<Uuid>,
    /// An external id of the user, with its type; none if the list is for no user.
    pub user: Option<(profiles::ExternalIdType, String)>,
    /// When the list was computed.
    pub at: Timestamp,
    /// The items' external ids, best first.
    pub items: Vec<String>,
    /// The place of the list.
    pub place: Place,
    /// The group of an A/B test; none without a test.
    pub group: Option<String>,
    /// The version of the model; none before the first training run.
    pub model: Option<String>,
    /// Whether rotation moves its items back in the user's next lists.
    pub rotates: bool,
    /// 0 for the first list of a recommendation, n for the n-th list that continues it.
    pub n_next: u32,
    /// JSON text of the request, to continue the list later; none if it cannot be continued.
    pub request: Option<String>,
}

impl ListImpression {
    /// The bytes of its texts and items in memory. More than its size in the journal, apart from
    /// fixed fields.
    pub fn n_bytes(&self) -> usize {
        let place_bytes = match &self.place {
            Place::Trait(key) => key.len(),
            Place::Scenario { endpoint, scenario } => {
                endpoint.len() + scenario.as_ref().map_or(0, String::len)
            }
        };
        let user_bytes = self.user.as_ref().map_or(0, |(_, id)| id.len());
        let texts = [&self.group, &self.model, &self.request];
        let text_bytes = texts.into_iter().flatten().map(String::len).sum::<usize>();
        let item_bytes =
            self.items.iter().map(|item| size_of::<String>() + item.len()).sum::<usize>();
        place_bytes + user_bytes + text_bytes + item_bytes
    }
}

/// The place of a list: an endpoint with its scenario, or a trait.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// A computed trait, by its key.
    Trait(String),
    /// A request to the recommender API.
    Scenario {
        /// The operation, such as `recommendItemsToUser`.
        endpoint: String,
        /// The scenario in the request; none if it named none.
        scenario: Option<String>,
    },
}
