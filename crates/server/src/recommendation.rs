//! Lists as JSON, the same form wherever one leaves.

use domain::{InteractionKind, Timestamp};
use engine::{ListedContribution, ListedItem, Origin, RecommendedList};
use resources::recommendations::source_word;
use serde::Serialize;
use uuid::Uuid;

/// The long form of a list: what a trait's `<key>__detail` holds.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ListBody<'a> {
    items: Vec<ItemBody<'a>>,
    /// The property whose values the ids are; absent for items.
    #[serde(skip_serializing_if = "Option::is_none")]
    item_type: Option<&'a str>,
    /// The id that interactions cite; absent in a preview.
    #[serde(skip_serializing_if = "Option::is_none")]
    recomm_id: Option<Uuid>,
    model: Option<&'a str>,
    computed_at: String,
    fallback: bool,
    /// Whether the user of a preview exists; absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_known: Option<bool>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct ItemBody<'a> {
    id: &'a str,
    score: f32,
    source: &'static str,
    reason: ReasonBody<'a>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct ReasonBody<'a> {
    /// The kind of the strongest contribution (viewed, bought, carted, bookmarked, rated, played),
    /// or "similar" for a cold-start item (then each reason names the property), "buy_again" for an
    /// item that is due, or "trending" for the fallback.
    code: &'static str,
    because: Vec<ContributionBody<'a>>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct ContributionBody<'a> {
    id: &'a str,
    kind: InteractionKind,
    share: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    people: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    similar_in: Option<&'a str>,
}

impl<'a> ListBody<'a> {
    /// The form of a list that was computed at a time.
    pub fn new(list: &'a RecommendedList, computed_at: Timestamp) -> Self {
        Self {
            items: list.items.iter().map(ItemBody::new).collect(),
            item_type: list.item_type.as_deref(),
            recomm_id: list.recomm_id,
            model: list.model.as_deref(),
            computed_at: computed_at.to_string(),
            fallback: list.fallback,
            user_known: None,
        }
    }

    /// The same for a preview, which tells whether its user exists.
    pub fn with_user_known(self, is_known: bool) -> Self {
        Self { user_known: Some(is_known), ..self }
    }
}

impl<'a> ItemBody<'a> {
    fn new(item: &'a ListedItem) -> Self {
        let of_first = |otherwise| {
            item.explanation.first().map_or(otherwise, |reason| reason.kind.participle())
        };
        let code = match item.origin {
            Origin::Model => of_first("model"),
            Origin::ColdStart | Origin::Content => "similar",
            Origin::RecentlyViewed => of_first("viewed"),
            origin @ (Origin::Trending
            | Origin::BuyAgain
            | Origin::Picked
            | Origin::Match
            | Origin::Newest
            | Origin::Together) => source_word(origin),
        };
        let source = source_word(item.origin);
        let because = item.explanation.iter().map(ContributionBody::new).collect();
        Self { id: &item.item_id, score: item.score, source, reason: ReasonBody { code, because } }
    }
}

impl<'a> ContributionBody<'a> {
    fn new(reason: &'a ListedContribution) -> Self {
        Self {
            id: &reason.item_id,
            kind: reason.kind,
            share: (f64::from(reason.share) * 1_000.0).round() / 1_000.0,
            people: reason.n_people,
            similar_in: reason.similar_in.as_deref(),
        }
    }
}
