//! Lists that nothing is computed for: what a person did, and what somebody picked.

use domain::{InteractionKind, ItemIdx, ListRequest};
use rustc_hash::FxHashSet;

use crate::candidates::Sources;
use crate::{HistoryEntry, Request};

/// What the person looked at, in the order that is asked for, with scores.
pub(crate) fn viewed(sources: Sources<'_>, request: &Request<'_>) -> Vec<(u32, f32)> {
    let mut viewed = sources.recently_viewed(since(request));
    if request.list.oldest_first {
        let scores: Vec<f32> = viewed.iter().map(|(_, score)| *score).collect();
        viewed.reverse();
        viewed.iter_mut().zip(scores).for_each(|(entry, score)| entry.1 = score);
    }
    viewed
}

/// What the person has begun to play and not finished, in the order that is asked for, with scores. The last portion of an item counts.
pub(crate) fn begun(request: &Request<'_>) -> Vec<(u32, f32)> {
    let ListRequest { begun_from, finished_from, oldest_first, .. } = *request.list;
    let mut seen = FxHashSet::default();
    let portions = since(request).iter().rev().filter(|entry| entry.kind == InteractionKind::ViewPortion);
    let last = portions.filter(|entry| seen.insert(entry.item));
    let begun = last.filter(|entry| (begun_from..finished_from).contains(&entry.strength()));
    in_order(begun.map(|entry| entry.item.0).collect(), oldest_first)
}

/// The picks, in their order or in that of the person's taste, with scores. Those of which the history says nothing keep their order behind
/// the others.
pub(crate) fn picked(sources: Sources<'_>, request: &Request<'_>) -> Vec<(u32, f32)> {
    let mut seen = FxHashSet::default();
    let picks = request.picks.iter().filter(|item| seen.insert(**item));
    let mut items: Vec<u32> = picks.map(|ItemIdx(item)| *item).collect();
    if request.list.reorder_picks {
        let scores = sources.score_each(request.history, &items);
        let mut scored: Vec<(u32, f32)> = items.into_iter().zip(scores).collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        items = scored.into_iter().map(|(item, _)| item).collect();
    }
    in_order(items, false)
}

/// The part of the history that is not too long ago.
fn since<'a>(request: &Request<'a>) -> &'a [HistoryEntry] {
    let first_s = request.list.max_age_s.map_or(0, |max_age_s| request.now_s.saturating_sub(max_age_s));
    &request.history[request.history.partition_point(|entry| entry.at_s < first_s)..]
}

/// Scores that say the order: 1 for the first, 1/2 for the second and so on.
fn in_order(mut items: Vec<u32>, is_reversed: bool) -> Vec<(u32, f32)> {
    if is_reversed {
        items.reverse();
    }
    items.into_iter().zip(1u16..=u16::MAX).map(|(item, place)| (item, 1.0 / f32::from(place))).collect()
}
