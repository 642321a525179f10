//! Answers one request: finds candidates by the logic, reranks and explains them. All items pass
//! the same eligibility check.

use domain::{Fallback, InteractionKind, ItemIdx, ListRequest, Logic, Relevance};

use crate::candidates::{CandidateScope, CandidateSources, QueryVector, TrendingBasis};
use crate::own_history;
use crate::request::{Contribution, Origin, Recommendation, RecommendedItem, Request};
use crate::rerank::{pick, rotate};
use crate::seeds::find_implicit_seeds;
use crate::similarities::Similarities;
use crate::tiers::{RankedCandidate, ScoreRange, Tier, TieredCandidates};

/// The number of candidates to rerank: per item of the list, at least, and at most.
const RERANKED_PER_ITEM: usize = 5;
const RERANKED_MIN: usize = 100;
const RERANKED_MAX: usize = 2_000;
/// Where constraints leave a list short, the number of candidates grows by this factor.
const RERANKED_GROWTH: usize = 8;
/// The number of item candidates that a list of values is computed from.
const VALUE_CANDIDATES: usize = 500;

/// With a booster: how many of the newest items it orders.
const NEWEST_BOOSTED: usize = 1_000;

/// Answers a request with up to `count` items. The list is shorter only where fewer items are
/// eligible or relevant enough.
pub fn recommend(sources: CandidateSources<'_>, request: &Request<'_>) -> Recommendation {
    let query = sources.query_vector_for_request(request);
    if let Some(values) = request.values {
        if !request.is_for_active_user() {
            return Recommendation::Values(Vec::new());
        }
        let allows = |item: u32| request.eligibility.allows(ItemIdx(item));
        // The number is fixed, so that a short list is a prefix of a longer one.
        let found = find_candidates(sources, request, &query, VALUE_CANDIDATES, &allows);
        let explain = |item| sources.explain(&query, item);
        let mut ranked = values.rank_values(sources, request, &found.into_ranked(), explain);
        if ranked.len() < request.list.min_count as usize {
            ranked.clear();
        }
        return Recommendation::Values(ranked);
    }
    let explain_by_last_interaction = |item: ItemIdx| {
        let last = request.history.iter().rev().find(|entry| entry.item == item);
        last.map(|entry| Contribution { item, kind: entry.kind, share: 1.0 }).into_iter().collect()
    };
    let to_recommended = |candidate: RankedCandidate| {
        let item = ItemIdx(candidate.item);
        let explanation = match candidate.origin {
            // Its seeds are no interactions of the user.
            _ if candidate.tier.is_backfill() => Vec::new(),
            Origin::Model | Origin::ColdStart | Origin::Content => {
                sources.explain_by_others(&query, item)
            }
            Origin::Trending | Origin::Picked | Origin::Match | Origin::Newest => Vec::new(),
            Origin::RecentlyViewed => explain_by_last_interaction(item),
            Origin::BuyAgain => {
                vec![Contribution { item, kind: InteractionKind::Purchase, share: 1.0 }]
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

/// Finds the `n` best allowed candidates by the request's logic, then those of the fallback and
/// the backfill.
fn find_candidates(
    sources: CandidateSources<'_>,
    request: &Request<'_>,
    query: &QueryVector,
    n: usize,
    allows: &dyn Fn(u32) -> bool,
) -> TieredCandidates {
    let Request { list, candidate_set, booster, .. } = *request;
    let scope = CandidateScope { candidate_set, booster };
    let mut found = TieredCandidates::new(booster);
    add_candidates_of_logic(&mut found, sources, request, query, n, allows);
    if list.min_relevance != Relevance::Low || list.fallback == Fallback::None {
        return found;
    }
    // The fallback only fills missing places, unless reranking may remove candidates.
    let may_lose_candidates =
        list.rotation_rate > 0.0 || request.values.is_some() || !request.constraints.is_empty();
    let n = if may_lose_candidates { n } else { list.count };
    let n_kept = n.max(found.len());
    let places = found.open_places(n);
    if list.fallback == Fallback::Personal && list.logic != Logic::Personal && places.n > 0 {
        let known = found.items();
        let own = sources.personal_candidates(
            &sources.query_vector_with_weak_signals(request.history, request.weak_signals),
            places.n,
            0.0,
            scope,
            |item| !known.contains(&item) && allows(item),
        );
        found.add(Tier::PERSONAL_FALLBACK, own.range, own.candidates);
        found.truncate(n_kept);
    }
    let is_complete = list.logic == Logic::Trending
        && (request.period_popularity.is_none() || list.interaction.is_some());
    if !is_complete {
        let known = found.items();
        let is_new = |item: u32| !known.contains(&item) && allows(item);
        let places = found.open_places(n);
        let trending = sources.trending_candidates(TrendingBasis::All, &places, scope, is_new);
        found.add(Tier::TRENDING_FALLBACK, ScoreRange::POPULARITY, trending_origin(trending));
        found.truncate(n_kept);
    }
    let places = found.open_places(n);
    if let Some(backfill) = request.backfill
        && places.n > 0
    {
        let seeds = (backfill.seeds)();
        let list = ListRequest { count: places.n, logic: Logic::Similar, ..list.clone() };
        let behind = Request {
            list: &list,
            seeds: &seeds,
            eligibility: backfill.eligibility,
            candidate_set: backfill.candidate_set,
            backfill: None,
            ..*request
        };
        let known = found.items();
        let allows =
            |item: u32| !known.contains(&item) && backfill.eligibility.allows(ItemIdx(item));
        let query = sources.query_vector_for_request(&behind);
        found.add_backfill(find_candidates(sources, &behind, &query, places.n, &allows));
        found.truncate(n_kept);
    }
    found
}

/// Adds the `n` best allowed candidates that the request's logic finds.
fn add_candidates_of_logic(
    found: &mut TieredCandidates,
    sources: CandidateSources<'_>,
    request: &Request<'_>,
    query: &QueryVector,
    n: usize,
    allows: &dyn Fn(u32) -> bool,
) {
    let Request { list, candidate_set, booster, .. } = *request;
    let scope = CandidateScope { candidate_set, booster };
    let (own, origin) = match list.logic {
        Logic::Personal
        | Logic::Similar
        | Logic::CrossSell
        | Logic::WatchNext
        | Logic::Together => {
            let share_min = sources.relevance_share_min(list.min_relevance);
            let personal = sources.personal_candidates(query, n, share_min, scope, allows);
            found.add(Tier::LOGIC, personal.range, personal.candidates);
            return;
        }
        Logic::ContentBased => {
            let alike = sources.personal_candidates(query, n, 0.0, scope, allows);
            let candidates = alike.candidates.into_iter();
            let candidates = candidates.map(|(item, score, _)| (item, score, Origin::Content));
            found.add(Tier::LOGIC, alike.range, candidates);
            return;
        }
        Logic::Trending => {
            let by = match (request.period_popularity, list.interaction) {
                (Some(ranked), _) => TrendingBasis::Period(ranked),
                (None, Some(kind)) => TrendingBasis::Kind(kind),
                (None, None) => TrendingBasis::All,
            };
            let trending = sources.trending_candidates(by, &found.open_places(n), scope, allows);
            found.add(Tier::LOGIC, ScoreRange::POPULARITY, trending_origin(trending));
            return;
        }
        Logic::RecentlyViewed => {
            (own_history::find_viewed_items(sources, request), Origin::RecentlyViewed)
        }
        Logic::ContinueWatching => {
            (own_history::find_unfinished_items(request), Origin::RecentlyViewed)
        }
        Logic::Picks => (own_history::order_picks(sources, request), Origin::Picked),
        Logic::Newest => {
            // A booster may bring forward what is not among the newest alone.
            let n = if booster.is_some() { n.max(NEWEST_BOOSTED) } else { n };
            let newest = own_history::find_newest_items(sources, n, candidate_set, allows);
            (newest, Origin::Newest)
        }
        Logic::BuyAgain => {
            (sources.due_purchases(request.history, request.now_s), Origin::BuyAgain)
        }
    };
    let range = ScoreRange::up_to(1.0);
    let score = |item: u32, score: f32| match booster {
        Some(booster) => range.boost(score, booster.boost(ItemIdx(item))),
        None => score,
    };
    let own = own.into_iter().filter(|(item, _)| allows(*item));
    found.add(Tier::LOGIC, range, own.map(|(item, own)| (item, score(item, own), origin)));
    found.truncate(n);
}

fn trending_origin(trending: Vec<(u32, f32)>) -> impl Iterator<Item = (u32, f32, Origin)> {
    trending.into_iter().map(|(item, share)| (item, share, Origin::Trending))
}
