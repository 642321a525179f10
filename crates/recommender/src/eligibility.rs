//! The one place that decides whether an item may be in a list.

use domain::{Exclusion, InteractionKind, ItemIdx};
use rustc_hash::FxHashSet;

use crate::{Facet, HistoryEntry, ValueIdx};

/// What may not be recommended to one user now.
pub struct Eligibility<'a> {
    is_available: &'a dyn Fn(ItemIdx) -> bool,
    excluded: FxHashSet<ItemIdx>,
}

impl<'a> Eligibility<'a> {
    /// `is_available` speaks for the catalog; `older` are the user's items of the excluded kinds that the history no longer holds.
    pub fn new(
        is_available: &'a dyn Fn(ItemIdx) -> bool,
        exclusion: Exclusion,
        history: &[HistoryEntry],
        older: impl IntoIterator<Item = ItemIdx>,
    ) -> Self {
        let own = history.iter().filter(|entry| excludes(exclusion, entry.kind)).map(|entry| entry.item);
        Self { is_available, excluded: own.chain(older).collect() }
    }

    /// The values of a property that may not be in a list: those of the user's own items that are left out.
    pub(crate) fn excluded_values(&self, item_type: &Facet) -> FxHashSet<ValueIdx> {
        self.excluded.iter().flat_map(|item| item_type.values_of(*item).iter().copied()).collect()
    }

    /// Whether the item may be in the list.
    pub fn allows(&self, item: ItemIdx) -> bool {
        !self.excluded.contains(&item) && (self.is_available)(item)
    }
}

/// Whether an interaction of this kind takes its item out of the user's lists.
pub fn excludes(exclusion: Exclusion, kind: InteractionKind) -> bool {
    match exclusion {
        Exclusion::None => false,
        Exclusion::Purchased => kind == InteractionKind::Purchase,
        Exclusion::Watched => matches!(kind, InteractionKind::Purchase | InteractionKind::ViewPortion),
        Exclusion::Interacted => true,
    }
}
