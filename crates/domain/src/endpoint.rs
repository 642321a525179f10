//! The operations of the recommender API that make lists.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Logic;

/// An operation of the recommender API that makes a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Endpoint {
    /// Items for a user.
    RecommendItemsToUser,
    /// Items that go with an item.
    RecommendItemsToItem,
    /// Items that go with a segment of items.
    RecommendItemsToItemSegment,
    /// Users who are like a user.
    RecommendUsersToUser,
    /// Users for an item.
    RecommendUsersToItem,
    /// Segments of items for a user.
    RecommendItemSegmentsToUser,
    /// Segments of items that go with an item.
    RecommendItemSegmentsToItem,
    /// Segments of items that go with another.
    RecommendItemSegmentsToItemSegment,
    /// Something, and items that go with it.
    CompositeRecommendation,
    /// Items that a user searches.
    SearchItems,
    /// Segments of items that a user searches.
    SearchItemSegments,
}

/// The kind of entries in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entries {
    /// Items.
    Items,
    /// Segments of items.
    Segments,
    /// Users.
    Users,
}

/// The seed of a list, beside a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// Nothing else.
    User,
    /// An item.
    Item,
    /// A segment.
    Segment,
    /// A text query.
    Query,
    /// The first of these that the call names.
    Any,
}

impl Endpoint {
    /// All of them in their order, with their words.
    const ALL: [(Self, &str, Entries, For); 11] = [
        (Self::RecommendItemsToUser, "recommendItemsToUser", Entries::Items, For::User),
        (Self::RecommendItemsToItem, "recommendItemsToItem", Entries::Items, For::Item),
        (Self::RecommendItemsToItemSegment, "recommendItemsToItemSegment", Entries::Items, For::Segment),
        (Self::RecommendUsersToUser, "recommendUsersToUser", Entries::Users, For::User),
        (Self::RecommendUsersToItem, "recommendUsersToItem", Entries::Users, For::Item),
        (Self::RecommendItemSegmentsToUser, "recommendItemSegmentsToUser", Entries::Segments, For::User),
        (Self::RecommendItemSegmentsToItem, "recommendItemSegmentsToItem", Entries::Segments, For::Item),
        (
            Self::RecommendItemSegmentsToItemSegment,
            "recommendItemSegmentsToItemSegment",
            Entries::Segments,
            For::Segment,
        ),
        (Self::CompositeRecommendation, "compositeRecommendation", Entries::Items, For::Any),
        (Self::SearchItems, "searchItems", Entries::Items, For::Query),
        (Self::SearchItemSegments, "searchItemSegments", Entries::Segments, For::Query),
    ];

    /// The operation's name in the API, files and JSON.
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The kind of entries in its lists.
    pub fn entries(self) -> Entries {
        Self::ALL[self as usize].2
    }

    /// The seed of its lists.
    pub fn is_for(self) -> For {
        Self::ALL[self as usize].3
    }

    /// The endpoint that lists these for that.
    pub fn for_entries(entries: Entries, is_for: For) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|(_, _, of, what)| (*of, *what) == (entries, is_for)).map(|(endpoint, ..)| endpoint)
    }

    /// Whether it recommends segments, or to one, so that somebody must say of which segmentation.
    pub fn needs_segmentation(self) -> bool {
        self.entries() == Entries::Segments || self.is_for() == For::Segment
    }

    /// Whether a list of it can be continued.
    pub fn can_be_continued(self) -> bool {
        self.entries() != Entries::Users && self != Self::CompositeRecommendation
    }

    /// Whether there is something that a list can be similar to.
    pub fn can_be_similar(self) -> bool {
        self.entries() != Entries::Users && matches!(self.is_for(), For::Item | For::Segment | For::Any)
    }

    /// How its lists are made where nobody says it: members of a segment come by what the user likes.
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
    fn endpoints_stand_in_their_order_and_are_what_their_words_say() {
        for (n, (endpoint, word, entries, is_for)) in Endpoint::ALL.into_iter().enumerate() {
            assert_eq!(endpoint as usize, n, "{word}");
            assert_eq!(serde_json::to_value(endpoint).unwrap(), word);
            assert_eq!(Endpoint::for_entries(entries, is_for), Some(endpoint));
            assert_eq!(endpoint.needs_segmentation(), word.contains("Segment"), "{word}");
        }
    }
}
