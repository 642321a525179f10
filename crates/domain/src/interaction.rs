//! Interactions of users with items.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The kinds of interactions, in the order of their code on disk.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum InteractionKind {
    /// The user looked at the item.
    #[serde(alias = "view")]
    DetailView = 0,
    /// The user bought the item.
    Purchase = 1,
    /// The user rated the item, from -1 (worst) to 1 (best).
    Rating = 2,
    /// The user put the item into the cart.
    #[serde(alias = "cart")]
    CartAddition = 3,
    /// The user bookmarked, saved or shared the item.
    Bookmark = 4,
    /// The user played or read a share of the item, from 0 to 1.
    #[serde(alias = "portion")]
    ViewPortion = 5,
}

impl InteractionKind {
    /// Every kind, in the order of its code.
    pub const ALL: [Self; 6] = [
        Self::DetailView,
        Self::Purchase,
        Self::Rating,
        Self::CartAddition,
        Self::Bookmark,
        Self::ViewPortion,
    ];

    /// The code in keys on disk.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The kind of a code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The kind of a word in an interactions file: view, purchase, rating, cart, bookmark, portion.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The short word in files and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::DetailView => "view",
            Self::Purchase => "purchase",
            Self::Rating => "rating",
            Self::CartAddition => "cart",
            Self::Bookmark => "bookmark",
            Self::ViewPortion => "portion",
        }
    }

    /// A past participle, the reason code in explanations.
    pub fn participle(self) -> &'static str {
        match self {
            Self::DetailView => "viewed",
            Self::Purchase => "bought",
            Self::Rating => "rated",
            Self::CartAddition => "carted",
            Self::Bookmark => "bookmarked",
            Self::ViewPortion => "played",
        }
    }
}

impl fmt::Display for InteractionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One interaction by external ids, from a mapping, an import or an API. User, item, kind and
/// timestamp identify it: a second one with the same four is a duplicate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interaction {
    /// The user's external id.
    pub user_id: String,
    /// The item's external id.
    pub item_id: String,
    /// Decides the meaning of `value`.
    pub kind: InteractionKind,
    /// Absent means the time of arrival.
    pub timestamp: Option<Timestamp>,
    /// A rating in [-1, 1], a portion in [0, 1], or the duration of a view in seconds.
    pub value: Option<f64>,
    /// The quantity bought or put into the cart.
    pub amount: Option<f64>,
    /// The price of the whole amount.
    pub price: Option<f64>,
    /// The profit of the whole amount.
    pub profit: Option<f64>,
    /// The playing session of a view portion.
    pub session_id: Option<String>,
    /// The time spent on the item in the session, in seconds.
    pub time_spent: Option<f64>,
    /// Whether the item was presented without a request of the user.
    pub auto_presented: Option<bool>,
    /// The id of the recommendation that led to the interaction.
    pub recomm_id: Option<String>,
    /// Further data of the caller, as JSON text.
    pub additional_data: Option<String>,
}

impl Interaction {
    /// An interaction without time, value and further data.
    pub fn new(
        user_id: impl Into<String>,
        item_id: impl Into<String>,
        kind: InteractionKind,
    ) -> Self {
        Self {
            user_id: user_id.into(),
            item_id: item_id.into(),
            kind,
            timestamp: None,
            value: None,
            amount: None,
            price: None,
            profit: None,
            session_id: None,
            time_spent: None,
            auto_presented: None,
            recomm_id: None,
            additional_data: None,
        }
    }
}

/// Selects interactions to delete: those of a user, an item and a kind, of any or one time and
/// session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InteractionSelector {
    /// The user's external id.
    pub user_id: String,
    /// The item's external id.
    pub item_id: String,
    /// The only kind that is deleted.
    pub kind: InteractionKind,
    /// Absent means any time.
    pub timestamp: Option<Timestamp>,
    /// Absent means any session, `Some(None)` only interactions without one.
    pub session_id: Option<Option<String>>,
}
