//! What the journal says of lists that were handed out.

use domain::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A list that was handed out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListImpression {
    /// The id that it can be cited by, of version 7; none where nobody was told one: it is no recommendation then, and only counts as shown.
    pub recomm_id: Option<Uuid>,
    /// An external id of the user, and its type; none where it is for nobody.
    pub user: Option<(profiles::ExternalIdType, String)>,
    /// When.
    pub at: Timestamp,
    /// The items' external ids, best first.
    pub items: Vec<String>,
    /// What it was asked for.
    pub place: Place,
    /// The group of an A/B test.
    pub group: Option<String>,
    /// The version of the model; none before the first training.
    pub model: Option<String>,
    /// Whether its items step back in the user's next lists.
    pub rotates: bool,
    /// 0 for a recommendation, n for the n-th list that continues it under its id.
    pub n_next: u32,
    /// What was asked for, as JSON, so that it can be continued; none where it cannot.
    pub request: Option<String>,
}

impl ListImpression {
    /// How many bytes its texts take in memory, which is more than what the journal has of all of it but fixed fields.
    pub fn n_bytes(&self) -> usize {
        let of_place = match &self.place {
            Place::Trait(key) => key.len(),
            Place::Scenario { endpoint, scenario } => {
                endpoint.len() + scenario.as_ref().map_or(0, String::len)
            }
        };
        let of_user = self.user.as_ref().map_or(0, |(_, id)| id.len());
        let texts = [&self.group, &self.model, &self.request];
        let of_texts = texts.into_iter().flatten().map(String::len).sum::<usize>();
        let of_items = self.items.iter().map(|item| size_of::<String>() + item.len()).sum::<usize>();
        of_place + of_user + of_texts + of_items
    }
}

/// What lists are asked for: where they appear.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// A trait, by its key.
    Trait(String),
    /// A call of the recommender API.
    Scenario {
        /// Its operation: `recommendItemsToUser`.
        endpoint: String,
        /// The scenario that it named.
        scenario: Option<String>,
    },
}
