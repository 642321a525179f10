//! What a list goes with: the items that it is for, or what the user has at hand.

use std::borrow::Cow;

use domain::{InteractionKind, ItemIdx, Logic};

use crate::{HistoryEntry, Request};

/// The most items that a list goes with where the user's history says which, the latest ones.
const AT_HAND_MAX: usize = 50;

/// The items that a request's list goes with; none where a history speaks.
pub(crate) fn seeds_of<'a>(request: &Request<'a>) -> Cow<'a, [ItemIdx]> {
    match request.list.logic {
        Logic::Similar => Cow::Borrowed(request.seeds),
        _ => Cow::Owned(at_hand(request)),
    }
}

/// What the user has at hand, where the list goes with that: it does not come into the list.
pub(crate) fn at_hand(request: &Request<'_>) -> Vec<ItemIdx> {
    let mut items = match request.list.logic {
        Logic::CrossSell => cart_of(request.history),
        Logic::WatchNext => request.history.last().map(|entry| entry.item).into_iter().collect(),
        _ => Vec::new(),
    };
    items.truncate(AT_HAND_MAX);
    items
}

/// What is in a cart, the latest first: what was put there since the last purchase. Beside an empty one what was done last counts, so that
/// whoever has just bought something is shown what goes with it.
fn cart_of(history: &[HistoryEntry]) -> Vec<ItemIdx> {
    let newest_s = history.last().map_or(0, |entry| entry.at_s);
    let since_purchase = history.iter().rev().take_while(|entry| entry.kind != InteractionKind::Purchase);
    let carted = since_purchase.filter(|entry| entry.kind == InteractionKind::CartAddition);
    let mut items = distinct(carted);
    if items.is_empty() {
        items = distinct(history.iter().rev().take_while(|entry| entry.at_s == newest_s));
    }
    items
}

fn distinct<'a>(entries: impl Iterator<Item = &'a HistoryEntry>) -> Vec<ItemIdx> {
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
    fn a_cart_holds_what_was_put_there_since_the_last_purchase() {
        use InteractionKind::{CartAddition, DetailView, Purchase};
        let entry =
            |item, kind, at_s: i64| HistoryEntry::new(ItemIdx(item), kind, Timestamp(at_s * 1_000), None);
        let check = |history: &[HistoryEntry], expected: &[u32]| {
            let items: Vec<u32> = cart_of(history).into_iter().map(|item| item.0).collect();
            assert_eq!(items, expected, "{history:?}");
        };
        let bought = [entry(1, CartAddition, 1), entry(2, Purchase, 2), entry(3, Purchase, 2)];
        check(&bought, &[3, 2]);
        let filled =
            [&bought[..], &[entry(4, CartAddition, 3), entry(5, CartAddition, 4), entry(4, CartAddition, 5)]];
        check(&filled.concat(), &[4, 5]);
        let looked = [&filled.concat()[..], &[entry(6, DetailView, 9)]].concat();
        check(&looked, &[4, 5]);
        check(&[entry(7, DetailView, 1), entry(6, DetailView, 9)], &[6]);
        check(&[], &[]);
    }
}
