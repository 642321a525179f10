//! The one check that decides whether an item may be in a list.

use domain::{Exclusion, InteractionKind, ItemIdx};
use rustc_hash::FxHashSet;

use crate::{Facet, HistoryEntry, ValueIdx};

/// The items that may be recommended to one user at one time.
pub struct Eligibility<'a> {
    is_available: &'a dyn Fn(ItemIdx) -> bool,
    excluded: FxHashSet<ItemIdx>,
}

impl<'a> Eligibility<'a> {
    /// `is_available` is the check of the catalog and the filters. `older` are the user's items of
    /// excluded kinds that `history` no longer holds.
    pub fn new(
        is_available: &'a dyn Fn(ItemIdx) -> bool,
        exclusion: Exclusion,
        history: &[HistoryEntry],
        older: impl IntoIterator<Item = ItemIdx>,
    ) -> Self {
        let own =
            history.iter().filter(|entry| excludes(exclusion, entry.kind)).map(|entry| entry.item);
        Self { is_available, excluded: own.chain(older).collect() }
    }

    /// The values of a property that are excluded from lists of values: those of excluded items.
    pub(crate) fn excluded_values(&self, facet: &Facet) -> FxHashSet<ValueIdx> {
        self.excluded.iter().flat_map(|item| facet.values_of(*item).iter().copied()).collect()
    }

    /// Whether the item is kept out by what the user did, or by the call.
    pub fn is_excluded(&self, item: ItemIdx) -> bool {
        self.excluded.contains(&item)
    }

    /// Whether the item may be in the list.
    pub fn allows(&self, item: ItemIdx) -> bool {
        !self.is_excluded(item) && (self.is_available)(item)
    }
}

/// Whether an interaction of this kind excludes its item from the user's lists.
pub fn excludes(exclusion: Exclusion, kind: InteractionKind) -> bool {
    match exclusion {
        Exclusion::None => false,
        Exclusion::Purchased => kind == InteractionKind::Purchase,
        Exclusion::Watched => {
            matches!(kind, InteractionKind::Purchase | InteractionKind::ViewPortion)
        }
        Exclusion::Interacted => true,
    }
}
