//! The operations of the recommender API that return lists.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Logic;

/// An operation of the recommender API that returns a list.
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
#[serde(rename_all = "camelCase")]
pub enum Endpoint {
    /// Items for a user.
    RecommendItemsToUser,
    /// Items related to an item.
    RecommendItemsToItem,
    /// Items of, or related to, a segment of items.
    RecommendItemsToItemSegment,
    /// Users similar to a user.
    RecommendUsersToUser,
    /// Users likely to be interested in an item.
    RecommendUsersToItem,
    /// Segments of items for a user.
    RecommendItemSegmentsToUser,
    /// Segments of items related to an item.
    RecommendItemSegmentsToItem,
    /// Segments of items related to another segment.
    RecommendItemSegmentsToItemSegment,
    /// One entry, and a list of items related to it.
    CompositeRecommendation,
    /// Items that match a text query, ranked for a user.
    SearchItems,
    /// Segments of items that match a text query, ranked for a user.
    SearchItemSegments,
}

/// The kind of the entries of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entries {
    /// Items of the catalog.
    Items,
    /// Segments of items.
    Segments,
    /// Users of the workspace.
    Users,
}

/// The subject of a list, in addition to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The user alone.
    User,
    /// A seed item.
    Item,
    /// A segment of items.
    Segment,
    /// A text query.
    Query,
    /// Any of these; the call decides.
    Any,
}

impl Endpoint {
    /// Every endpoint in the order of the variants, with its word, entries and target.
    const ALL: [(Self, &str, Entries, Target); 11] = [
        (Self::RecommendItemsToUser, "recommendItemsToUser", Entries::Items, Target::User),
        (Self::RecommendItemsToItem, "recommendItemsToItem", Entries::Items, Target::Item),
        (
            Self::RecommendItemsToItemSegment,
            "recommendItemsToItemSegment",
            Entries::Items,
            Target::Segment,
        ),
        (Self::RecommendUsersToUser, "recommendUsersToUser", Entries::Users, Target::User),
        (Self::RecommendUsersToItem, "recommendUsersToItem", Entries::Users, Target::Item),
        (
            Self::RecommendItemSegmentsToUser,
            "recommendItemSegmentsToUser",
            Entries::Segments,
            Target::User,
        ),
        (
            Self::RecommendItemSegmentsToItem,
            "recommendItemSegmentsToItem",
            Entries::Segments,
            Target::Item,
        ),
        (
            Self::RecommendItemSegmentsToItemSegment,
            "recommendItemSegmentsToItemSegment",
            Entries::Segments,
            Target::Segment,
        ),
        (Self::CompositeRecommendation, "compositeRecommendation", Entries::Items, Target::Any),
        (Self::SearchItems, "searchItems", Entries::Items, Target::Query),
        (Self::SearchItemSegments, "searchItemSegments", Entries::Segments, Target::Query),
    ];

    /// The operation's name in the API, files and JSON.
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The kind of the entries of its lists.
    pub fn entries(self) -> Entries {
        Self::ALL[self as usize].2
    }

    /// The subject of its lists.
    pub fn target(self) -> Target {
        Self::ALL[self as usize].3
    }

    /// The endpoint with these entries and this target, where there is one.
    pub fn for_entries(entries: Entries, target: Target) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|(_, _, its_entries, its_target)| (*its_entries, *its_target) == (entries, target))
            .map(|(endpoint, ..)| endpoint)
    }

    /// Whether its entries or its target are segments, so that a request needs a segmentation.
    pub fn needs_segmentation(self) -> bool {
        self.entries() == Entries::Segments || self.target() == Target::Segment
    }

    /// Whether a list can be continued with further entries.
    pub fn can_be_continued(self) -> bool {
        self.entries() != Entries::Users && self != Self::CompositeRecommendation
    }

    /// Whether a request may have a seed item or segment, which [`Logic::Similar`] needs.
    pub fn can_be_similar(self) -> bool {
        self.entries() != Entries::Users
            && matches!(self.target(), Target::Item | Target::Segment | Target::Any)
    }

    /// The logic of requests and scenarios without one. Members of a segment are ranked for the
    /// user.
    pub fn default_logic(self) -> Logic {
        match self {
            Self::RecommendItemsToItemSegment | Self::CompositeRecommendation => Logic::Personal,
            _ if self.can_be_similar() => Logic::Similar,
            _ => Logic::Personal,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_endpoints_is_in_the_order_of_the_variants_and_their_words() {
        for (n, (endpoint, word, entries, target)) in Endpoint::ALL.into_iter().enumerate() {
            assert_eq!(endpoint as usize, n, "{word}");
            assert_eq!(serde_json::to_value(endpoint).unwrap(), word);
            assert_eq!(Endpoint::for_entries(entries, target), Some(endpoint));
            assert_eq!(endpoint.needs_segmentation(), word.contains("Segment"), "{word}");
        }
    }
}
