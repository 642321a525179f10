//! Lists that need no model: the user's own items, and picks. All return (item, score), best first.

use domain::{InteractionKind, ItemIdx, ListRequest};
use rustc_hash::FxHashSet;

use crate::candidates::CandidateSources;
use crate::{HistoryEntry, Request};

/// The items that the user viewed, in the requested order.
pub(crate) fn find_viewed_items(
    sources: CandidateSources<'_>,
    request: &Request<'_>,
) -> Vec<(u32, f32)> {
    let mut viewed = sources.recently_viewed(recent_history(request));
    if request.list.oldest_first {
        let scores: Vec<f32> = viewed.iter().map(|(_, score)| *score).collect();
        viewed.reverse();
        viewed.iter_mut().zip(scores).for_each(|(entry, score)| entry.1 = score);
    }
    viewed
}

/// The items that the user began to play and did not finish, in the requested order. The last view
/// portion of an item counts.
pub(crate) fn find_unfinished_items(request: &Request<'_>) -> Vec<(u32, f32)> {
    let ListRequest { begun_from, finished_from, oldest_first, .. } = *request.list;
    let mut seen = FxHashSet::default();
    let portions = recent_history(request)
        .iter()
        .rev()
        .filter(|entry| entry.kind == InteractionKind::ViewPortion);
    let last = portions.filter(|entry| seen.insert(entry.item));
    let unfinished = last.filter(|entry| (begun_from..finished_from).contains(&entry.strength()));
    score_by_rank(unfinished.map(|entry| entry.item.0).collect(), oldest_first)
}

/// The picks in their own order, or by the user's scores. Picks that score 0 keep their order
/// behind the others.
pub(crate) fn order_picks(sources: CandidateSources<'_>, request: &Request<'_>) -> Vec<(u32, f32)> {
    let mut seen = FxHashSet::default();
    let picks = request.picks.iter().filter(|item| seen.insert(**item));
    let mut items: Vec<u32> = picks.map(|ItemIdx(item)| *item).collect();
    if request.list.reorder_picks {
        let scores = sources.score_items(request.history, &items);
        let mut scored: Vec<(u32, f32)> = items.into_iter().zip(scores).collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        items = scored.into_iter().map(|(item, _)| item).collect();
    }
    score_by_rank(items, false)
}

/// The part of the history within the maximum age of the request.
pub(crate) fn recent_history<'a>(request: &Request<'a>) -> &'a [HistoryEntry] {
    let first_s =
        request.list.max_age_s.map_or(0, |max_age_s| request.now_s.saturating_sub(max_age_s));
    &request.history[request.history.partition_point(|entry| entry.at_s < first_s)..]
}

/// The items that entered the catalog last, the latest first, up to `n` of those that are allowed.
pub(crate) fn find_newest_items(
    sources: CandidateSources<'_>,
    n: usize,
    candidate_set: Option<&[u32]>,
    allows: &dyn Fn(u32) -> bool,
) -> Vec<(u32, f32)> {
    let newest: Vec<u32> = match candidate_set {
        // Items are numbered as they enter the catalog.
        None => (0..sources.n_items as u32).rev().filter(|item| allows(*item)).take(n).collect(),
        Some(items) => {
            let mut items: Vec<u32> = items.iter().copied().filter(|item| allows(*item)).collect();
            items.sort_unstable_by(|a, b| b.cmp(a));
            items.truncate(n);
            items
        }
    };
    score_by_rank(newest, false)
}

/// Assigns scores by rank: 1 for the first item, 1/2 for the second and so on.
fn score_by_rank(mut items: Vec<u32>, is_reversed: bool) -> Vec<(u32, f32)> {
    if is_reversed {
        items.reverse();
    }
    items
        .into_iter()
        .zip(1u16..=u16::MAX)
        .map(|(item, place)| (item, 1.0 / f32::from(place)))
        .collect()
}
