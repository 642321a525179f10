//! Answers one request: has candidates found, reranks and explains them. All items pass
//! the same eligibility check.

use std::cell::LazyCell;

use domain::{InteractionKind, ItemIdx};

use crate::candidates::{CandidateSources, QueryVector};
use crate::find::find_candidates;
use crate::request::{Contribution, Origin, Recommendation, RecommendedItem, Request};
use crate::rerank::{pick, rotate};
use crate::seeds::find_implicit_seeds;
use crate::similarities::Similarities;
use crate::tiers::{RankedCandidate, Tier};
use crate::together::CombinedItems;

/// The number of candidates to rerank: per item of the list, at least, and at most.
const RERANKED_PER_ITEM: usize = 5;
const RERANKED_MIN: usize = 100;
const RERANKED_MAX: usize = 2_000;
/// Where constraints leave a list short, the number of candidates grows by this factor.
const RERANKED_GROWTH: usize = 8;
/// The number of item candidates that a list of values is computed from.
const VALUE_CANDIDATES: usize = 500;

/// Answers a request with up to `count` items. The list is shorter only where fewer items are
/// eligible or relevant enough.
pub fn recommend(sources: CandidateSources<'_>, request: &Request<'_>) -> Recommendation {
    let query = sources.query_vector_for_request(request);
    let combined = LazyCell::new(|| {
        let people = request.people_by_item?;
        Some(CombinedItems::count(people, sources.histories, request))
    });
    let explain_combined =
        |item: ItemIdx| combined.as_ref().map_or_else(Vec::new, |combined| combined.explain(item));
    if let Some(values) = request.values {
        if !request.is_for_active_user() {
            return Recommendation::Values(Vec::new());
        }
        let allows = |item: u32| request.eligibility.allows(ItemIdx(item));
        // The number is fixed, so that a short list is a prefix of a longer one.
        let found = find_candidates(sources, request, &query, VALUE_CANDIDATES, &allows);
        let explain = |candidate: &RankedCandidate| match candidate.origin {
            Origin::Together => explain_combined(ItemIdx(candidate.item)),
            _ => sources.explain(&query, ItemIdx(candidate.item)),
        };
        let mut ranked = values.rank_values(sources, request, &found.into_ranked(), explain);
        if ranked.len() < request.list.min_count as usize {
            ranked.clear();
        }
        return Recommendation::Values(ranked);
    }
    let explain_by_last_interaction = |item: ItemIdx| {
        let last = request.history.iter().rev().find(|entry| entry.item == item);
        last.map(|entry| Contribution::new(item, entry.kind, 1.0)).into_iter().collect()
    };
    let to_recommended = |candidate: RankedCandidate| {
        let item = ItemIdx(candidate.item);
        let explanation = match candidate.origin {
            // Its seeds are no interactions of the user.
            _ if candidate.tier.is_backfill() => Vec::new(),
            Origin::Model | Origin::ColdStart | Origin::Content => {
                sources.explain_by_others(&query, item)
            }
            Origin::Together => explain_combined(item),
            Origin::Trending | Origin::Picked | Origin::Match | Origin::Newest => Vec::new(),
            Origin::RecentlyViewed => explain_by_last_interaction(item),
            Origin::BuyAgain => {
                vec![Contribution::new(item, InteractionKind::Purchase, 1.0)]
            }
        };
        RecommendedItem { item, score: candidate.score, origin: candidate.origin, explanation }
    };
    Recommendation::Items(
        select_items(sources, request, &query).into_iter().map(to_recommended).collect(),
    )
}

/// The items of [`recommend`] with their scores, without explanations.
pub fn rank(sources: CandidateSources<'_>, request: &Request<'_>) -> Vec<(ItemIdx, f32)> {
    let picked = select_items(sources, request, &sources.query_vector_for_request(request));
    picked.into_iter().map(|candidate| (ItemIdx(candidate.item), candidate.score)).collect()
}

/// The items of a list; none for a user who gets no list.
fn select_items(
    sources: CandidateSources<'_>,
    request: &Request<'_>,
    query: &QueryVector,
) -> Vec<RankedCandidate> {
    if !request.is_for_active_user() {
        return Vec::new();
    }
    let picked = find_and_pick(sources, request, query);
    match picked.len() < request.list.min_count as usize {
        true => Vec::new(),
        false => picked,
    }
}

/// Finds, reranks and selects the items of a list.
fn find_and_pick(
    sources: CandidateSources<'_>,
    request: &Request<'_>,
    query: &QueryVector,
) -> Vec<RankedCandidate> {
    let count = request.list.count;
    let implicit_seeds = find_implicit_seeds(request);
    let allows = |item: u32| {
        let item = ItemIdx(item);
        request.eligibility.allows(item) && !implicit_seeds.contains(&item)
    };
    let is_reranked = request.is_reranked();
    let mut n = if is_reranked { n_reranked(count) } else { count };
    loop {
        let mut found = find_candidates(sources, request, query, n, &allows);
        let n_found = found.len();
        if let Some(promoted) = &request.promoted {
            let allows = |item: u32| (promoted.includes)(ItemIdx(item)) && allows(item);
            let n = (promoted.share * count as f32).ceil() as usize;
            found.merge(find_candidates(sources, request, query, n, &allows));
        }
        let mut ranked = found.into_ranked();
        rotate(&mut ranked, request);
        if is_reranked {
            ranked = pick(ranked, request, |items| Similarities::of_items(sources, items));
        }
        // Constraints may have rejected too many candidates; then look at more.
        if ranked.len() >= count || n_found < n || request.constraints.is_empty() {
            return ranked;
        }
        n *= RERANKED_GROWTH;
    }
}

/// Reranks scored items from elsewhere (best first): rotation, diversity, constraints and promoted
/// items, as far as these are among the given ones.
pub fn rerank(
    sources: CandidateSources<'_>,
    request: &Request<'_>,
    scored: Vec<(ItemIdx, f32)>,
) -> Vec<(ItemIdx, f32)> {
    let to_ranked = |(item, score): (ItemIdx, f32)| RankedCandidate {
        item: item.0,
        tier: Tier::LOGIC,
        score,
        origin: Origin::Model,
    };
    let mut ranked: Vec<RankedCandidate> = scored.into_iter().map(to_ranked).collect();
    rotate(&mut ranked, request);
    let picked = pick(ranked, request, |items| Similarities::of_items(sources, items));
    picked.into_iter().map(|candidate| (ItemIdx(candidate.item), candidate.score)).collect()
}

/// The number of candidates for a reranked list of `count` items.
fn n_reranked(count: usize) -> usize {
    (RERANKED_PER_ITEM * count).clamp(RERANKED_MIN, RERANKED_MAX.max(count))
}
