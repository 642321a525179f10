//! Actions: what a mapping makes of a message. Each is a file: its fields with their types and
//! default directives, and the trigger that it is usually given. The files of our own engine and of
//! a recommender destination are in `actions`, those of other destinations beside their code.

mod check;
mod coerce;
mod empty;
mod schema;

use std::sync::LazyLock;

pub(crate) use check::check;
pub use check::{FieldIssue, Mode};
pub use schema::{ActionSchema, FieldSchema, FieldType};

/// The files, in the order in which they are offered.
const FILES: [&str; 12] = [
    include_str!("../actions/addDetailView.json"),
    include_str!("../actions/addCartAddition.json"),
    include_str!("../actions/addPurchase.json"),
    include_str!("../actions/addBookmark.json"),
    include_str!("../actions/addRating.json"),
    include_str!("../actions/setViewPortion.json"),
    include_str!("../actions/setViewPortionFromWatchTime.json"),
    include_str!("../actions/deleteCartAddition.json"),
    include_str!("../actions/deleteBookmark.json"),
    include_str!("../actions/mergeUsers.json"),
    include_str!("../actions/addClick.json"),
    include_str!("../actions/addListViews.json"),
];

/// The kinds of actions that our own engine and recommender destinations know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionType {
    /// The user looked at an item.
    AddDetailView,
    /// The user put an item into the cart.
    AddCartAddition,
    /// The user bought items: one interaction each.
    AddPurchase,
    /// The user saved or shared an item.
    AddBookmark,
    /// The user rated an item.
    AddRating,
    /// The user played a share of an item.
    SetViewPortion,
    /// The user played a share of an item, given by watch time and length in seconds.
    SetViewPortionFromWatchTime,
    /// The user took an item out of the cart.
    DeleteCartAddition,
    /// The user removed a saved item.
    DeleteBookmark,
    /// Two ids belong to one user.
    MergeUsers,
    /// The user clicked on an item in a list. Only our own engine knows it.
    AddClick,
    /// The user looked at a list of items. Only our own engine knows it.
    AddListViews,
}

impl ActionType {
    /// All of them, in the order of their files.
    pub const ALL: [Self; 12] = [
        Self::AddDetailView,
        Self::AddCartAddition,
        Self::AddPurchase,
        Self::AddBookmark,
        Self::AddRating,
        Self::SetViewPortion,
        Self::SetViewPortionFromWatchTime,
        Self::DeleteCartAddition,
        Self::DeleteBookmark,
        Self::MergeUsers,
        Self::AddClick,
        Self::AddListViews,
    ];

    /// The action of a name such as `addDetailView`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.schema().name == name)
    }

    /// Its name: `addDetailView`.
    pub fn name(self) -> &'static str {
        &self.schema().name
    }

    /// Its fields.
    pub fn schema(self) -> &'static ActionSchema {
        &engine_actions()[self as usize]
    }
}

/// The actions that our own engine takes, in the order of [`ActionType::ALL`].
pub fn engine_actions() -> &'static [ActionSchema] {
    static SCHEMAS: LazyLock<Vec<ActionSchema>> =
        LazyLock::new(|| FILES.iter().map(|file| ActionSchema::from_file(file)).collect());
    &SCHEMAS
}

/// The actions that a recommender destination takes: those before the two of our own engine.
pub fn recommender_actions() -> &'static [ActionSchema] {
    &engine_actions()[..ActionType::AddClick as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_its_file() {
        let names = ActionType::ALL.map(|action| {
            let name = action.name();
            assert_eq!(ActionType::from_name(name), Some(action));
            let (first, rest) = name.split_at(1);
            assert_eq!(format!("{action:?}"), first.to_uppercase() + rest);
            name
        });
        assert_eq!(names.len(), FILES.len());
    }
}
