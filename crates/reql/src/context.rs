//! The data that an expression may read beside the candidate's own columns.

use std::sync::Arc;

use crate::value::Value;

/// Data of one request beside the candidate's columns. The defaults return null, 0 or an
/// empty collection.
///
/// A set property without a value is an empty set.
#[expect(unused_variables, reason = "the names of the parameters are their documentation")]
pub trait Context: Sync {
    /// The time of the request, seconds since 1970.
    fn now_s(&self) -> f64 {
        0.0
    }

    /// The seed of `random()`, which is a pure function of it, the row and the place in the
    /// expression.
    fn seed(&self) -> u64 {
        0
    }

    /// A property of the item that the recommendation is for, `itemId` included.
    fn context_item(&self, property: &str) -> Value {
        Value::Null
    }

    /// A property of the user that the recommendation is for, `userId` included.
    fn context_user(&self, property: &str) -> Value {
        Value::Null
    }

    /// A property of the segment that the recommendation is for: its `segmentId`.
    fn context_segment(&self, key: &str) -> Value {
        Value::Null
    }

    /// A property of any item, `itemId` included.
    fn item_value(&self, item_id: &str, property: &str) -> Value {
        Value::Null
    }

    /// The set of ids of the items in a segment.
    fn segment_items(&self, segmentation: &str, segment: &str) -> Value {
        Value::Null
    }

    /// The set of ids of the segments that an item is in.
    fn item_segments(&self, segmentation: &str, item_id: &str) -> Value {
        Value::Null
    }

    /// How many interactions an item has had; the arguments are texts such as `negative` that
    /// narrow what counts.
    fn interaction_count(
        &self,
        kind: InteractionCount,
        item_id: &str,
        arguments: &[Arc<str>],
    ) -> Option<f64> {
        None
    }

    /// An array of dictionaries (`userId`, `itemId`, `timestamp`, `type`), oldest first; with `n`
    /// the last so many.
    fn user_interactions(
        &self,
        user_id: &str,
        kinds: &[InteractionKind],
        n: Option<usize>,
    ) -> Value {
        Value::Null
    }
}

/// The interactions of an item that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InteractionCount {
    /// `num_item_bookmarks`.
    Bookmarks,
    /// `num_item_detail_views`.
    DetailViews,
    /// `num_item_purchases`.
    Purchases,
    /// `num_item_ratings`.
    Ratings,
}

/// The interactions of a user that are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InteractionKind {
    /// `detail_views`.
    DetailView,
    /// `purchases`.
    Purchase,
    /// `ratings`.
    Rating,
    /// `cart_additions`.
    CartAddition,
    /// `bookmarks`.
    Bookmark,
    /// `view_portions`.
    ViewPortion,
}

impl InteractionKind {
    /// The kind that an expression calls by this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "detail_views" => Self::DetailView,
            "purchases" => Self::Purchase,
            "ratings" => Self::Rating,
            "cart_additions" => Self::CartAddition,
            "bookmarks" => Self::Bookmark,
            "view_portions" => Self::ViewPortion,
            _ => return None,
        })
    }
}
