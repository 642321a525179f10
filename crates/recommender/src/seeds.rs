//! The seeds of a list: given items, or items derived from the user's history.

use std::borrow::Cow;

use domain::{InteractionKind, ItemIdx, Logic};

use crate::own_history::recent_history;
use crate::{HistoryEntry, Request};

/// The most seeds that are derived from a history, the latest ones.
const IMPLICIT_SEEDS_MAX: usize = 50;

/// The seed items of a request; empty where its logic uses the whole history.
pub(crate) fn resolve_seeds<'a>(request: &Request<'a>) -> Cow<'a, [ItemIdx]> {
    match request.list.logic {
        Logic::Similar => Cow::Borrowed(request.seeds),
        _ => Cow::Owned(find_implicit_seeds(request)),
    }
}

/// The seeds that the logic derives from the history. They are excluded from the list.
pub(crate) fn find_implicit_seeds(request: &Request<'_>) -> Vec<ItemIdx> {
    let mut items = match request.list.logic {
        Logic::CrossSell => find_cart_items(request.history),
        Logic::WatchNext => request.history.last().map(|entry| entry.item).into_iter().collect(),
        Logic::Together | Logic::ContentBased => find_anchors(request),
        _ => Vec::new(),
    };
    items.truncate(IMPLICIT_SEEDS_MAX);
    items
}

/// Whether the logic of a request derives an item from the history as a seed, so that it is not in
/// the list.
pub fn is_implicit_seed(request: &Request<'_>, item: ItemIdx) -> bool {
    find_implicit_seeds(request).contains(&item)
}

/// The items added to the cart since the last purchase, latest first. Where there are none, the
/// items of the latest interactions, so that a purchase is followed by items that go with it.
fn find_cart_items(history: &[HistoryEntry]) -> Vec<ItemIdx> {
    let newest_s = history.last().map_or(0, |entry| entry.at_s);
    let since_purchase =
        history.iter().rev().take_while(|entry| entry.kind != InteractionKind::Purchase);
    let cart_additions = since_purchase.filter(|entry| entry.kind == InteractionKind::CartAddition);
    let mut items = distinct_items(cart_additions);
    if items.is_empty() {
        items = distinct_items(history.iter().rev().take_while(|entry| entry.at_s == newest_s));
    }
    items
}

/// The last items that the user did something with, of the kind and age that the list asks for,
/// latest first; where the list is for items, these.
pub(crate) fn find_anchors(request: &Request<'_>) -> Vec<ItemIdx> {
    if !request.seeds.is_empty() {
        return request.seeds.to_vec();
    }
    let list = request.list;
    let counts = |entry: &&HistoryEntry| list.interaction.is_none_or(|kind| entry.kind == kind);
    let mut items = distinct_items(recent_history(request).iter().rev().filter(counts));
    items.truncate(list.anchors as usize);
    items
}

fn distinct_items<'a>(entries: impl Iterator<Item = &'a HistoryEntry>) -> Vec<ItemIdx> {
    let mut items = Vec::new();
    for entry in entries {
        if !items.contains(&entry.item) {
            items.push(entry.item);
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;

    #[test]
    fn a_cart_holds_the_items_added_since_the_last_purchase() {
        use InteractionKind::{CartAddition, DetailView, Purchase};
        let entry = |item, kind, at_s: i64| {
            HistoryEntry::new(ItemIdx(item), kind, Timestamp(at_s * 1_000), None)
        };
        let check = |history: &[HistoryEntry], expected: &[u32]| {
            let items: Vec<u32> = find_cart_items(history).into_iter().map(|item| item.0).collect();
            assert_eq!(items, expected, "{history:?}");
        };
        let bought = [entry(1, CartAddition, 1), entry(2, Purchase, 2), entry(3, Purchase, 2)];
        check(&bought, &[3, 2]);
        let filled = [
            &bought[..],
            &[entry(4, CartAddition, 3), entry(5, CartAddition, 4), entry(4, CartAddition, 5)],
        ];
        check(&filled.concat(), &[4, 5]);
        let looked = [&filled.concat()[..], &[entry(6, DetailView, 9)]].concat();
        check(&looked, &[4, 5]);
        check(&[entry(7, DetailView, 1), entry(6, DetailView, 9)], &[6]);
        check(&[], &[]);
    }
}
