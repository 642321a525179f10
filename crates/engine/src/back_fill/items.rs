//! Items that messages name, or do not name any more.

use domain::ItemIdx;
use serving::Snapshot;

use crate::NamedItem;

/// What is to be said about an item, before and after people's changes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Items that messages name only now: interactions with them come next.
    Name,
    /// Items that they do not name any more, once their interactions are gone.
    Forget,
}

/// What differs of the items with these indices: of the state that is to be where they are named,
/// of the present one where they are forgotten. With it, whether an item comes or goes.
pub(super) fn differences(
    step: Step,
    present: &Snapshot<'_>,
    target: &Snapshot<'_>,
    indices: std::ops::Range<u32>,
) -> Vec<(NamedItem, bool)> {
    let (own, other) = match step {
        Step::Name => (target, present),
        Step::Forget => (present, target),
    };
    let difference = |item: ItemIdx| {
        let catalog = &own.catalog;
        if item.pos() >= catalog.n_items() || catalog.is_deleted(item) {
            return None;
        }
        let item_id = catalog.item_id(item);
        let other_item = other.catalog.index(item_id);
        let (own_named, other_named) = (
            catalog.named_by(item),
            other_item.map_or((false, false), |other_item| other.catalog.named_by(other_item)),
        );
        let (by_action, by_page) = match step {
            Step::Name => (own_named.0 || other_named.0, own_named.1 || other_named.1),
            Step::Forget => other_named,
        };
        let present_named = if step == Step::Name { other_named } else { own_named };
        let is_known = catalog.item(item_id).is_some();
        let is_other_known = other.catalog.item(item_id).is_some();
        let named = NamedItem { item_id: item_id.to_owned(), by_action, by_page };
        let is_other = (by_action, by_page) != present_named;
        is_other.then_some((named, is_known && !is_other_known))
    };
    indices.map(ItemIdx).filter_map(difference).collect()
}
